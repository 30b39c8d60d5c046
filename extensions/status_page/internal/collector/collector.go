// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package collector shows the health of the collectors, by their own metrics.
package collector

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Source is the Prometheus that is asked.
type Source interface {
	Instant(ctx context.Context, query string) (model.Vector, error)
}

// A Measure is one number of every collector. Above Limit it is wrong; most have no limit.
type Measure struct {
	Key, Name string
	// Good says what it should be.
	Good   string
	query  string
	format func(float64) string
	limit  float64
}

// Text writes a value.
func (m Measure) Text(value fleet.Number) string {
	if !value.Known() {
		return "–"
	}
	return m.format(float64(value))
}

// Wrong reports whether the value needs attention.
func (m Measure) Wrong(value fleet.Number) bool { return float64(value) > m.limit }

var unlimited = math.Inf(1)

// rate is a second's worth of counters that count one thing for different signals.
func rate(counters ...string) string {
	sum := ""
	for i, counter := range counters {
		if i > 0 {
			sum += " or "
		}
		sum += fmt.Sprintf(`label_replace(sum by (instance) (rate(%s[5m])), "counter", "%d", "", "")`, counter, i)
	}
	return "sum by (instance) (" + sum + ")"
}

func ofSignals(name string) string {
	return rate(name+"_spans", name+"_metric_points", name+"_log_records")
}

// Measures are the shown measures, in that order.
var Measures = []Measure{
	{"uptime", "Up", "", "max by (instance) (otelcol_process_uptime)", words.Seconds, unlimited},
	{"memory_bytes", "Memory", "below the limit of its pod", "max by (instance) (otelcol_process_memory_rss)", words.Size, unlimited},
	{"cpu_cores", "CPU", "below its limit", "sum by (instance) (rate(otelcol_process_cpu_seconds[5m]))", cores, unlimited},
	{"spans_per_second", "Spans in", "", rate("otelcol_receiver_accepted_spans"), perSecond, unlimited},
	{"points_per_second", "Data points in", "", rate("otelcol_receiver_accepted_metric_points"), perSecond, unlimited},
	{"logs_per_second", "Log records in", "", rate("otelcol_receiver_accepted_log_records"), perSecond, unlimited},
	{"refused_per_second", "Refused", "nothing: otherwise the collector is out of memory, or a pipeline fails", ofSignals("otelcol_receiver_refused"), perSecond, 0},
	{"send_failed_per_second", "Not sent", "nothing: otherwise a backend is down", ofSignals("otelcol_exporter_send_failed"), perSecond, 0},
	{"queue_share", "Fullest queue", "below 80 %", "max by (instance) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)", words.Percent, 0.8},
	{"slos", "SLOs", "", "sum by (instance) (otelcol_processor_slo_slos)", words.Number, unlimited},
	{"events_dropped_per_second", "Events dropped", "nothing: SLIs miss dropped events", rate("otelcol_connector_sli_events_dropped"), perSecond, 0},
	{"catalog_errors", "Catalog errors", "none: the log says where", `sum by (instance) (otelcol_extension_service_catalog_problems{severity="error"})`, words.Number, 0},
}

// A Collector is one instance and its measures, by their keys.
type Collector struct {
	Instance string                  `json:"instance"`
	Values   map[string]fleet.Number `json:"values"`
}

// Value is that of a measure.
func (c Collector) Value(m Measure) fleet.Number {
	if value, ok := c.Values[m.Key]; ok {
		return value
	}
	return fleet.Number(math.NaN())
}

// Max bounds the collectors that are shown.
const Max = 200

// Load asks for all measures at once.
func Load(ctx context.Context, source Source) ([]Collector, error) {
	var (
		mu    sync.Mutex
		first error
		asked sync.WaitGroup
		all   = map[string]Collector{}
	)
	for _, m := range Measures {
		asked.Go(func() {
			vector, err := source.Instant(ctx, m.query)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = err
			}
			for _, s := range vector {
				instance := string(s.Metric[model.InstanceLabel])
				if _, ok := all[instance]; !ok {
					all[instance] = Collector{instance, map[string]fleet.Number{}}
				}
				all[instance].Values[m.Key] = fleet.Number(s.Value)
			}
		})
	}
	asked.Wait()
	list := []Collector{}
	for _, c := range all {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Collector) int { return cmp.Compare(a.Instance, b.Instance) })
	return list[:min(len(list), Max)], first
}

func perSecond(x float64) string { return words.Number(x) + "/s" }

func cores(x float64) string { return words.Number(x) + " cores" }
