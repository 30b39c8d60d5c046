// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// findings are what was found, by the ID of the vulnerability.
type findings map[string]*finding

// A finding is a vulnerability of modules that are used.
type finding struct {
	id, summary string
	fixed       map[string]string // the versions with a fix, by module@version; empty without one
	symbols     map[string]bool   // the vulnerable functions that are linked
	in          map[string]bool   // the programs that they are linked into
}

// reached reports whether any vulnerable function is linked.
func (f *finding) reached() bool { return len(f.symbols) > 0 }

func (found findings) ids() []string { return slices.Sorted(maps.Keys(found)) }

const shownSymbols = 5

func (f *finding) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", f.id, f.summary)
	for _, module := range slices.Sorted(maps.Keys(f.fixed)) {
		fix := f.fixed[module]
		if fix == "" {
			fix = "no version yet"
		}
		fmt.Fprintf(&text, "\n    %s, fixed in %s", module, fix)
	}
	if !f.reached() {
		return text.String() + "\n    none of its functions is linked"
	}
	symbols := slices.Sorted(maps.Keys(f.symbols))
	more := ""
	if len(symbols) > shownSymbols {
		symbols, more = symbols[:shownSymbols], fmt.Sprintf(" and %d more", len(symbols)-shownSymbols)
	}
	fmt.Fprintf(&text, "\n    linked into %s: %s%s", strings.Join(slices.Sorted(maps.Keys(f.in)), ", "), strings.Join(symbols, ", "), more)
	return text.String()
}

// fix is what ends a finding.
func (f *finding) fix() string {
	var steps []string
	for _, module := range slices.Sorted(maps.Keys(f.fixed)) {
		path, _, _ := strings.Cut(module, "@")
		switch version := f.fixed[module]; {
		case version == "":
		case path == "stdlib":
			steps = append(steps, "build with Go "+strings.TrimPrefix(version, "v"))
		default:
			steps = append(steps, "go get "+path+"@"+version)
		}
	}
	return strings.Join(append(steps, "or give a reason in accepted.yaml"), ", ")
}

// An acceptance is the reason why a finding stays for a while.
type acceptance struct {
	ID     string
	Reason string // why it does no harm here, and what will end it
	Until  string // the last day
}

func readAccepted(file string) ([]acceptance, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var content struct{ Accepted []acceptance }
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	seen := map[string]bool{}
	for _, a := range content.Accepted {
		_, wrong := time.Parse(time.DateOnly, a.Until)
		switch {
		case a.ID == "" || seen[a.ID]:
			return nil, fmt.Errorf("%s: %q: each entry needs an ID of its own", file, a.ID)
		case strings.TrimSpace(a.Reason) == "":
			return nil, fmt.Errorf("%s: %s needs a reason", file, a.ID)
		case wrong != nil:
			return nil, fmt.Errorf("%s: %s: until: %w", file, a.ID, wrong)
		}
		seen[a.ID] = true
	}
	return content.Accepted, nil
}

// decide returns why what was found cannot stay.
func decide(found findings, accepted []acceptance, file string, now time.Time) (problems []error) {
	reasons := map[string]acceptance{}
	for _, a := range accepted {
		reasons[a.ID] = a
		if f := found[a.ID]; f == nil || !f.reached() {
			problems = append(problems, fmt.Errorf("%s: %s is not found any more: remove its reason", file, a.ID))
		}
	}
	for _, id := range found.ids() {
		f := found[id]
		a, ok := reasons[id]
		switch {
		case !f.reached():
		case !ok:
			problems = append(problems, fmt.Errorf("%s: %s: %s", id, f.summary, f.fix()))
		case now.UTC().Format(time.DateOnly) > a.Until:
			problems = append(problems, fmt.Errorf("%s: %s: the time of its reason in %s was over on %s: %s", id, f.summary, file, a.Until, f.fix()))
		}
	}
	return problems
}
