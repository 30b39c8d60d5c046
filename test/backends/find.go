// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Orders one at a time, so that each is looked for in what it alone has made.
const (
	requestID = "order-of-the-day"
	orders    = 40
)

// order buys something in the shop, as a customer whose request has the ID.
func (s *scene) order(ctx context.Context, id string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.buy, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("X-Request-Id", id)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	s.sent++
	return response.Body.Close()
}

// findRequest makes one order and asks each backend for it.
func (s *scene) findRequest(ctx context.Context) error {
	if err := s.order(ctx, requestID); err != nil {
		return err
	}
	var trace string
	if err := eventually(ctx, time.Minute, "Jaeger has the request, by its correlation ID", func() (err error) {
		trace, err = s.traceOf(ctx, "frontend", requestID)
		return err
	}); err != nil {
		return err
	}
	said("  its trace", trace)
	if err := eventually(ctx, time.Minute, "Jaeger has the trace, by its ID, of four services", func() error { return s.services(ctx, trace, 4) }); err != nil {
		return err
	}
	if err := eventually(ctx, time.Minute, "VictoriaLogs has its log lines, by its correlation ID, of two services", func() error {
		return s.lines(ctx, `correlation.id:=`+strconv.Quote(requestID), trace, 2)
	}); err != nil {
		return err
	}
	if err := eventually(ctx, time.Minute, "Prometheus has it, as an exemplar of a latency", func() error { return s.exemplar(ctx, trace) }); err != nil {
		return err
	}
	said("VictoriaMetrics keeps no exemplars, and has no request", "")
	return nil
}

// traceOf is the ID of the trace of the one request with the correlation ID.
func (s *scene) traceOf(ctx context.Context, service, correlation string) (string, error) {
	tags, err := json.Marshal(map[string]string{"correlation.id": correlation})
	if err != nil {
		return "", err
	}
	var found struct{ Data []struct{ TraceID string } }
	err = ask(ctx, s.jaeger+"/api/traces?limit=5&lookback=1h&service="+service+"&tags="+url.QueryEscape(string(tags)), &found)
	if err != nil {
		return "", err
	}
	if len(found.Data) != 1 {
		return "", fmt.Errorf("%d traces in Jaeger", len(found.Data))
	}
	return found.Data[0].TraceID, nil
}

