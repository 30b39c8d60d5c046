// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	and             = " AND "
	programsHeading = "\n## Programs that make, workflows and tests run\n"
)

// judge returns what the policy refuses. It fills in the licenses that the policy knows.
func (i *inventory) judge() (problems []error) {
	p := i.policy
	refuse := func(name string, as use, ids []string) {
		if why := p.refuse(name, as, ids); why != "" {
			problems = append(problems, errors.New(why))
		}
	}
	for _, it := range slices.Concat(i.shipped, i.besides, i.tests) {
		refuse(it.name, linkedIn, it.licenses)
	}
	for _, it := range i.programs {
		refuse(it.name, run, sorted(append(slices.Collect(maps.Keys(it.links)), it.licenses...)))
	}
	for k := range i.npm {
		pkg := &i.npm[k]
		if r := p.Npm[pkg.name]; r != nil && pkg.license == "" {
			r.used, pkg.license = true, r.License
		}
		refuse(pkg.name, linkedIn, p.choose(pkg.license))
		if chosen := strings.Join(p.choose(pkg.license), and); strings.Contains(pkg.license, " OR ") {
			pkg.license += ": " + chosen
		}
	}
	for k := range i.debian {
		pkg := &i.debian[k]
		r := p.Debian[pkg.name]
		if r == nil {
			refuse(pkg.name, run, []string{unknown})
			continue
		}
		r.used, pkg.license = true, r.License
		if r.Reason == "" {
			refuse(pkg.name, run, p.choose(r.License))
		}
	}
	for _, problem := range p.unused(i.all) {
		problems = append(problems, errors.New(problem))
	}
	return problems
}

// markdown is the page.
func (i *inventory) markdown() string {
	var b strings.Builder
	b.WriteString(introduction)
	section := func(heading, text string) { fmt.Fprintf(&b, "%s\n%s\n\n", heading, text) }

	section("\n## Linked into the programs that are shipped\n", fmt.Sprintf("%d modules: %s.", len(i.shipped), summary(i.shipped)))
	b.WriteString("| module | license | in |\n| --- | --- | --- |\n")
	for _, it := range append(slices.Clone(i.besides), i.shipped...) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", it.name, strings.Join(it.licenses, and), strings.Join(it.where, ", "))
	}
	section("\n## Linked into tests and tools only\n", fmt.Sprintf("%d modules: %s.", len(i.tests), summary(i.tests)))
	b.WriteString("| module | license |\n| --- | --- |\n")
	for _, it := range i.tests {
		fmt.Fprintf(&b, "| %s | %s |\n", it.name, strings.Join(it.licenses, and))
	}
	section(programsHeading, "Built from modules, none of them shipped. The last column counts the other modules that a program links, by license; it is empty for a module that only files are read of.")
	b.WriteString("| program or module | license | links |\n| --- | --- | --- |\n")
	for _, it := range i.programs {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", it.name, strings.Join(it.licenses, and), counts(it.links))
	}
	for _, e := range i.policy.Exceptions {
		fmt.Fprintf(&b, "\nException for %s (%s): %s\n", e.Program, strings.Join(e.Licenses, ", "), strings.TrimSpace(e.Reason))
	}
	section("\n## npm packages\n", "As their `package-lock.json` says. None is shipped.")
	b.WriteString("| package | license | in |\n| --- | --- | --- |\n")
	for _, pkg := range i.npm {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", pkg.name, pkg.license, strings.Join(pkg.locks, ", "))
	}
	section("\n## Debian packages\n", "Installed by CI and for tests. None is shipped.")
	b.WriteString("| package | license | installed by | copyleft, but |\n| --- | --- | --- | --- |\n")
	for _, pkg := range i.debian {
		reason := ""
		if r := i.policy.Debian[pkg.name]; r != nil {
			reason = r.Reason
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", pkg.name, pkg.license, strings.Join(pkg.where, ", "), reason)
	}
	return b.String()
}

func summary(all []item) string {
	count := map[string]int{}
	for _, it := range all {
		count[strings.Join(it.licenses, and)]++
	}
	return counts(count)
}

// counts writes the most frequent first.
func counts(count map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	for k, key := range keys {
		keys[k] = fmt.Sprintf("%s (%d)", key, count[key])
	}
	return strings.Join(keys, ", ")
}

const introduction = `<!-- Written by "make licenses": edit test/licenses/policy.yaml, not this page. -->

# Licenses

otelcol-sre is licensed under the [Apache License 2.0](../LICENSE). This page has the license of everything that its programs and tests
link, that it ships, and that make, workflows and tests run. [Building](building.md#licenses) says how it is made and what to do when CI refuses one.
`
