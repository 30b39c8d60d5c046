// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// edges is the metric of calls between services.
var edges = otlptranslator.Metric{Name: "traces_service_graph_request_total", Type: otlptranslator.MetricTypeMonotonicCounter}

// maxChanges bounds the deployments that are looked at.
const maxChanges = 10_000

// surroundings asks which service depends on which, and what was deployed: at once if an alert has begun to fire, because what was done in the minutes before
// is what people look for.
func (b *Book) surroundings(ctx context.Context, now time.Time, begun bool) error {
	b.mu.Lock()
	age := slowly
	if slices.ContainsFunc(b.all, func(i incident.Incident) bool { return i.State == incident.Open }) {
		age = quickly // somebody waits to know what was deployed
	}
	b.mu.Unlock()
	if !begun && now.Sub(b.asked) < age {
		return nil
	}
	graph := &incident.Graph{}
	c := b.Catalog()
	for _, s := range c.Services {
		for _, d := range c.Dependencies(s) {
			if d.Service != nil {
				graph.Add(s.Namespace, s.Name, d.Service.Namespace, d.Service.Name)
			}
		}
	}
	label := func(m model.Metric, attribute string) string {
		if v, ok := m[model.LabelName(b.Names.Attribute(attribute))]; ok {
			return bounded(string(v))
		}
		return bounded(string(m[model.LabelName(promname.Recorded(attribute))]))
	}
	calls, err := b.seldom(ctx, fmt.Sprintf("count by (%s) (last_over_time(%s[1d]))", b.labels("client", "client_"+semconv.ServiceNamespace, "server", "server_"+semconv.ServiceNamespace, "connection_type"), b.metric(edges)), now, slowly)
	if err != nil {
		return err
	}
	for _, s := range calls {
		from, to := label(s.Metric, "client"), label(s.Metric, "server")
		if from == "" || to == "" || label(s.Metric, "connection_type") != "" { // a message waits for the one who takes it
			continue
		}
		fromNamespace, toNamespace := label(s.Metric, "client_"+semconv.ServiceNamespace), label(s.Metric, "server_"+semconv.ServiceNamespace)
		if known := c.Emitter(fromNamespace, from); known != nil {
			fromNamespace = known.Namespace
		}
		if known := c.Emitter(toNamespace, to); known != nil {
			toNamespace = known.Namespace
		}
		graph.Add(fromNamespace, from, toNamespace, to)
	}
	changes, err := b.deployments(ctx, now, label)
	if err == nil {
		err = b.others(ctx, now, label, &changes)
	}
	if err != nil {
		return err
	}
	b.graph, b.changes, b.asked = graph, changes, now
	return nil
}

func (b *Book) deployments(ctx context.Context, now time.Time, label func(model.Metric, string) string) (incident.Changes, error) {
	place := b.labels(semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment, semconv.ServiceVersion)
	start := b.metric(semconv.DeploymentStart.Metric)
	found, err := b.lasting(ctx, func(length string) string {
		return "max by (" + place + ") (last_over_time(" + start + "[" + length + "]))"
	}, now)
	if err != nil {
		return incident.Changes{}, err
	}
	known, err := b.seldom(ctx, "min(min_over_time(timestamp("+start+")[30d:1h]))", now, pastEvery)
	if err != nil {
		return incident.Changes{}, err
	}
	all := incident.Changes{Since: now.Add(-time.Hour)}
	for _, s := range known {
		all.Since = seconds(float64(s.Value))
	}
	service := func(m model.Metric) incident.Service {
		return incident.Service{Namespace: label(m, semconv.ServiceNamespace), Name: label(m, semconv.ServiceName), Environment: label(m, semconv.Environment)}
	}
	// What ran when the service was first seen is no change. It may have come back since, with a later time.
	earliest := func(length string) string {
		return "min by (" + b.labels(semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment) + ") (min_over_time(" + start + "[" + length + "]))"
	}
	recent, err := b.vector(ctx, earliest("70m"), now)
	if err != nil {
		return incident.Changes{}, err
	}
	before, err := b.seldom(ctx, earliest("30d"), now, pastEvery)
	if err != nil {
		return incident.Changes{}, err
	}
	first := make(map[incident.Service]time.Time, len(recent))
	for _, s := range append(recent, before...) { // what was known before counts
		first[service(s.Metric)] = seconds(float64(s.Value))
	}
	for _, s := range found[:min(len(found), maxChanges)] {
		one := incident.Change{Service: service(s.Metric), Kind: incident.Deployment, Version: label(s.Metric, semconv.ServiceVersion), At: seconds(float64(s.Value))}
		if at, ok := first[one.Service]; !ok || one.At.After(at) {
			all.List = append(all.List, one)
		}
	}
	return all, nil
}

// others adds the changes that are no deployments. An incident that somebody has opened is none that causes one.
func (b *Book) others(ctx context.Context, now time.Time, label func(model.Metric, string) string, all *incident.Changes) error {
	by := b.labels(semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment, semconv.ChangeID, semconv.ChangeKind, semconv.ChangeName, semconv.ChangePrevious, semconv.ChangeValue, semconv.ChangeStatus, semconv.UserName)
	found, err := b.vector(ctx, "max by ("+by+") (last_over_time("+b.metric(semconv.ChangeTime.Metric)+"[30d]))", now)
	if err != nil {
		return err
	}
	known := map[string]int{} // where one is in the list: more of it becomes known with time
	for _, s := range found[:min(len(found), maxChanges)] {
		kind, id := label(s.Metric, semconv.ChangeKind), label(s.Metric, semconv.ChangeID)
		if kind == string(change.Incident) {
			continue
		}
		one := incident.Change{
			Service: incident.Service{
				Namespace: label(s.Metric, semconv.ServiceNamespace), Name: label(s.Metric, semconv.ServiceName), Environment: label(s.Metric, semconv.Environment),
			},
			Kind: kind, Subject: label(s.Metric, semconv.ChangeName), Previous: label(s.Metric, semconv.ChangePrevious), Value: label(s.Metric, semconv.ChangeValue),
			Status: label(s.Metric, semconv.ChangeStatus), Actor: label(s.Metric, semconv.UserName), At: seconds(float64(s.Value)),
		}
		if i, ok := known[id]; ok && id != "" {
			before := &all.List[i]
			before.Previous, before.Value, before.Actor = cmp.Or(before.Previous, one.Previous), cmp.Or(before.Value, one.Value), cmp.Or(before.Actor, one.Actor)
			if before.Status == "" || before.Status == change.Started {
				before.Status = cmp.Or(one.Status, before.Status)
			}
			continue
		}
		one.Return = kind == string(change.Infrastructure) && one.Subject == wayback.ChangeName(one.Name)
		known[id] = len(all.List)
		all.List = append(all.List, one)
	}
	return b.verdicts(ctx, now, label, known, all)
}

func seconds(unix float64) time.Time { return time.UnixMilli(int64(unix * 1000)).UTC() }

func (b *Book) vector(ctx context.Context, query string, at time.Time) (model.Vector, error) {
	value, err := b.Source.At(ctx, query, at)
	if err != nil {
		return nil, err
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("the answer is a %s, not a vector", value.Type())
	}
	return vector, nil
}

func (b *Book) labels(attributes ...string) string {
	var all []string
	for _, a := range attributes {
		all = append(all, promname.QuoteLabel(b.Names.Attribute(a)))
	}
	return strings.Join(all, ", ")
}

// metric selects all series of a metric.
func (b *Book) metric(m otlptranslator.Metric) string {
	return promname.Select(b.Names.Metric(m))
}
