// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package doctor is `srectl doctor`: it says what a running collector does not count, and why.
package doctor

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/doctor"
)

// NewCommand is `srectl doctor`.
func NewCommand() *cobra.Command {
	var (
		address string
		period  time.Duration
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what a running collector does not count, and why",
		Long: `doctor watches a running collector for ten seconds. It shows what arrives, what is counted for which SLO, and which ports answer. Then it lists
what is wrong, each in one line with its fix: names that the catalog does not have, span kinds and conditions that no SLO counts, clocks
that are wrong, refused requests, exporters that do not send, and more. docs/troubleshooting.md explains each.

It asks the status page, whose /doctor shows the same, and the collector's own metrics on port 8888. The variables of the built-in configs
(OTELCOL_SRE_OTLP_GRPC, OTELCOL_SRE_TELEMETRY_PORT, ...) say where the ports are, if they are not the usual ones.

It exits 0 if all is well, 1 if it found something, 2 if the status page does not answer.`,
		Example: "  srectl doctor\n  srectl doctor --url http://otelcol-sre:8686 --for 1m -o json | jq .findings",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "url", collector.DefaultPage, "the collector's status page")
	flags.DurationVar(&period, "for", 10*time.Second, "how long to watch")
	format := output.NewFormat(flags, output.Table, output.Wide, output.JSON, output.YAML)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := format.Check(); err != nil {
			return err
		}
		if period <= 0 || period > time.Hour {
			return fmt.Errorf("--for is %v: must be above 0, and at most 1h", period)
		}
		page, err := collector.NewPage("--url", address)
		if err != nil {
			return err
		}
		w := watch{page: page, ports: portsOf(page.URL), period: period, wait: wait}
		found, asked := w.run(cmd.Context())
		if err := write(cmd.OutOrStdout(), format, found); err != nil {
			return err
		}
		switch {
		case asked != nil:
			return asked
		case len(found.Findings) > 0:
			return exit.ErrNotOK
		}
		return nil
	}
	return cmd
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// A result is what was seen.
type result struct {
	Seconds  float64          `json:"seconds"`
	Ports    []port           `json:"ports"`
	Arriving []arriving       `json:"arriving"`
	SLOs     []doctor.SLO     `json:"slos"`
	Findings []doctor.Finding `json:"findings"`
}

// An arriving is a sender, with what it sent per second while it was watched.
type arriving struct {
	doctor.Sender
	SpansPerSecond      float64 `json:"spans_per_second"`
	LogRecordsPerSecond float64 `json:"log_records_per_second"`
	DataPointsPerSecond float64 `json:"data_points_per_second"`
}

// A watch watches a collector.
type watch struct {
	page   *collector.Page
	ports  []port
	period time.Duration
	wait   func(context.Context, time.Duration) error
}

// run asks twice. The error is that of the status page; the result has what was found out without it.
func (w *watch) run(ctx context.Context) (result, error) {
	r := result{Seconds: w.period.Seconds(), Arriving: []arriving{}, SLOs: []doctor.SLO{}, Findings: []doctor.Finding{}}
	metrics := address(w.ports, ownPort) + "/metrics"
	ownBefore, _ := collector.Own(ctx, metrics)
	var before, after doctor.Report
	_, asked := w.page.Get(ctx, "doctor", &before)
	if asked == nil {
		if err := w.wait(ctx, w.period); err != nil {
			return r, err
		}
		_, asked = w.page.Get(ctx, "doctor", &after)
	}
	ownAfter, ownErr := collector.Own(ctx, metrics)
	r.Ports = probe(ctx, w.ports)
	if asked == nil {
		r.SLOs = append(r.SLOs, after.SLOs...)
		r.Arriving = rates(before.Senders, after.Senders, w.period)
	}
	r.Findings = append(r.Findings, after.Findings...)
	if ownErr == nil && asked == nil {
		own := doctor.Own(ownBefore, ownAfter, w.period)
		r.Findings = slices.DeleteFunc(r.Findings, func(f doctor.Finding) bool { // those of a longer time are in the way of what is newer
			return f.Collector && slices.ContainsFunc(own, func(o doctor.Finding) bool { return o.Check == f.Check })
		})
		r.Findings = append(doctor.Reconcile(r.Findings, ownAfter), own...)
	}
	r.Findings = append(r.Findings, closed(r.Ports, asked == nil && !nothingArrives(after))...)
	doctor.Sort(r.Findings)
	return r, asked
}

