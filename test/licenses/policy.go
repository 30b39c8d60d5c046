// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
	"go.yaml.in/yaml/v3"
)

// A policy is the file policy.yaml.
type policy struct {
	Allowed    []string
	Exceptions []*exception
	Modules    map[string]*reviewed // by path@version: Go modules whose license files say too little
	Npm        map[string]*reviewed // by name@version: packages whose package.json has no license
	Debian     map[string]*reviewed // by name
}

// An exception allows further licenses to a program that is run, and neither linked nor shipped.
type exception struct {
	Program  string // its package, without a version
	Licenses []string
	Reason   string
	used     bool
}

// A reviewed license is one that a person has read.
type reviewed struct {
	License, Reason string
	used            bool
}

// A use is how a thing is used.
type use int

const (
	linkedIn use = iota // a program of ours or a test; or shipped
	run                 // as a program of its own
)

func readPolicy(file string) (*policy, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var p policy
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	if err := decoder.Decode(&p); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &p, p.validate(file)
}

func (p *policy) validate(file string) error {
	if ok, wrong := spdxexp.ValidateLicenses(p.Allowed); !ok {
		return fmt.Errorf("%s: allowed: %q are no SPDX identifiers", file, wrong)
	}
	for _, id := range p.Allowed {
		if why := never(id); why != "" {
			return fmt.Errorf("%s: allowed: %s: %s", file, id, why)
		}
	}
	for _, e := range p.Exceptions {
		if e.Reason == "" || len(e.Licenses) == 0 {
			return fmt.Errorf("%s: the exception of %s needs licenses and a reason", file, e.Program)
		}
		for _, id := range e.Licenses {
			if why := never(id); why != "" {
				return fmt.Errorf("%s: no exception for %s: %s: %s", file, e.Program, id, why)
			}
		}
	}
	for name, r := range p.Debian {
		for _, id := range p.choose(r.License) {
			if why := never(id); why != "" {
				return fmt.Errorf("%s: debian: %s: %s: %s", file, name, id, why)
			}
		}
	}
	return nil
}

// never says why no exception can be made for a license; it is empty where one can be.
func never(id string) string {
	switch {
	case id == unknown:
		return "no license file, or a text that is no known license"
	case strings.HasPrefix(id, "AGPL-"), strings.HasPrefix(id, "SSPL-"):
		return "who offers the program over a network has to give away its source"
	case strings.HasPrefix(id, "BUSL-"), strings.HasPrefix(id, "Elastic-"), strings.HasPrefix(id, "FSL-"), strings.HasPrefix(id, "PolyForm-"), id == "CommonsClause":
		return "the source is available, but use is restricted: this is no open source license"
	}
	return ""
}

// licensesOf returns the licenses of a module: those that a person has read, if its files say too little.
func (p *policy) licensesOf(m module) ([]string, error) {
	ids, err := m.licenses()
	if r := p.Modules[m.name()]; err == nil && r != nil && slices.Contains(ids, unknown) {
		r.used = true
		return p.choose(r.License), nil
	}
	return ids, err
}

// refuse says why something with these licenses may not be used so; it is empty where it may.
func (p *policy) refuse(name string, as use, ids []string) string {
	var wrong []string
	for _, id := range ids {
		if slices.Contains(p.Allowed, id) || as == run && p.excepted(name, id) {
			continue
		}
		why := never(id)
		switch {
		case why != "":
		case strings.HasPrefix(id, "GPL-") || strings.HasPrefix(id, "LGPL-"):
			why = "copyleft; a program that is only run may have an exception with a reason in test/licenses/policy.yaml"
		default:
			why = "not among those that test/licenses/policy.yaml allows; add it there if its terms are met"
		}
		wrong = append(wrong, fmt.Sprintf("%s: %s: %s", name, id, why))
	}
	return strings.Join(wrong, "\n")
}

func (p *policy) excepted(program, id string) bool {
	program, _, _ = strings.Cut(program, "@")
	for _, e := range p.Exceptions {
		if e.Program == program && slices.Contains(e.Licenses, id) {
			e.used = true
			return true
		}
	}
	return false
}

// unused are the entries that nothing needs any more. Those of modules are needed by programs of others too, which may not all have been read.
func (p *policy) unused(all bool) (problems []string) {
	for _, e := range p.Exceptions {
		if !e.used {
			problems = append(problems, "test/licenses/policy.yaml: the exception of "+e.Program+" is not needed: remove it")
		}
	}
	reviews := map[string]map[string]*reviewed{"npm": p.Npm, "debian": p.Debian}
	if all {
		reviews["modules"] = p.Modules
	}
	for kind, entries := range reviews {
		for name, r := range entries {
			if !r.used {
				problems = append(problems, "test/licenses/policy.yaml: "+kind+": "+name+" is not used: remove it")
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// choose returns the licenses of an SPDX expression that are made use of: where one may be chosen, the first that is allowed.
func (p *policy) choose(expression string) (ids []string) {
	all, err := spdxexp.ExtractLicenses(expression)
	if err != nil {
		return []string{unknown}
	}
	slices.Sort(all)
	for _, id := range all {
		if ok, err := spdxexp.Satisfies(expression, []string{id}); err == nil && ok && slices.Contains(p.Allowed, id) {
			return []string{id}
		}
	}
	return all
}
