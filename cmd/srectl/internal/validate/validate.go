// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package validate is `srectl validate`: it checks catalog files and folders.
package validate

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
)

// NewCommand is `srectl validate`.
func NewCommand() *cobra.Command {
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check catalog files and folders",
		Long: `Check catalog files, and folders with all their subfolders, with the loader of
the collector. Every problem is one line:

  file:line:column: error: path: message; fix

Exits 0 without errors, even if there are warnings, 1 with errors, 2 if a path does not exist.`,
		Example: "  srectl validate ./catalog",
		Args:    paths.Some,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			if err := paths.Check(args); err != nil {
				return err
			}
			loaded, problems := catalog.Load(args...)
			problems = append(problems, otherBudgets(loaded)...)
			if err := report(cmd.OutOrStdout(), format, loaded, problems); err != nil {
				return err
			}
			if problems.Err() != nil {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	format = output.NewFormat(cmd.Flags(), output.Text, output.JSON, output.YAML)
	return cmd
}

// otherBudgets are the SLOs whose budget is over another period than the catalog says, because only rules compute it.
func otherBudgets(loaded *catalog.Catalog) (problems catalog.Problems) {
	for _, service := range loaded.Services {
		if !slices.ContainsFunc(service.SLOs, func(s *catalog.SLO) bool { return s.SLI.Prometheus != nil }) {
			continue // the collector keeps those budgets
		}
		_, warnings := alerts.Generate(service, alerts.DefaultOptions())
		for _, w := range warnings {
			if w.Budget {
				problems = append(problems, catalog.Problem{Severity: catalog.Warning, Position: w.Position, Message: w.Message})
			}
		}
	}
	return problems
}

// A summary is validate's output after the problems, and its whole output in JSON.
type summary struct {
	Services int              `json:"services"`
	SLOs     int              `json:"slos"`
	Defaults int              `json:"defaults,omitempty"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Problems catalog.Problems `json:"problems"`
}

func report(out io.Writer, format *output.Format, loaded *catalog.Catalog, problems catalog.Problems) error {
	s := summary{
		Services: len(loaded.Services), Defaults: len(loaded.Defaults),
		Errors: len(problems.Errors()), Warnings: len(problems.Warnings()),
		Problems: problems,
	}
	for _, service := range loaded.Services {
		s.SLOs += len(service.SLOs)
	}
	if format.Data() {
		if s.Problems == nil {
			s.Problems = catalog.Problems{}
		}
		return format.Write(out, s)
	}
	defaults := ""
	if s.Defaults > 0 {
		defaults = output.Count(s.Defaults, "document") + " of Defaults, "
	}
	_, err := fmt.Fprintf(out, "%s%s, %s, %s%s, %s\n", problems,
		output.Count(s.Services, "service"), output.Count(s.SLOs, "SLO"), defaults, output.Count(s.Errors, "error"), output.Count(s.Warnings, "warning"))
	return err
}
