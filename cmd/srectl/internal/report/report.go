// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package report is `srectl report`: which SLOs were kept in a month, and what the error budgets were spent on.
package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	engine "github.com/otelcol-sre/otelcol-sre/alerts/backtest"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/backtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/ranges"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/month"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxVersions are how many versions of an SLO, and of an hour of it, are shown.
const maxVersions = 5

// NewCommand is `srectl report`.
func NewCommand() *cobra.Command {
	r := request{}
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "report --month YEAR-MONTH",
		Short: "Report the SLOs of a month: kept or not, budgets spent, worst hours, versions",
		Long: `report computes for each SLO of a catalog which share of a calendar month's events was good, and which share of the budget of
these events was spent. For SLOs that were not perfect, it shows the worst hours and the versions that failed in them, with their deployments.
Events in maintenance do not count.

It asks a Prometheus, or any server with its API, the generated rules' own queries; the server need not have the rules. It has to keep samples
for a month. With --url, it asks the collector for its own minute history, which knows no versions, and nothing of SLIs by PromQL; and for what the
bad events have in common, if it keeps a ledger.

Exits 0 if no SLO was missed, 1 if one was, 2 if the server cannot be asked.`,
		Example: `  srectl report --month 2026-10 --catalog ./catalog -o html > october.html`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			report, err := r.make(ctx, cmd.ErrOrStderr(), time.Now())
			if err != nil {
				return err
			}
			if err := write(cmd.OutOrStdout(), format, report); err != nil {
				return err
			}
			if slices.ContainsFunc(report.SLOs, func(c compliance) bool { return c.result(report) == missed }) {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.month, "month", "", "the month, such as 2026-10")
	flags.StringVar(&r.zone, "time-zone", "UTC", "the IANA time zone in which it begins and ends")
	flags.StringVar(&r.catalog, "catalog", cmp.Or(os.Getenv("OTELCOL_SRE_CATALOG"), "catalog"), "catalog folder or file")
	r.place.Flags(cmd)
	flags.StringVar(&r.translation, "translation", string(alerts.DefaultOptions().Translation), "the translation_strategy by which Prometheus names OTLP metrics")
	flags.StringSliceVar(&r.services, "service", nil, "only these services: name, or namespace/name; can be repeated")
	format = output.NewFormat(flags, formatMarkdown, "html", "csv", output.JSON, output.YAML)
	_ = cmd.MarkFlagRequired("month") // fails for an unknown flag only
	return cmd
}

// A request is what the flags say.
type request struct {
	month, zone, catalog, translation string
	place                             ranges.Place
	services                          []string
}

