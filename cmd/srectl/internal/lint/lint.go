// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package lint is `srectl lint`: it checks generated files and every link between alerts, runbooks and dashboards.
package lint

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/dashboards"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// NewCommand is `srectl lint`.
func NewCommand() *cobra.Command {
	var (
		l          linter
		prometheus string
		format     *output.Format
	)
	defaults := alerts.DefaultOptions()
	cmd := &cobra.Command{
		Use:   "lint --catalog DIR --dir OUT",
		Short: "Check generated files and every link between alerts, runbooks and dashboards",
		Long: `lint checks the files of srectl generate without a network: the catalog and the rule files are valid;
each runbook_url has a page, and each dashboard_url a service or a dashboard for Grafana; each link of a
page has its target; each page has an alert; rules and pages were generated from this catalog.
Every problem is one line:

  file:line: error: message; fix

With --prometheus it also checks the Prometheus that evaluates the rules: it keeps samples for as long as the rules
read back, has loaded these rules, can evaluate them, and has their series.

Exits 0 without errors, even if there are warnings, 1 with errors, 2 if a folder does not exist or Prometheus does not answer.`,
		Example: "  srectl lint --catalog ./catalog --dir .\n  srectl lint --catalog ./catalog --dir . --prometheus http://localhost:9090",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			if err := paths.Check([]string{l.catalog, l.dir}); err != nil {
				return err
			}
			l.lint()
			if prometheus != "" {
				if err := l.lintPrometheus(cmd.Context(), prometheus); err != nil {
					return err
				}
			}
			if err := l.report(cmd.OutOrStdout(), format); err != nil {
				return err
			}
			if l.problems.Err() != nil {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&l.catalog, "catalog", "", "catalog folder or file")
	flags.StringVar(&l.dir, "dir", ".", "folder that srectl generate wrote to")
	flags.StringVar(&l.runbookURL, "runbook-url", defaults.RunbookURL, "the value that generate had")
	flags.StringVar(&l.dashboardURL, "dashboard-url", defaults.DashboardURL, "the value that generate had")
	flags.StringVar(&prometheus, "prometheus", "", "address of the Prometheus that evaluates the rules, to check it too")
	format = output.NewFormat(flags, output.Text, output.JSON, output.YAML)
	_ = cmd.MarkFlagRequired("catalog") // fails for an unknown flag only
	return cmd
}

// A linter collects the problems of a folder of generated files.
type linter struct {
	catalog, dir             string
	runbookURL, dashboardURL string

	problems catalog.Problems
	// services are those of the catalog and the collector, by name.
	services map[string]*catalog.Service
	// pages are the existing runbooks, by path below dir.
	pages map[string]*lintPage
	// dashboards are those in Grafana that alerts may lead to, by uid: their paths below dir, without what formats end in.
	// nil: alerts do not lead there.
	dashboards map[string]string
	// linked are the runbooks that alerts lead to.
	linked map[string]bool
	// ruled are the services whose rules are there.
	ruled  map[string]bool
	alerts int
	links  int
	// strays are the annotations, by key, that do not begin with the base that was given: one mistake, however many alerts.
	strays map[string]*strays
}

// strays are counted in the problem of the first of them.
type strays struct{ problem, more int }

// A lintPage has the checked parts of a runbook. Keeping all texts would need too much memory.
type lintPage struct {
	links               []runbooks.Link
	anchors             map[string]bool
	generated, orphaned bool
	// input is what the page was generated from, on line inputLine.
	input     string
	inputLine int
}

func (l *linter) lint() {
	loaded, problems := catalog.Load(l.catalog)
	l.problems = append(l.problems, problems...)
	l.services = map[string]*catalog.Service{}
	for _, s := range append([]*catalog.Service{alerts.CollectorService()}, loaded.Services...) {
		l.services[s.Slug()] = s
	}
	l.linked, l.ruled, l.strays = map[string]bool{}, map[string]bool{}, map[string]*strays{}
	if generated.CutUID(&l.dashboardURL) {
		l.dashboards = map[string]string{}
		plans, _ := dashboards.Plans(loaded.Services, dashboards.DefaultOptions())
		for _, p := range plans {
			l.dashboards[p.UID] = strings.TrimSuffix(p.Path, ".json")
		}
	}
	l.readPages()
	l.lintRules()
	for _, e := range l.strays {
		if e.more > 0 {
			l.problems[e.problem].Message += fmt.Sprintf(", nor do %d more", e.more)
		}
	}
	for _, s := range loaded.Services {
		if !l.ruled[s.Slug()] {
			l.error(path.Join(generated.AlertsFolder, alerts.FileName(s)), 0, fmt.Sprintf("the rules of service %q are missing", bare(s.Name)), "run srectl generate alerts")
		}
	}
	l.lintPages()
	slices.SortStableFunc(l.problems, func(a, b catalog.Problem) int {
		return strings.Compare(fmt.Sprintf("%s:%9d", a.File, a.Line), fmt.Sprintf("%s:%9d", b.File, b.Line))
	})
}

func (l *linter) error(file string, line int, message, fix string) {
	l.add(catalog.Error, file, line, message, fix)
}

// add takes a path below the folder and says where it is from here.
func (l *linter) add(severity catalog.Severity, file string, line int, message, fix string) {
	l.problems = append(l.problems, catalog.Problem{
		Severity: severity, Message: message, Fix: fix,
		Position: catalog.Position{File: filepath.Join(l.dir, filepath.FromSlash(file)), Line: line},
	})
}

// bare bounds text of a file in a message.
func bare(s string) string { return terminal.Printable(s, terminal.MaxLabel) }

// maxGenerated bounds the files that are read, in bytes.
const maxGenerated = 32 << 20

func (l *linter) read(file string) ([]byte, bool) {
	name := filepath.Join(l.dir, filepath.FromSlash(file))
	info, err := os.Stat(name)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxGenerated) {
		l.error(file, 0, fmt.Sprintf("is not a file of at most %d bytes", maxGenerated), "run srectl generate")
		return nil, false
	}
	text, err := os.ReadFile(name)
	if err != nil {
		l.error(file, 0, "cannot be read: "+reason(err), "make it readable")
		return nil, false
	}
	return text, true
}

func reason(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, ": "); at >= 0 {
		text = text[at+2:]
	}
	return bare(text)
}

// A lintSummary is lint's output after the problems, and its whole output in JSON.
type lintSummary struct {
	Alerts   int              `json:"alerts"`
	Pages    int              `json:"pages"`
	Links    int              `json:"links"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Problems catalog.Problems `json:"problems"`
}

func (l *linter) report(out io.Writer, format *output.Format) error {
	s := lintSummary{l.alerts, len(l.pages), l.links, len(l.problems.Errors()), len(l.problems.Warnings()), l.problems}
	if format.Data() {
		if s.Problems == nil {
			s.Problems = catalog.Problems{}
		}
		return format.Write(out, s)
	}
	var b bytes.Buffer
	b.WriteString(l.problems.String())
	fmt.Fprintf(&b, "%s, %s, %s, %s, %s\n", output.Count(s.Alerts, "alert"), output.Count(s.Pages, "page"), output.Count(s.Links, "link"),
		output.Count(s.Errors, "error"), output.Count(s.Warnings, "warning"))
	_, err := out.Write(b.Bytes())
	return err
}
