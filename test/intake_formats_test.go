// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

type reading = func(a *arrivals, r *http.Request, body []byte) error

// otlpAt reads OTLP where a backend takes it: below the path, one endpoint for each signal.
func otlpAt(path string) reading {
	return func(a *arrivals, r *http.Request, body []byte) error {
		if signal, below := strings.CutPrefix(r.URL.Path, path+"/v1/"); !below || !strings.Contains(everything, signal) {
			return fmt.Errorf("nobody listens at %s", r.URL.Path)
		}
		return readOTLP(a, r, body)
	}
}

// atMost refuses what is longer on its way, as New Relic does.
func atMost(bytes int64, read reading) reading {
	return func(a *arrivals, r *http.Request, body []byte) error {
		if r.ContentLength > bytes {
			return fmt.Errorf("%d bytes are too many", r.ContentLength)
		}
		return read(a, r, body)
	}
}

// onlyJSON refuses protobuf, as Parseable does.
func onlyJSON(read reading) reading {
	return func(a *arrivals, r *http.Request, body []byte) error {
		if is := r.Header.Get("Content-Type"); is != "application/json" {
			return fmt.Errorf("%s is not supported", is)
		}
		return read(a, r, body)
	}
}

// ofGoogleProject refuses telemetry that does not say which project it is of, as Google Cloud does.
func ofGoogleProject(read reading) reading {
	return func(a *arrivals, r *http.Request, body []byte) error {
		var resources []pcommon.Resource
		switch request := otlpRequest(r, body).(type) {
		case ptraceotlp.ExportRequest:
			for _, rs := range request.Traces().ResourceSpans().All() {
				resources = append(resources, rs.Resource())
			}
		case plogotlp.ExportRequest:
			for _, rl := range request.Logs().ResourceLogs().All() {
				resources = append(resources, rl.Resource())
			}
		case pmetricotlp.ExportRequest:
			for _, rm := range request.Metrics().ResourceMetrics().All() {
				resources = append(resources, rm.Resource())
			}
		}
		for _, resource := range resources {
			if !of(resource.Attributes(), "gcp.project_id", "shop-123456") {
				return fmt.Errorf("%s: no gcp.project_id", r.URL.Path)
			}
		}
		return read(a, r, body)
	}
}

// readOTLP reads a body of OTLP over HTTP. Which signal it is, its path tells.
func readOTLP(a *arrivals, r *http.Request, body []byte) error {
	switch request := otlpRequest(r, body).(type) {
	case ptraceotlp.ExportRequest:
		a.otlpTraces(request.Traces())
	case plogotlp.ExportRequest:
		a.otlpLogs(request.Logs())
	case pmetricotlp.ExportRequest:
		a.otlpMetrics(request.Metrics())
	case error:
		return request
	}
	return nil
}

// otlpRequest is a request of one of the signals, in protobuf or JSON, or an error.
func otlpRequest(r *http.Request, body []byte) any {
	type message interface {
		UnmarshalProto([]byte) error
		UnmarshalJSON([]byte) error
	}
	read := func(m message) any {
		unmarshal := m.UnmarshalProto
		if r.Header.Get("Content-Type") == "application/json" {
			unmarshal = m.UnmarshalJSON
		}
		if err := unmarshal(body); err != nil {
			return err
		}
		return m
	}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/v1/traces"), strings.HasSuffix(path, "/v2/trace/otlp"):
		return read(ptraceotlp.NewExportRequest())
	case strings.HasSuffix(path, "/v1/logs"):
		return read(plogotlp.NewExportRequest())
	case strings.HasSuffix(path, "/v1/metrics"), strings.HasSuffix(path, "/v2/datapoint/otlp"):
		return read(pmetricotlp.NewExportRequest())
	}
	return errors.New("nobody listens there")
}

func (a *arrivals) otlpTraces(traces ptrace.Traces) {
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				a.span(s.TraceID().String(), attr(s.Attributes().AsRaw(), "correlation.id"))
			}
		}
	}
}

func (a *arrivals) otlpLogs(logs plog.Logs) {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				a.record(r.EventName(), attr(r.Attributes().AsRaw(), "correlation.id"))
			}
		}
	}
}

func (a *arrivals) otlpMetrics(metrics pmetric.Metrics) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cumulative := func(kind string, m pmetric.Metric, temporality pmetric.AggregationTemporality) {
		if temporality == pmetric.AggregationTemporalityCumulative && !slices.Contains(a.cumulative[kind], m.Name()) {
			a.cumulative[kind] = append(a.cumulative[kind], m.Name())
		}
	}
	for _, rm := range metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				switch m.Type() {
				case pmetric.MetricTypeHistogram:
					cumulative("histogram", m, m.Histogram().AggregationTemporality())
				case pmetric.MetricTypeSum:
					if m.Sum().IsMonotonic() {
						cumulative("sum", m, m.Sum().AggregationTemporality())
					}
					if m.Name() == "slo.events" {
						a.bad(m.Sum())
						continue
					}
				}
				a.metrics[m.Name()] = max(a.metrics[m.Name()], 1)
			}
		}
	}
}