// A report is the SLOs of a month. Its texts are as the catalog and the telemetry have them: each format escapes them.
type report struct {
	Month      string    `json:"month"`
	TimeZone   string    `json:"timeZone"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Running    bool      `json:"running,omitempty"` // the month is not over
	Prometheus string    `json:"prometheus,omitempty"`
	// Collector is the status page, if its history was asked.
	Collector string       `json:"collector,omitempty"`
	SLOs      []compliance `json:"slos"`
}

// A compliance is one SLO in one environment and group. Shares are from 0 to 1.
type compliance struct {
	Service     string            `json:"service"`
	Namespace   string            `json:"namespace,omitempty"`
	Owner       string            `json:"owner,omitempty"`
	Environment string            `json:"environment"`
	SLO         string            `json:"slo"`
	Group       map[string]string `json:"group,omitempty"`
	Objective   float64           `json:"objective"`
	Events      float64           `json:"events"`
	Bad         float64           `json:"bad"`
	// Good is the share of good events, null without events. Kept says whether it is the objective or more.
	Good output.Number `json:"good"`
	Kept *bool         `json:"kept,omitempty"`
	// Spent is the share of the budget of the month's events: of a month that is not over, of those that it will have.
	Spent output.Number `json:"budgetSpent"`
	// AtWorst is that share if everything failed in the gaps since events were first recorded; null without gaps.
	AtWorst output.Number `json:"budgetSpentAtWorst"`
	// Measured is the share of the month in which events were recorded, and MaintenanceSeconds how long they did not count.
	Measured           float64 `json:"measured"`
	MaintenanceSeconds float64 `json:"maintenanceSeconds,omitempty"`
	// Unmeasured are the longest times of which it is not known what happened, though events count. More are left out.
	Unmeasured     []gap     `json:"unmeasured,omitempty"`
	MoreUnmeasured int       `json:"moreUnmeasured,omitempty"`
	WorstHours     []hour    `json:"worstHours,omitempty"`
	Versions       []version `json:"versions,omitempty"`
	// Causes are what its bad events have in common, as the collector's ledger has it; the first explains most.
	Causes []attribution.Line `json:"causes,omitempty"`
	// Incidents are what they spent, as the collector knows them. With what others did, and what failed outside of all, they add up.
	Incidents        []inIncident `json:"incidents,omitempty"`
	OtherIncidents   float64      `json:"otherIncidents,omitempty"`
	OutsideIncidents float64      `json:"outsideOfIncidents,omitempty"`
}

// A gap is a time that was not measured. Its cause is known where the collector's own history is read.
type gap struct {
	Start time.Time    `json:"start"`
	End   time.Time    `json:"end"`
	Cause ledger.Cause `json:"cause,omitempty"`
}

func (c compliance) fullName() string { return strings.TrimPrefix(c.Namespace+"/"+c.Service, "/") }

// An hour of an SLO.
type hour struct {
	Start    time.Time     `json:"start"`
	Events   float64       `json:"events"`
	Bad      float64       `json:"bad"`
	Spent    output.Number `json:"budgetSpent"`
	Versions []version     `json:"versions,omitempty"`
}

// A version is what a version had of the bad events.
type version struct {
	Version    string  `json:"version"`
	Deployment string  `json:"deployment,omitempty"`
	Revision   string  `json:"revision,omitempty"`
	Events     float64 `json:"events"`
	Bad        float64 `json:"bad"`
}

func (r request) make(ctx context.Context, stderr io.Writer, now time.Time) (*report, error) {
	m, err := month.Parse(r.month, r.zone, now, "--month", "--time-zone")
	if err != nil {
		return nil, err
	}
	options, err := backtest.Options(r.translation)
	if err != nil {
		return nil, err
	}
	server, err := r.place.Source(options.Translation)
	if err != nil {
		return nil, err
	}
	defer server.Forget()
	if err := paths.Check([]string{r.catalog}); err != nil {
		return nil, err
	}
	loaded, problems := catalog.Load(r.catalog)
	if found := problems.Errors(); len(found) > 0 {
		_, err := fmt.Fprint(stderr, found.String())
		return nil, errors.Join(err, fmt.Errorf("%s has errors: correct them first", r.catalog))
	}
	result := &report{Month: r.month, TimeZone: r.zone, From: m.From, To: m.To, Running: m.Running, Prometheus: server.Address()}
	if !server.Asks() {
		result.Prometheus, result.Collector = "", result.Prometheus
	}
	files := server.Files(ctx)
	progress := ranges.NewProgress(stderr, server)
	defer progress.End()
	for _, service := range loaded.Services {
		if len(r.services) > 0 && !slices.Contains(r.services, service.Name) && !slices.Contains(r.services, strings.TrimPrefix(service.Namespace+"/"+service.Name, "/")) {
			continue
		}
		progress.About(service.Slug())
		if err := backtest.Missing(stderr, server, service); err != nil {
			return nil, err
		}
		all, err := engine.Record(ctx, server, service, options, files, m.Since(), m.To)
		if err != nil {
			return nil, err
		}
		deployed, err := deployments(ctx, server, service, promname.New(options.Translation), m.From, m.To)
		if err != nil {
			return nil, err
		}
		for _, slo := range service.SLOs {
			n := 0
			for _, events := range all {
				if events.SLO == slo {
					result.SLOs = append(result.SLOs, comply(service, events, deployed, m))
					n++
				}
			}
			if n == 0 {
				nothing := output.Number(math.NaN())
				result.SLOs = append(result.SLOs, compliance{Service: service.Name, Namespace: service.Namespace, Owner: service.Owner, SLO: slo.Name, Objective: slo.ObjectiveRatio(), Good: nothing, Spent: nothing, AtWorst: nothing})
			}
		}
		server.Forget()
	}
	if len(result.SLOs) == 0 {
		return nil, fmt.Errorf("%s has no service that --service names, with an SLO", r.catalog)
	}
	if !slices.ContainsFunc(result.SLOs, func(c compliance) bool { return c.Measured > 0 }) {
		return nil, fmt.Errorf("%s has no events of these SLOs in %s: check that it has %s, and keeps them for so long", server.Address(), r.month, server.Needs())
	}
	return result, result.askCauses(ctx, r.place.Page(), now)
}

func comply(service *catalog.Service, e engine.Events, deployed deployed, m month.Month) compliance {
	of := m.Summarize(service, e.SLO, e)
	c := compliance{
		Service: service.Name, Namespace: service.Namespace, Owner: service.Owner, Environment: e.Environment, SLO: e.SLO.Name, Group: e.Group,
		Objective: e.SLO.ObjectiveRatio(), Events: of.Events, Bad: of.Bad, Good: output.Number(of.Good), Kept: of.Kept, Spent: output.Number(of.Spent), AtWorst: output.Number(of.AtWorst),
		Measured: of.Measured, MaintenanceSeconds: of.Excluded.Seconds(), Versions: versions(e, deployed, m.From, m.To),
	}
	for _, g := range of.Unmeasured {
		c.Unmeasured = append(c.Unmeasured, gap{g.From.In(m.From.Location()), g.To.In(m.From.Location()), g.Cause})
	}
	c.MoreUnmeasured = of.More
	for _, h := range of.Worst {
		c.WorstHours = append(c.WorstHours, hour{h.Start, h.Events, h.Bad, output.Number(h.Spent), versions(e, deployed, h.Start, h.End)})
	}
	return c
}

// versions are those with bad events in a time, the worst first.
func versions(e engine.Events, deployed deployed, from, to time.Time) (all []version) {
	for _, name := range e.Versions() {
		if bad, events := e.Version(name, from, to); bad >= 0.5 {
			d := deployed.at(e.Environment, name, to)
			all = append(all, version{name, d.id, d.revision, events, bad})
		}
	}
	slices.SortStableFunc(all, func(a, b version) int { return cmp.Compare(b.Bad, a.Bad) })
	return all[:min(maxVersions, len(all))]
}

// deployed are the deployments of a service, by environment and version, oldest first.
type deployed map[[2]string][]deployment

type deployment struct {
	since        time.Time
	id, revision string
}

// at is the newest deployment of a version that was there before a time.
func (d deployed) at(environment, version string, t time.Time) (newest deployment) {
	for _, one := range d[[2]string{environment, version}] {
		if one.since.Before(t) {
			newest = one
		}
	}
	return newest
}

// deployments asks which deployments were there in each hour.
func deployments(ctx context.Context, server ranges.Source, service *catalog.Service, names promname.Names, from, to time.Time) (deployed, error) {
	environment, version := names.Attribute(semconv.Environment), names.Attribute(semconv.ServiceVersion)
	id, revision := names.Attribute(semconv.DeploymentID), names.Attribute(semconv.Revision)
	by := make([]string, 0, 4)
	for _, label := range []string{environment, version, id, revision} {
		by = append(by, promname.QuoteLabel(label))
	}
	query := fmt.Sprintf(`max by (%s) (last_over_time({__name__=%q, %s=%q, %s=%q}[1h]))`, strings.Join(by, ", "), names.Metric(semconv.DeploymentInfo.Metric),
		promname.QuoteLabel(names.Attribute(semconv.ServiceName)), service.Name, promname.QuoteLabel(names.Attribute(semconv.ServiceNamespace)), service.Namespace)
	matrix, err := server.Range(ctx, query, from.Add(time.Hour), to.Add(time.Hour), time.Hour) // the last hour may not be over
	if err != nil {
		return nil, err
	}
	all := deployed{}
	for _, series := range matrix {
		key := [2]string{series.Metric.Get(environment), series.Metric.Get(version)}
		all[key] = append(all[key], deployment{
			since: time.UnixMilli(series.Floats[0].T).Add(-time.Hour),
			id:    series.Metric.Get(id), revision: series.Metric.Get(revision),
		})
	}
	for _, of := range all {
		slices.SortFunc(of, func(a, b deployment) int { return a.since.Compare(b.since) })
	}
	return all, nil
}
