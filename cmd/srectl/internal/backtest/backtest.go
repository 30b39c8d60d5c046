// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package backtest is `srectl backtest`: what a catalog, or a change of it, would have done over a time that has passed.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	engine "github.com/otelcol-sre/otelcol-sre/alerts/backtest"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/ranges"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/revision"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// maxLength is the longest time that can be asked about.
const maxLength = 366 * 24 * time.Hour

// NewCommand is `srectl backtest`.
func NewCommand() *cobra.Command {
	var (
		b      backtest
		format *output.Format
	)
	cmd := &cobra.Command{
		Use:   "backtest --catalog DIR [--against REVISION|DIR]",
		Short: "Replay the rules of a catalog over the past: budgets, alerts, pages",
		Long: `backtest generates the rules of a catalog and replays them over a time of a Prometheus: the budgets at the end of it, each
alert that would have fired with its start, end and time to detect, pages per week, and how long pages fired for nothing. With --against, it
compares them with those of another catalog: a folder, or a revision of the git repository that DIR is in.

The Prometheus, or any server with its API, has the counters of the collector (slo_events_total), and what the PromQL of SLIs reads. It need
not have the rules. It is asked the rules' own queries at their own times; everything else is evaluated here, by Prometheus' own engine. With --url,
the collector's own minute history is asked instead, over its status page: it needs no Prometheus, goes back for the SLO's period, and knows neither
versions nor SLIs by PromQL.

A page is false if at no moment from its firing to its end the failures of its long window took the share of the period's budget for which it
pages. --suggest finds the objective that each SLO would have kept, and how often it would have paged.

Exits 0 if all is well, 1 if a budget would be spent at the end or there are more than --max-pages-per-week, 2 if it cannot be asked.`,
		Example: `  srectl backtest --catalog ./catalog --last 30d
  srectl backtest --catalog ./catalog --against origin/main --service checkout -o markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			b.stderr = cmd.ErrOrStderr()
			r, err := b.run(ctx, time.Now())
			if err != nil {
				return err
			}
			if err := write(cmd.OutOrStdout(), format, r); err != nil {
				return err
			}
			if slices.ContainsFunc(r.SLOs, sloResult.Spent) || b.maxPages >= 0 && r.PagesPerWeek > b.maxPages {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.catalog, "catalog", "", "catalog folder or file")
	flags.StringVar(&b.against, "against", "", "compare with this catalog: a folder, or a revision of the repository that --catalog is in")
	flags.StringSliceVar(&b.services, "service", nil, "only these services: name, or namespace/name; can be repeated")
	flags.StringSliceVar(&b.slos, "slo", nil, "only SLOs of this name; can be repeated")
	b.place.Flags(cmd)
	b.times.Flags(flags)
	flags.StringVar(&b.translation, "translation", string(alerts.DefaultOptions().Translation), "the translation_strategy by which Prometheus names OTLP metrics")
	flags.Float64Var(&b.maxPages, "max-pages-per-week", -1, "exit 1 if there are more pages per week; below 0: any number is well")
	flags.BoolVar(&b.suggest, "suggest", false, "suggest objectives")
	format = output.NewFormat(flags, output.Table, formatMarkdown, output.JSON, output.YAML)
	_ = cmd.MarkFlagRequired("catalog") // fails for an unknown flag only
	return cmd
}

// A backtest is what the flags say.
type backtest struct {
	catalog, against string
	services, slos   []string
	place            ranges.Place
	translation      string
	times            ranges.Times
	maxPages         float64
	suggest          bool
	stderr           io.Writer
}

// The results are those of the engine, which the status page answers with, too.
type (
	result      = engine.Result
	outcome     = engine.Outcome
	sloResult   = engine.SLOResult
	alertResult = engine.AlertResult
	number      = engine.Number
	selection   = engine.Selection
)

func (b *backtest) run(ctx context.Context, now time.Time) (result, error) {
	from, to, err := b.times.Bounds(now, maxLength)
	if err != nil {
		return result{}, err
	}
	options, err := Options(b.translation)
	if err != nil {
		return result{}, err
	}
	server, err := b.place.Source(options.Translation)
	if err != nil {
		return result{}, err
	}
	defer server.Forget()
	current, err := b.load(b.catalog)
	if err != nil {
		return result{}, err
	}
	var before *catalog.Catalog
	if b.against != "" {
		if before, err = b.loadAgainst(); err != nil {
			return result{}, err
		}
	}
	selected := engine.Select(current, b.services, b.slos)
	if len(selected) == 0 {
		return result{}, fmt.Errorf("%s has no SLO that --service and --slo name", b.catalog)
	}
	q := &engine.Question{From: from, To: to, Server: server, Options: options, Suggest: b.suggest, Files: server.Files(ctx)}
	r := result{From: from, To: to, Outcome: outcome{Catalog: b.catalog, Alerts: []alertResult{}}}
	if r.Prometheus = server.Address(); !server.Asks() {
		r.Prometheus, r.Collector = "", r.Prometheus
	}
	others := map[string]selection{}
	if before != nil {
		r.Against = &outcome{Catalog: b.against, Alerts: []alertResult{}}
		for _, s := range engine.Select(before, b.services, b.slos) {
			others[s.Service.Slug()] = s
		}
	}
	progress := ranges.NewProgress(b.stderr, server)
	defer progress.End()
	answer := func(to *outcome, s selection, q engine.Question) error {
		progress.About(s.Service.Slug())
		if err := Missing(b.stderr, server, s.Service); err != nil {
			return err
		}
		one, err := q.Answer(ctx, s)
		if err == nil {
			to.Add(one)
		}
		return err
	}
	quiet := *q
	quiet.Suggest = false
	// One service after the other bounds the memory; both catalogs, because they ask much the same.
	for _, s := range selected {
		if err := answer(&r.Outcome, s, *q); err != nil {
			return result{}, err
		}
		if other, ok := others[s.Service.Slug()]; ok {
			delete(others, s.Service.Slug())
			if err := answer(r.Against, other, quiet); err != nil {
				return result{}, err
			}
		}
		server.Forget()
	}
	if before != nil { // services that the change removes
		for _, s := range engine.Select(before, b.services, b.slos) {
			if _, left := others[s.Service.Slug()]; left {
				if err := answer(r.Against, s, quiet); err != nil {
					return result{}, err
				}
				server.Forget()
			}
		}
		r.Against.Sum(to.Sub(from))
	}
	r.Sum(to.Sub(from))
	if !r.Measured() {
		return result{}, fmt.Errorf("%s has no events of these SLOs in this time: check that it has %s", server.Address(), server.Needs())
	}
	return r, nil
}

// Missing says which SLOs of a service the source cannot have.
func Missing(out io.Writer, of ranges.Source, service *catalog.Service) (err error) {
	if of.Asks() {
		return nil
	}
	for _, slo := range service.SLOs {
		if slo.SLI.Prometheus != nil && err == nil {
			_, err = fmt.Fprintf(out, "%s %s: its SLI is PromQL, of which a collector has no history; ask a Prometheus with --prometheus\n", service.Slug(), slo.Name)
		}
	}
	return err
}

// Options are those of the rules in a Prometheus with this translation_strategy, the value of --translation.
func Options(translation string) (alerts.Options, error) {
	o := alerts.DefaultOptions()
	o.Translation = otlptranslator.TranslationStrategyOption(translation)
	if !slices.Contains(promname.Strategies, o.Translation) {
		return o, fmt.Errorf("--translation %q is not known: write one of %v", translation, promname.Strategies)
	}
	return o, nil
}

// load loads a catalog without errors.
func (b *backtest) load(path string) (*catalog.Catalog, error) {
	if err := paths.Check([]string{path}); err != nil {
		return nil, err
	}
	loaded, problems := catalog.Load(path)
	if found := problems.Errors(); len(found) > 0 {
		_, err := fmt.Fprint(b.stderr, found.String())
		return nil, errors.Join(err, fmt.Errorf("%s has errors: correct them first", path))
	}
	return loaded, nil
}

// loadAgainst loads the other catalog: a path if there is one, else a revision.
func (b *backtest) loadAgainst() (*catalog.Catalog, error) {
	if _, err := os.Stat(b.against); err == nil {
		return b.load(b.against)
	}
	folder, remove, err := revision.Catalog(b.against, b.catalog)
	if err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	defer remove()
	loaded, err := b.load(folder)
	if err != nil {
		return nil, fmt.Errorf("--against %s: %w", b.against, errors.New(strings.ReplaceAll(err.Error(), folder, b.against+":"+b.catalog)))
	}
	return loaded, nil
}
