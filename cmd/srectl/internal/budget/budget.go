// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package budget is `srectl budget`: whether enough is left of the error budgets to release features.
package budget

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

const formatMarkdown = "markdown"

// A request is what the flags say.
type request struct {
	url, below, environment string
	catalog, translation    string
	services, slos          []string
	exceptions              []string
	excuse                  bool
}

// NewCommand is `srectl budget`.
func NewCommand() *cobra.Command { return newCommand(time.Now) }

func newCommand(now func() time.Time) *cobra.Command {
	var r request
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "budget --fail-below SHARE",
		Short: "Fail if too little is left of an error budget: a gate that freezes features",
		Long: `budget reads the budget of every SLO from the collector's status page, and fails if one has less left than --fail-below. It names each such SLO, and
the services that it depends on which burn or have spent their own budget: --excuse-dependencies lets these SLOs pass. --except lets an SLO, or
all of a service, pass until a day; it has an owner.

If the URL is that of a server with Prometheus' API, it asks that for the collector's gauges and what the generated rules record. Dependencies are those
of --catalog then, and SLOs that are not in it are proposed.

SLOs that are only proposed, and those whose budget is not known, do not fail.

Exits 0 if enough is left, 1 if not, 2 if the page cannot be asked or knows no budget.`,
		Example: `  srectl budget --fail-below 10% --service shop/checkout
  srectl budget --fail-below 10% --url http://prometheus:9090 --catalog ./catalog
  srectl budget --fail-below 0 --excuse-dependencies --except 'shop/checkout/latency owner=alice until=2026-12-24'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			all, err := r.read(cmd.Context(), now())
			if err != nil {
				return err
			}
			if err := all.write(cmd.OutOrStdout(), format); err != nil {
				return err
			}
			if slices.ContainsFunc(all.SLOs, func(s slo) bool { return s.Verdict == below }) {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.below, "fail-below", "", "the share of the budget that has to be left, such as 10%; 0: it must not be overspent")
	flags.StringSliceVar(&r.services, "service", nil, "only these services: name, or namespace/name; can be repeated")
	flags.StringSliceVar(&r.slos, "slo", nil, "only these SLOs; can be repeated")
	flags.StringVar(&r.environment, "environment", "", "only this environment")
	flags.StringArrayVar(&r.exceptions, "except", nil, "an SLO or service that passes, its owner and the last day: 'SERVICE[/SLO] owner=NAME until=YYYY-MM-DD'; can be repeated")
	flags.BoolVar(&r.excuse, "excuse-dependencies", false, "let SLOs pass whose service depends on one that burns or has spent its budget")
	flags.StringVar(&r.url, "url", collector.DefaultPage, "the collector's status page, or a server with Prometheus' API; a user and password can be in it")
	flags.StringVar(&r.catalog, "catalog", os.Getenv("OTELCOL_SRE_CATALOG"), "catalog folder or file, if a server with Prometheus' API is asked")
	flags.StringVar(&r.translation, "translation", string(alerts.DefaultOptions().Translation), "the translation_strategy by which that server names OTLP metrics")
	format = output.NewFormat(flags, output.Table, output.JSON, output.YAML, formatMarkdown)
	_ = cmd.MarkFlagRequired("fail-below") // fails for an unknown flag only
	return cmd
}

// The verdicts of an SLO.
const (
	enough   = "ok"
	below    = "below"
	excused  = "excused"  // a dependency is at fault
	excepted = "excepted" // until a day
	proposed = "proposed" // nobody has agreed to it
	unknown  = "unknown"
)

// A report is what there is to say. Its texts are as the page has them: each format escapes them.
type report struct {
	FailBelow float64 `json:"failBelow"`
	SLOs      []slo   `json:"slos"`
}

type slo struct {
	Service     string        `json:"service"`
	Namespace   string        `json:"namespace,omitempty"`
	Environment string        `json:"environment"`
	SLO         string        `json:"slo"`
	Left        output.Number `json:"budgetLeft"`
	Burn        output.Number `json:"burnRate1h"`
	State       string        `json:"state"`
	Verdict     string        `json:"verdict"`
	// Why is more about the verdict.
	Why string `json:"why,omitempty"`
	// Dependencies are those that burn or have spent their budget.
	Dependencies []string `json:"failingDependencies,omitempty"`
}

func (s slo) fullName() string { return strings.TrimPrefix(s.Namespace+"/"+s.Service, "/") }

// share reads 10% or 0.1.
func share(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		f /= 100
	}
	if err != nil || math.IsNaN(f) || f < 0 || f > 1 {
		return 0, fmt.Errorf("--fail-below %.60q is not a share: write one from 0 to 100%%, such as 10%%", text)
	}
	return f, nil
}

// An exception lets an SLO pass.
type exception struct {
	of, owner string
	until     time.Time // the beginning of the day after the last
}

func parseException(text string) (e exception, err error) {
	wrong := func(why string) error {
		return fmt.Errorf("--except %.100q %s: write one such as 'shop/checkout/latency owner=alice until=2026-12-24'", text, why)
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return e, wrong("is empty")
	}
	e.of = fields[0]
	for _, field := range fields[1:] {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "owner":
			e.owner = value
		case "until":
			if e.until, err = time.Parse(time.DateOnly, value); err != nil {
				return e, wrong("has an end that is not a day")
			}
			e.until = e.until.AddDate(0, 0, 1)
		default:
			return e, wrong("has an unknown word")
		}
	}
	if e.owner == "" || e.until.IsZero() {
		return e, wrong("has no owner or no end")
	}
	return e, nil
}

// fits reports whether the exception is about an SLO.
func (e exception) fits(s slo) bool {
	return slices.Contains([]string{s.Service, s.fullName(), s.Service + "/" + s.SLO, s.fullName() + "/" + s.SLO}, e.of)
}

func (r report) write(out io.Writer, format *output.Format) error {
	if format.Data() {
		return format.Write(out, r)
	}
	failed := 0
	g := output.Grid{Right: 6, Header: []string{"Service", "SLO", "Env", "Verdict", "State", "Why", "Budget left", "Burn 1h"}}
	for _, s := range r.SLOs {
		if s.Verdict == below {
			failed++
		}
		g.Rows = append(g.Rows, []string{s.fullName(), s.SLO, s.Environment, s.Verdict, s.State, cmp.Or(s.Why, "-"), percent(s.Left), times(s.Burn)})
	}
	g.Title = fmt.Sprintf("%s of %d have less than %s of their budget left", output.Count(failed, "SLO"), len(r.SLOs), percent(output.Number(r.FailBelow)))
	text := g.Text() + "\n" + g.Title + "\n"
	if format.Value == formatMarkdown {
		text = g.Markdown(3)
	}
	_, err := io.WriteString(out, text)
	return err
}

func percent(n output.Number) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return strconv.FormatFloat(100*float64(n), 'g', 4, 64) + "%"
}

func times(n output.Number) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return strconv.FormatFloat(float64(n), 'g', 3, 64) + "x"
}
