// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Details are what was asked of an incident, as of a time.
type Details struct {
	At time.Time `json:"at"`
	// BurnEnd is when its SLOs were last seen to burn; zero is not known, or not over.
	BurnEnd time.Time `json:"burn_end,omitzero"`
	// Failed and Events are those of each SLO since it began.
	Failed []Count `json:"failed"`
	// Requests are those that failed first.
	Requests []Request `json:"requests"`
	// Evidence is that of versions, as DeploymentRegression has it.
	Evidence []incident.Change `json:"evidence,omitempty"`
	// Burns are those of services that others depend on, and that have no alert.
	Burns []incident.Burn `json:"burns,omitempty"`
	// Final says that it was asked after the incident was over.
	Final bool `json:"final,omitempty"`
}

// A Count is how many events of an SLO failed.
type Count struct {
	incident.Service
	SLO    string  `json:"slo"`
	Failed float64 `json:"failed"`
	Events float64 `json:"events"`
}

// A Request is one that failed.
type Request struct {
	Service string    `json:"service"`
	TraceID string    `json:"trace_id"`
	At      time.Time `json:"time"`
}

const (
	// maxDetailed bounds the incidents that one reading asks about.
	maxDetailed = 20
	maxRequests = 3
	// beginning is where the first failing requests are looked for.
	beginning = 15 * time.Minute
	// fresh is how long DeploymentRegression looks at a version.
	fresh = time.Hour
)

// evident are the changes, with what is known of their versions.
func (b *Book) evident(details map[string]Details) incident.Changes {
	all := incident.Changes{Since: b.changes.Since, List: slices.Clone(b.changes.List)}
	for _, d := range details {
		for _, e := range d.Evidence {
			for i := range all.List {
				c := &all.List[i]
				if c.Kind == incident.Deployment && c.Name == e.Name && c.Version == e.Version && (e.Namespace == "" || c.Namespace == e.Namespace) && (e.Environment == "" || c.Environment == e.Environment) {
					c.Evidence = max(c.Evidence, e.Evidence)
				}
			}
		}
	}
	return all
}

// detail asks about incidents that go on, and once about those that are over.
func (b *Book) detail(ctx context.Context, all []incident.Incident, known map[string]Details, now time.Time) (map[string]Details, error) {
	details := map[string]Details{}
	asked := 0
	for i := range all {
		one := &all[i]
		before, ok := known[one.ID]
		if ok {
			details[one.ID] = before
		}
		if ok && before.Final || asked >= maxDetailed {
			continue
		}
		asked++
		d, err := b.ask(ctx, one, now)
		if err != nil {
			return details, err
		}
		if len(d.Requests) == 0 { // exemplars are kept for a short time
			d.Requests = before.Requests
		}
		if len(d.Burns) == 0 {
			d.Burns = before.Burns
		}
		details[one.ID] = d
	}
	return details, nil
}

func (b *Book) ask(ctx context.Context, of *incident.Incident, now time.Time) (d Details, err error) {
	d = Details{At: now, Final: of.State == incident.Resolved, Failed: []Count{}, Requests: []Request{}}
	end := now
	if !of.End.IsZero() {
		end = of.End
	}
	burning := false
	for _, a := range of.Services {
		for _, slo := range a.SLOs {
			values, err := b.burn(ctx, a.Service, slo, of.Start.Add(-time.Minute), end)
			if err != nil {
				return d, err
			}
			step := stepOf(end.Sub(of.Start) + time.Minute)
			for _, v := range slices.Backward(values) {
				if !(v.Value > 1) {
					continue
				}
				at := v.Timestamp.Time().UTC()
				if of.State == incident.Open && end.Sub(at) <= 2*step {
					burning = true
				}
				// The rate is that of the five minutes before.
				if last := at.Add(-5 * time.Minute); last.After(of.Start) && last.After(d.BurnEnd) {
					d.BurnEnd = last
				}
				break
			}
		}
	}
	if burning {
		d.BurnEnd = time.Time{}
	}
	if d.Failed, err = b.counts(ctx, of, end); err != nil {
		return d, err
	}
	if d.Evidence, err = b.evidence(ctx, of, now); err != nil {
		return d, err
	}
	if d.Burns, err = b.beneath(ctx, of, now); err != nil {
		return d, err
	}
	d.Requests = b.requests(ctx, of, end)
	return d, nil
}

// patternOf is a pattern of the affected services.
func patternOf(all []incident.Affected) string {
	var names []string
	for _, a := range all {
		names = append(names, regexp.QuoteMeta(a.Name))
	}
	slices.Sort(names)
	return strconv.Quote(strings.Join(slices.Compact(names), "|"))
}

