// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	manifest = "builder-config.yaml"
	page     = "docs/building.md"
	begin    = "<!-- begin: what is missing where -->\n"
	end      = "<!-- end: what is missing where -->\n"
)

var gomod = regexp.MustCompile(`^(\S+) (v(\d+)\.(\d+)\.\S+)$`)

// A component is a module of the distribution.
type component struct{ module, version string }

// components are the modules of upstream that the distribution consists of, in the manifest's order.
func components() ([]component, error) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		return nil, err
	}
	var listed struct {
		Receivers, Processors, Exporters, Connectors, Extensions, Providers []struct{ Gomod string }
	}
	if err := yaml.Unmarshal(text, &listed); err != nil {
		return nil, fmt.Errorf("%s: %w", manifest, err)
	}
	var all []component
	for _, entry := range slices.Concat(listed.Receivers, listed.Processors, listed.Exporters, listed.Connectors, listed.Extensions, listed.Providers) {
		parts := gomod.FindStringSubmatch(entry.Gomod)
		if parts == nil {
			return nil, fmt.Errorf("%s: %q is not a module and its version", manifest, entry.Gomod)
		}
		if upstream(parts[1]) {
			all = append(all, component{parts[1], parts[2]})
		}
	}
	return all, nil
}

// showTable tells which components can be had at which release: that of core in the manifest, which contrib may follow to, and
// the newest.
func showTable(ctx context.Context, asked *lookups, newest release, docs bool) error {
	all, err := components()
	if err != nil {
		return err
	}
	releases := []release{current(all), newest}
	var queries []string
	for _, r := range releases {
		for _, c := range all {
			queries = append(queries, c.module+"@"+r.of(c.module, c.version))
		}
	}
	if err := asked.ask(ctx, queries); err != nil {
		return err
	}
	text := table(all, releases, asked.had)
	fmt.Println(text)
	if !docs {
		return nil
	}
	return writeBetween(page, text)
}

// current is the newest release that a component of core has in the manifest.
func current(all []component) (r release) {
	for _, c := range all {
		if !strings.HasPrefix(c.module, core) {
			continue
		}
		if strings.HasPrefix(c.version, "v1.") {
			r.stable = c.version
		} else {
			r.unstable = c.version
		}
	}
	return r
}

// table has the components that cannot be had at some release; the others are counted.
func table(all []component, releases []release, had map[string]string) string {
	var b strings.Builder
	b.WriteString("| component | in the distribution |")
	for _, r := range releases {
		fmt.Fprintf(&b, " %s |", r.of(contrib, ""))
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(releases)) + "\n")
	missing := make([]int, len(releases))
	for _, c := range all {
		row, complete := "", true
		for i, r := range releases {
			version := had[c.module+"@"+r.of(c.module, c.version)]
			if version == "" {
				version, complete = "**refused**", false
				missing[i]++
			}
			row += " " + version + " |"
		}
		if !complete {
			name := strings.TrimPrefix(strings.TrimPrefix(c.module, contrib+"/"), core+"/")
			fmt.Fprintf(&b, "| `%s` | %s |%s\n", name, c.version, row)
		}
	}
	b.WriteString("| all others |  |" + strings.Repeat(" had |", len(releases)) + "\n")
	fmt.Fprintf(&b, "| **missing of %d** |  |", len(all))
	for _, n := range missing {
		fmt.Fprintf(&b, " **%d** |", n)
	}
	return b.String() + "\n"
}

func writeBetween(file, text string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s: the lines %q and %q are missing: the table stands between them", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o600)
}