func (s *scene) services(ctx context.Context, trace string, least int) error {
	var found struct {
		Data []struct {
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := ask(ctx, s.jaeger+"/api/traces/"+trace, &found); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, t := range found.Data {
		for _, p := range t.Processes {
			names[p.ServiceName] = true
		}
	}
	if len(names) < least {
		return fmt.Errorf("of %v only", names)
	}
	return nil
}

// lines looks for log lines of so many services, some of the trace.
func (s *scene) lines(ctx context.Context, query, trace string, least int) error {
	body, err := get(ctx, s.victoriaLogs+"/select/logsql/query?start=1h&query="+url.QueryEscape(query))
	if err != nil {
		return err
	}
	names, traced := map[string]bool{}, false
	for line := range strings.Lines(string(body)) {
		fields := map[string]string{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			return err
		}
		if fields["_msg"] == "" {
			return fmt.Errorf("a line without a message: %s", line)
		}
		names[fields["service.name"]] = true
		traced = traced || fields["trace_id"] == trace // not all: the mailer writes lines of text
	}
	if len(names) < least || !traced {
		return fmt.Errorf("of %v only, of the trace %t, for %s", slices.Sorted(maps.Keys(names)), traced, query)
	}
	return nil
}

func (s *scene) exemplar(ctx context.Context, trace string) error {
	now := time.Now()
	body, err := get(ctx, fmt.Sprintf("%s/api/v1/query_exemplars?query=%s&start=%d&end=%d", s.metrics.prometheus,
		url.QueryEscape("traces_span_metrics_duration_milliseconds_bucket"), now.Add(-time.Hour).Unix(), now.Unix()+1))
	if err != nil {
		return err
	}
	if !bytes.Contains(body, []byte(trace)) {
		return fmt.Errorf("no exemplar is of trace %s: %.300s", trace, body)
	}
	return nil
}

// countRequests makes more orders: the counters of both gateways add up to all of them, to the last one.
func (s *scene) countRequests(ctx context.Context) error {
	for n := range orders {
		if err := s.order(ctx, fmt.Sprintf("order-%d", n)); err != nil {
			return err
		}
	}
	const counted = `sum(slo_events_total{service_name="frontend",slo_name="availability"})`
	for _, store := range s.metrics.stores() {
		if err := eventually(ctx, time.Minute, store.name+" has counted every order, and none twice", func() error {
			return equals(ctx, store.url, counted, float64(s.sent))
		}); err != nil {
			return err
		}
	}
	said("  "+counted, s.sent)
	for _, g := range s.gateways {
		failed, err := g.own(ctx, "otelcol_exporter_send_failed_")
		if err != nil {
			return err
		}
		for line, value := range failed {
			if value != 0 {
				return fmt.Errorf("a gateway could not send: %s", line)
			}
		}
	}
	both := 0
	for _, g := range s.gateways[:2] {
		spans, err := g.own(ctx, "otelcol_receiver_accepted_spans")
		if err != nil {
			return err
		}
		if len(spans) > 0 {
			both++
		}
	}
	if both != 2 {
		return fmt.Errorf("%d of two gateways got spans", both)
	}
	said("both gateways got a share, and none had anything refused", "")
	return nil
}

// names are those that rules and dashboards rely on.
var names = []string{
	"slo_events_total", "slo_objective_ratio", "slo_error_ratio", "slo_burn_rate_ratio", "slo_error_budget_remaining_ratio",
	"slo_error_budget_exhaustion_seconds", "slo_state", "service_telemetry_last_seen_seconds",
	"deployment_info", "deployment_start_time_seconds", "deployment_instances",
	"traces_span_metrics_calls_total", "traces_service_graph_request_total",
}

func (s *scene) findNames(ctx context.Context) error {
	for _, store := range s.metrics.stores() {
		if err := eventually(ctx, time.Minute, store.name+" has every metric by the name that rules use", func() error {
			for _, name := range names {
				if err := equals(ctx, store.url, "group("+name+")", 1); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// equals reports whether a query's one value is that.
func equals(ctx context.Context, store, query string, want float64) error {
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := ask(ctx, store+"/api/v1/query?"+fresh+"&query="+url.QueryEscape(query), &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) != 1 {
		return fmt.Errorf("%d series for %s", len(answer.Data.Result), query)
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	if got, err := strconv.ParseFloat(text, 64); err != nil || got != want {
		return fmt.Errorf("%s is %s, not %g", query, text, want)
	}
	return nil
}

// fresh has VictoriaMetrics answer with samples of the last 30 seconds, too.
const fresh = "nocache=1&latency_offset=1s"

// seeAlert goes on ordering: from now on every payment fails, and the generated rules page for it, in both that evaluate them.
func (s *scene) seeAlert(ctx context.Context) error {
	fail, err := http.NewRequestWithContext(ctx, http.MethodPut, s.shop+"/settings/payment", strings.NewReader(`{"errorRate": 1}`))
	if err != nil {
		return err
	}
	if _, err := do(fail); err != nil {
		return err
	}
	missing := map[string]string{"prometheus": "Prometheus", "vmalert": "vmalert"}
	began := time.Now()
	return eventually(ctx, 10*time.Minute, "Alertmanager has ErrorBudgetBurnCritical for payment of both", func() error {
		if err := s.order(ctx, fmt.Sprintf("order-%d", s.sent)); err != nil {
			return err
		}
		var alerts []struct {
			Labels, Annotations map[string]string
		}
		if err := ask(ctx, s.alertmanager+"/api/v2/alerts?active=true", &alerts); err != nil {
			return err
		}
		for _, a := range alerts {
			ruler := a.Labels["ruler"]
			if missing[ruler] != "" && a.Labels["alertname"] == "ErrorBudgetBurnCritical" && a.Labels["service_name"] == "payment" && a.Annotations["runbook_url"] != "" {
				said("  of "+missing[ruler], time.Since(began).Round(time.Second))
				delete(missing, ruler)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("not of %v; it has %d alerts", slices.Sorted(maps.Values(missing)), len(alerts))
		}
		return nil
	})
}

func ask(ctx context.Context, url string, answer any) error {
	body, err := get(ctx, url)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}

// own are the collector's own metrics whose names begin so: value by line.
func (c collector) own(ctx context.Context, prefix string) (map[string]float64, error) {
	body, err := get(ctx, "http://"+c.telemetry+"/metrics")
	if err != nil {
		return nil, err
	}
	found := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		at := strings.LastIndex(strings.TrimSpace(line), " ")
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			found[line[:at]] = value
		}
	}
	return found, nil
}