func nothingArrives(r doctor.Report) bool {
	return slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool { return f.Check == doctor.CheckNothing })
}

// rates are what the senders sent in the time between two answers.
func rates(before, after []doctor.Sender, period time.Duration) []arriving {
	type key struct{ namespace, service, environment, version string }
	old := map[key]doctor.Sender{}
	for _, s := range before {
		old[key{s.Namespace, s.Service, s.Environment, s.Version}] = s
	}
	all := []arriving{}
	for _, s := range after {
		was := old[key{s.Namespace, s.Service, s.Environment, s.Version}]
		rate := func(now, before int64) float64 { return float64(max(now-before, 0)) / period.Seconds() }
		all = append(all, arriving{s, rate(s.Spans, was.Spans), rate(s.LogRecords, was.LogRecords), rate(s.DataPoints, was.DataPoints)})
	}
	return all
}

func write(out io.Writer, format *output.Format, r result) error {
	if format.Data() {
		return format.Write(out, r)
	}
	wide := format.Value == output.Wide
	for _, part := range []func() error{
		func() error { return output.WriteColumns(out, arrivingRows(r.Arriving, wide)) },
		func() error { return output.WriteColumns(out, sloRows(r.SLOs, wide)) },
		func() error { return output.WriteColumns(out, portRows(r.Ports)) },
	} {
		if err := part(); err != nil {
			return err
		}
		if _, err := io.WriteString(out, "\n"); err != nil {
			return err
		}
	}
	if len(r.Findings) == 0 {
		_, err := io.WriteString(out, "Nothing is wrong, as far as this can be seen from here.\n")
		return err
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(out, "%s: %s; %s\n", f.Check, printable(f.What), printable(f.Fix)); err != nil {
			return err
		}
	}
	return nil
}

// printable is a line of the page, which has bounded it.
func printable(text string) string {
	const longest = 500
	return terminal.Printable(text, longest)
}

func arrivingRows(all []arriving, wide bool) [][]string {
	rows := [][]string{{"SERVICE", "ENV", "VERSION", "SPANS/S", "LOGS/S", "POINTS/S", "KINDS", "INSTANCES"}}
	if wide {
		rows[0] = append(rows[0], "SDK", "PEERS", "LAST SEEN")
	}
	for _, a := range all {
		name := a.Service
		if a.Namespace != "" {
			name = a.Namespace + "/" + a.Service
		}
		row := []string{
			terminal.OrDash(terminal.Label(name)), terminal.OrDash(terminal.Label(a.Environment)), terminal.OrDash(terminal.Label(a.Version)),
			perSecond(a.SpansPerSecond), perSecond(a.LogRecordsPerSecond), perSecond(a.DataPointsPerSecond),
			terminal.OrDash(terminal.Label(strings.Join(a.Kinds, ","))), strconv.Itoa(len(a.Instances)),
		}
		if wide {
			row = append(row, terminal.OrDash(terminal.Label(a.SDK)), terminal.OrDash(terminal.Label(strings.Join(a.Peers, ","))), a.LastSeen.UTC().Format(time.TimeOnly)+"Z")
		}
		rows = append(rows, row)
	}
	return rows
}

func perSecond(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

func sloRows(all []doctor.SLO, wide bool) [][]string {
	rows := [][]string{{"SERVICE", "SLO", "COUNTED IN 10M", "SAMPLES GOOD", "BAD", "NOT COUNTED"}}
	for _, s := range all {
		counted := "-"
		if s.Counted != nil {
			counted = strconv.FormatFloat(*s.Counted, 'f', 0, 64)
		}
		name := s.Service
		if wide && s.Namespace != "" {
			name = s.Namespace + "/" + s.Service
		}
		var not []string
		for why, n := range s.Not {
			not = append(not, fmt.Sprintf("%d %s", n, terminal.Label(why)))
		}
		slices.Sort(not)
		rows = append(rows, []string{terminal.Label(name), terminal.Label(s.SLO), counted, strconv.Itoa(s.Good), strconv.Itoa(s.Bad), terminal.OrDash(strings.Join(not, ", "))})
	}
	return rows
}