// bad counts the bad events; a.mu is held.
func (a *arrivals) bad(counter pmetric.Sum) {
	for _, dp := range counter.DataPoints().All() {
		if attr(dp.Attributes().AsRaw(), "slo.outcome") != "bad" {
			continue
		}
		value := dp.DoubleValue()
		if dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
			value = float64(dp.IntValue())
		}
		if counter.AggregationTemporality() == pmetric.AggregationTemporalityDelta {
			a.metrics["slo.events"] += value
		} else {
			a.metrics["slo.events"] = max(a.metrics["slo.events"], value)
		}
	}
}

type (
	otlpTraces struct {
		ptraceotlp.UnimplementedGRPCServer
		*arrivals
	}
	otlpLogs struct {
		plogotlp.UnimplementedGRPCServer
		*arrivals
	}
	otlpMetrics struct {
		pmetricotlp.UnimplementedGRPCServer
		*arrivals
	}
)

func (o otlpTraces) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	o.otlpTraces(r.Traces())
	return ptraceotlp.NewExportResponse(), nil
}

func (o otlpLogs) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	o.otlpLogs(r.Logs())
	return plogotlp.NewExportResponse(), nil
}

func (o otlpMetrics) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	o.otlpMetrics(r.Metrics())
	return pmetricotlp.NewExportResponse(), nil
}

// scoped counts the series that have the name or the version of what measured them as a label.
const scoped = "series with a scope"

// readRemoteWrite reads series as Prometheus names them.
func readRemoteWrite(a *arrivals, _ *http.Request, body []byte) error {
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return err
	}
	var request prompb.WriteRequest
	if err := request.Unmarshal(raw); err != nil {
		return err
	}
	for _, series := range request.Timeseries {
		labels := map[string]string{}
		for _, l := range series.Labels {
			labels[l.Name] = l.Value
			if strings.HasPrefix(l.Name, "otel_scope_") {
				a.metric(scoped, 1)
			}
		}
		name := labels["__name__"]
		for _, s := range series.Samples {
			switch {
			case name != "slo_events_total":
				a.metric(name, 1)
			case labels["slo_outcome"] == "bad":
				a.metric(name, s.Value)
			}
		}
	}
	return nil
}

// readZipkin reads a list of spans, version 2, as JSON.
func readZipkin(a *arrivals, _ *http.Request, body []byte) error {
	var spans []struct {
		TraceID string
		Tags    map[string]string
	}
	if err := json.Unmarshal(body, &spans); err != nil {
		return err
	}
	for _, s := range spans {
		a.span(s.TraceID, s.Tags["correlation.id"])
	}
	return nil
}

// readBulk reads what Elasticsearch's bulk API takes: an action and its document, line by line. The data stream tells the signal.
func readBulk(a *arrivals, r *http.Request, body []byte) error {
	if !strings.HasSuffix(r.URL.Path, "/_bulk") {
		return nil
	}
	var stream string
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 10<<20)
	for action := true; lines.Scan(); action = !action {
		var nested map[string]any
		if err := json.Unmarshal(lines.Bytes(), &nested); err != nil {
			return err
		}
		d := document{}
		flatten(d, "", nested)
		if action {
			stream, _ = d["create._index"].(string)
			continue
		}
		correlation := attr(d, "attributes.correlation.id")
		switch kind, _, _ := strings.Cut(stream, "-"); kind {
		case "traces":
			a.span(attr(d, "trace_id"), correlation)
		case "logs":
			a.record(attr(d, "event_name"), correlation)
		case "metrics":
			for field, value := range d {
				name, is := strings.CutPrefix(field, "metrics.")
				if number, ok := value.(float64); is && ok && (name != "slo.events" || d["attributes.slo.outcome"] == "bad") {
					a.metric(name, number)
				}
			}
		default:
			return fmt.Errorf("data stream %q", stream)
		}
	}
	return lines.Err()
}

// readHEC reads events as Splunk's HTTP Event Collector takes them, one behind another.
func readHEC(a *arrivals, r *http.Request, body []byte) error {
	if !strings.HasSuffix(r.URL.Path, "/services/collector") {
		return errors.New("not the path of events")
	}
	events := json.NewDecoder(bytes.NewReader(body))
	for {
		var e struct {
			Event  any
			Fields map[string]any
		}
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if e.Event != "metric" {
			a.record(attr(e.Fields, "event.name"), attr(e.Fields, "correlation.id"))
			continue
		}
		for field, value := range e.Fields {
			name, is := strings.CutPrefix(field, "metric_name:")
			if number, ok := value.(float64); is && ok && (name != "slo.events" || e.Fields["slo.outcome"] == "bad") {
				a.metric(name, number)
			}
		}
	}
}