// counts are the events of the SLOs: those of the counters, and where the collector does not count, what rules recorded.
func (b *Book) counts(ctx context.Context, of *incident.Incident, end time.Time) ([]Count, error) {
	length := max(end.Sub(of.Start), time.Minute)
	attributes := []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment, semconv.SLOName}
	services := patternOf(of.Services)
	counted := func(more ...string) string {
		selector := promname.Select(b.Names.Metric(b.events()), append([]string{promname.QuoteLabel(b.Names.Attribute(semconv.ServiceName)) + "=~" + services}, more...)...)
		return fmt.Sprintf("sum by (%s) (increase(%s[%dms]))", b.labels(attributes...), selector, length.Milliseconds())
	}
	bad := promname.QuoteLabel(b.Names.Attribute(semconv.SLOOutcome)) + `="bad"`
	recorded := func(metric string) string {
		return fmt.Sprintf("sum by (service_namespace, service_name, deployment_environment_name, slo_name) (sum_over_time(%s{service_name=~%s}[%dms])) / 5", metric, services, (length + 5*time.Minute).Milliseconds())
	}
	type key struct {
		incident.Service
		slo string
	}
	counts := map[key]*Count{}
	read := func(query string, at time.Time, set func(*Count, float64), fallback bool) error {
		found, err := b.vector(ctx, query, at)
		for _, s := range found {
			spell := b.spell(s.Metric)
			k := key{spell.Service, spell.SLO}
			if counts[k] == nil {
				if fallback && slices.ContainsFunc(slices.Collect(maps.Keys(counts)), func(other key) bool { return other.slo == k.slo && other.Name == k.Name }) {
					continue
				}
				counts[k] = &Count{Service: spell.Service, SLO: spell.SLO}
			} else if fallback && counts[k].Events > 0 {
				continue
			}
			set(counts[k], float64(s.Value))
		}
		return err
	}
	for _, q := range []struct {
		query    string
		at       time.Time
		set      func(*Count, float64)
		fallback bool
	}{
		{counted(""), end, func(c *Count, v float64) { c.Events = v }, false},
		{counted(bad), end, func(c *Count, v float64) { c.Failed = v }, false},
		{recorded("slo:sli_bad:increase5m"), end.Add(5 * time.Minute), func(c *Count, v float64) { c.Failed = v }, true},
		{recorded("slo:sli_total:increase5m"), end.Add(5 * time.Minute), func(c *Count, v float64) { c.Events = v }, true},
	} {
		if err := read(q.query, q.at, q.set, q.fallback); err != nil {
			return nil, err
		}
	}
	all := []Count{}
	for _, c := range counts {
		if of.About(c.Namespace, c.Name, c.Environment, c.SLO) {
			all = append(all, *c)
		}
	}
	slices.SortFunc(all, func(x, y Count) int {
		return cmp.Or(cmp.Compare(y.Failed, x.Failed), cmp.Compare(x.Name, y.Name), cmp.Compare(x.SLO, y.SLO))
	})
	return all, nil
}

func (*Book) events() otlptranslator.Metric { return semconv.SLOEvents.Metric }

// evidence is what the rules make of the versions that were young when it began.
func (b *Book) evidence(ctx context.Context, of *incident.Incident, now time.Time) (all []incident.Change, err error) {
	at := of.Start.Add(fresh)
	if at.After(now) {
		at = now
	}
	const by = "service_namespace, service_name, deployment_environment_name, service_version"
	found, err := b.vector(ctx, fmt.Sprintf("max by (%s) (sum by (%s, slo_name) (slo:version_worse:evalue{service_name=~%s}))", by, by, patternOf(of.Services)), at)
	for _, s := range found {
		spell := b.spell(s.Metric)
		if v := float64(s.Value); v > 0 {
			all = append(all, incident.Change{Service: spell.Service, Kind: incident.Deployment, Version: spell.Group, Evidence: v})
		}
	}
	return all, err
}

// beneath are the SLOs that burn of services that those affected depend on. It is asked while the incident goes on.
func (b *Book) beneath(ctx context.Context, of *incident.Incident, now time.Time) (all []incident.Burn, err error) {
	if of.State == incident.Resolved {
		return nil, nil
	}
	selector := promname.Select(b.Names.Metric(semconv.SLOBurnRate.Metric), promname.QuoteLabel(b.Names.Attribute(semconv.SLOWindow))+`="1h"`)
	found, err := b.vector(ctx, fmt.Sprintf("max by (%s) (%s) > 1", b.labels(semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment, semconv.SLOName), selector), now)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		spell := b.spell(s.Metric)
		beneath := slices.ContainsFunc(of.Services, func(a incident.Affected) bool { return b.graph.Depends(a.Service, spell.Service) })
		if !beneath || len(all) >= maxDetailed {
			continue
		}
		values, err := b.burn(ctx, spell.Service, spell.SLO, of.Start.Add(-time.Hour), now)
		if err != nil {
			return nil, err
		}
		if found, ok := heaviest(values, stepOf(now.Sub(of.Start)+time.Hour)); ok {
			all = append(all, incident.Burn{Service: spell.Service, SLO: spell.SLO, Start: found.start})
		}
	}
	return all, nil
}

// requests are those that failed first: of the origin, or where none is known, of another. Not every Prometheus has exemplars: one
// without them is not an error.
func (b *Book) requests(ctx context.Context, of *incident.Incident, end time.Time) []Request {
	durations := b.Names.Metric(otlptranslator.Metric{Name: "traces.span.metrics.duration", Unit: "ms", Type: otlptranslator.MetricTypeHistogram}) + "_bucket"
	failed := promname.QuoteLabel(b.Names.Attribute("status.code")) + `="STATUS_CODE_ERROR"`
	incoming := promname.QuoteLabel(b.Names.Attribute("span.kind")) + `=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"`
	until := of.Start.Add(beginning)
	if until.After(end) {
		until = end
	}
	all := []Request{}
	for _, a := range of.Services {
		examples, err := b.Source.Examples(ctx, b.selector(durations, b.Names.Attribute, incident.Service{Name: a.Name, Environment: a.Environment}, "", failed, incoming), of.Start.Add(-time.Minute), until)
		if err != nil {
			return all
		}
		seen := map[string]bool{}
		for _, series := range examples {
			for _, e := range series.Exemplars {
				trace := string(e.Labels["trace_id"])
				if raw, err := hex.DecodeString(trace); err != nil || len(raw) != 16 || seen[trace] {
					continue
				}
				seen[trace] = true
				all = append(all, Request{bounded(a.Name), trace, e.Timestamp.Time().UTC()})
			}
		}
		if len(all) > 0 {
			break
		}
	}
	slices.SortFunc(all, func(x, y Request) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.TraceID, y.TraceID)) })
	return all[:min(len(all), maxRequests)]
}
