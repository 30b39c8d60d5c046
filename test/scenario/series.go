// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// A series is what a scrape finds: labels, and a value at a time or none.
type series struct {
	labels labels.Labels
	at     func(time.Time) (v float64, ok bool)
}

// Job is the job label of what the collectors write, and collectorInstance the instance where the
// scenario does not tell collectors apart.
const (
	job               = "otelcol-sre"
	collectorInstance = "collector-0"
)

// series are all that the collectors of the scenario expose.
func (s *Scenario) series() []series {
	var all []series
	for _, other := range s.Others {
		all = append(all, series{other.Labels, func(t time.Time) (float64, bool) { return other.At(s.Until(t)) }})
	}
	if s.SLO == nil {
		return all
	}
	for i := range s.Streams {
		all = append(all, s.counters(&s.Streams[i])...)
	}
	all = append(all, series{
		s.labels("service_telemetry_last_seen_seconds", collectorInstance),
		func(t time.Time) (float64, bool) {
			at, ok := s.LastSeen(s.Until(t))
			return float64(s.Start.Add(at).UnixMilli()) / 1000, ok
		},
	})
	if s.SLO.SLI.Prometheus == nil && (s.SLO.Window.Calendar != nil || len(s.SLO.Resets) > 0 || s.Service.Schedule(s.SLO).Recurs() || len(s.Service.Schedule(s.SLO).Corrections) > 0) {
		all = append(all, s.budget())
	}
	for _, v := range s.Versions {
		all = append(all, s.deployment(v)...)
	}
	return all
}

// budget is the error budget as the collector keeps it. The rules need it where PromQL has no range for
// the period.
func (s *Scenario) budget() series {
	remaining := s.Budget
	if remaining == nil {
		remaining = func(at time.Duration) (float64, bool) { return Truth{s}.BudgetRemaining(at), true }
	}
	return series{
		s.labels("slo_error_budget_remaining_ratio", collectorInstance, "slo_name", s.SLO.Name),
		func(t time.Time) (float64, bool) { return remaining(s.Until(t)) },
	}
}

// counters are the stream's two counters: slo_events_total, or what a Prometheus SLI's queries read.
func (s *Scenario) counters(stream *Stream) []series {
	pick := func(value func(Reading) float64) func(time.Time) (float64, bool) {
		return func(t time.Time) (float64, bool) {
			r, ok := stream.Read(s.Until(t))
			return value(r), ok
		}
	}
	good := pick(func(r Reading) float64 { return r.Good })
	bad := pick(func(r Reading) float64 { return r.Bad })
	if always := bad; stream.Sparse {
		bad = func(t time.Time) (float64, bool) {
			v, ok := always(t)
			return v, ok && v > 0
		}
	}
	if s.SLO.SLI.Prometheus != nil {
		foreign := func(name string) labels.Labels {
			return labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name, "job", s.Service.Name,
				"instance", stream.instance(), "version", stream.Version)).Labels()
		}
		total := pick(func(r Reading) float64 { return r.Good + r.Bad })
		return []series{{foreign(ForeignErrors), bad}, {foreign(ForeignTotal), total}}
	}
	events := func(outcome string) labels.Labels {
		return s.labels("slo_events_total", stream.instance(),
			"service_version", stream.Version, "k8s_cluster_name", stream.Cluster, "slo_name", s.SLO.Name, "slo_outcome", outcome)
	}
	return []series{{events("bad"), bad}, {events("good"), good}}
}

// The metrics of scenarios whose SLI is a Prometheus query: the queries must read these.
const (
	ForeignErrors = "old_errors_total"
	ForeignTotal  = "old_requests_total"
)

func (s *Stream) instance() string {
	if s.Instance == "" {
		return collectorInstance
	}
	return s.Instance
}

func (s *Scenario) deployment(v Version) []series {
	while := func(value float64) func(time.Time) (float64, bool) {
		return func(t time.Time) (float64, bool) { return value, v.Life.holds(s.Until(t)) }
	}
	of := func(name string) labels.Labels {
		return s.labels(name, collectorInstance, "service_version", v.Name,
			"deployment_id", s.Service.Name+"-"+v.Name, "deployment_status", v.Status)
	}
	return []series{
		{of("deployment_info"), while(1)},
		{of("deployment_start_time_seconds"), while(float64(s.Start.Add(v.Life.Begin).Unix()))},
		{of("deployment_instances"), while(v.Instances)},
	}
}

// labels are a metric's, with the service and what follows; empty ones are left out, as Prometheus does.
func (s *Scenario) labels(metric, instance string, pairs ...string) labels.Labels {
	b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, metric, "job", job, "instance", instance,
		"service_name", s.Service.Name, "service_namespace", s.Service.Namespace, "deployment_environment_name", s.Environment))
	for i := 0; i < len(pairs); i += 2 {
		b.Set(pairs[i], pairs[i+1])
	}
	return b.Labels()
}
