// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package diff is `srectl diff`: it shows the consequences of a catalog change for rules, dashboards and runbooks.
package diff

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/revision"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

const formatMarkdown = "markdown"

// NewCommand is `srectl diff`.
func NewCommand() *cobra.Command {
	var (
		asOf     string
		exitCode bool
		format   *output.Format
	)
	cmd := &cobra.Command{
		Use:   "diff OLD NEW | diff --git REVISION DIR",
		Short: "Show the consequences of a catalog change for rules, dashboards and runbooks",
		Long: `diff compares two catalogs and describes the consequences in words, for a pull request: added and removed SLOs,
changed objectives and their budgets, thresholds of alerts, added and removed alerts, labels that
make Alertmanager see a different alert, added and removed pages.

OLD and NEW are catalog folders or files. With --git, DIR in a revision is compared with
DIR in the working tree; nothing is checked out.

Exits 0 with or without changes; with --exit-code 1 if there are changes; 1 if one of the catalogs has errors,
and 2 if one cannot be read.`,
		Example: `  srectl diff --git origin/main ./catalog --format markdown >> "$GITHUB_STEP_SUMMARY"
  srectl diff ./before ./after --exit-code`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			before, after, err := diffCatalogs(cmd.ErrOrStderr(), asOf, args)
			if err != nil {
				return err
			}
			changes := compare(before, after)
			if err := diffFormats[format.Value](cmd.OutOrStdout(), changes); err != nil {
				return err
			}
			if exitCode && len(changes) > 0 {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&asOf, "git", "", "compare with this revision of the repository that DIR is in")
	format = output.NewFormat(flags, output.Text, formatMarkdown, output.JSON, output.YAML)
	flags.BoolVar(&exitCode, "exit-code", false, "exit 1 if anything changes")
	return cmd
}

// diffCatalogs loads the two catalogs that the arguments name.
func diffCatalogs(stderr io.Writer, asOf string, args []string) (before, after *catalog.Catalog, err error) {
	old, current := "", ""
	switch {
	case asOf != "" && len(args) == 1:
		current = args[0]
		if err := paths.Check([]string{current}); err != nil {
			return nil, nil, err
		}
		folder, remove, err := revision.Catalog(asOf, current)
		if err != nil {
			return nil, nil, fmt.Errorf("--git: %w", err)
		}
		defer remove()
		old = folder
	case asOf == "" && len(args) == 2:
		old, current = args[0], args[1]
	default:
		return nil, nil, errors.New("name two catalogs, OLD and NEW, or one with --git REVISION")
	}
	if err := paths.Check([]string{old, current}); err != nil {
		return nil, nil, err
	}
	before, was := catalog.Load(old)
	after, is := catalog.Load(current)
	for _, problems := range []catalog.Problems{was.Errors(), is.Errors()} {
		if len(problems) > 0 {
			text := problems.String()
			if asOf != "" {
				text = strings.ReplaceAll(text, old, asOf+":"+current)
			}
			_, err := fmt.Fprint(stderr, text)
			return nil, nil, errors.Join(err, exit.ErrNotOK)
		}
	}
	return before, after, nil
}

// A change is one consequence, in words. Service is empty if it is about several services.
type change struct {
	Service string `json:"service"`
	// About is the kind of the changed object: service, slo, alert, label, rules, dashboard or runbook.
	About string `json:"about"`
	// Kind is added, removed or changed.
	Kind string `json:"kind"`
	// What is the name of the object, Text the consequence.
	What string `json:"what"`
	Text string `json:"text"`
}

const (
	added   = "added"
	removed = "removed"
	changed = "changed"
)

var diffFormats = map[string]func(io.Writer, []change) error{
	output.Text: diffText, formatMarkdown: diffMarkdown, output.JSON: diffData(output.WriteJSON), output.YAML: diffData(output.WriteYAML),
}

const noChange = "no change\n"

var signs = map[string]string{added: "+", removed: "-", changed: "~"}

func diffText(out io.Writer, changes []change) error {
	var b strings.Builder
	if len(changes) == 0 {
		b.WriteString(noChange)
	}
	service := ""
	for i, c := range changes {
		if i == 0 || c.Service != service {
			service = c.Service
			fmt.Fprintf(&b, "%s\n", terminal.Printable(service, maxName))
		}
		fmt.Fprintf(&b, "  %s %s %s: %s\n", signs[c.Kind], c.About, terminal.Printable(c.What, maxName), terminal.Printable(c.Text, maxDiffText))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// maxName bounds quoted names.
const maxName = 300

// maxDiffText bounds a sentence, which may contain text of the catalog.
const maxDiffText = 1000

func diffMarkdown(out io.Writer, changes []change) error {
	var b strings.Builder
	if len(changes) == 0 {
		b.WriteString(noChange)
	}
	service := ""
	for i, c := range changes {
		if i == 0 || c.Service != service {
			service = c.Service
			fmt.Fprintf(&b, "%s### %s\n\n| | object | consequence |\n| --- | --- | --- |\n", strings.Repeat("\n", min(i, 1)), output.Markdown(service))
		}
		fmt.Fprintf(&b, "| %s | %s %s | %s |\n", c.Kind, c.About, output.Markdown(c.What), output.Markdown(c.Text))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func diffData(write func(io.Writer, any) error) func(io.Writer, []change) error {
	return func(out io.Writer, changes []change) error {
		if changes == nil {
			changes = []change{}
		}
		return write(out, struct {
			Changes []change `json:"changes"`
		}{changes})
	}
}
