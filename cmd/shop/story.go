// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A story tells on a terminal what happens in the demo, as it happens, and what to open: `shop story`. It asks the Prometheus of the collector.
type story struct {
	out        io.Writer
	prometheus string
	page       string
	control    string
	began      time.Time
	client     *http.Client
	interval   time.Duration
}

// A chapter begins when a query has a result. Tell gets its value and labels.
type chapter struct {
	query string
	tell  func(value float64, labels map[string]string) (happened string, hints []string)
}

func runStory(ctx context.Context, args []string, out io.Writer) error {
	s := &story{out: out, began: time.Now(), client: &http.Client{Timeout: 5 * time.Second}, interval: time.Second}
	var patience time.Duration
	flags := flag.NewFlagSet("shop story", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.prometheus, "prometheus", "http://localhost:9090", "`URL` of the Prometheus that is asked")
	flags.StringVar(&s.page, "page", "http://localhost:8686", "`URL` of the status page")
	flags.StringVar(&s.control, "control", "localhost:8088", "`address` of the shop's control server")
	flags.DurationVar(&patience, "patience", 3*time.Minute, "when to end a story in which something does not happen")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range s.chapters() {
		if !s.wait(ctx, c) {
			break
		}
	}
	return nil
}

func (s *story) chapters() []chapter {
	ofIncident := fmt.Sprintf(`service_name=%q`, incidentService)
	return []chapter{
		{`count(count by (service_name, slo_name) (slo_events_total > 0))`, func(value float64, _ map[string]string) (string, []string) {
			return fmt.Sprintf("Traffic. Customers buy, five services answer, and %.0f SLOs count each request as good or bad.", value),
				[]string{"Open " + s.page + "/ : every SLO, with its burn rate and the budget that is left."}
		}},
		{fmt.Sprintf(`deployment_info{%s, service_version=%q}`, ofIncident, incidentVersion), func(float64, map[string]string) (string, []string) {
			return fmt.Sprintf("Deployment. %s %s is out. No pipeline reported it: the version is in the telemetry.", incidentService, incidentVersion),
				[]string{"Open " + s.page + "/deployments : what was deployed, and what it changed."}
		}},
		{fmt.Sprintf(`topk(1, max by (service_name, slo_name) (slo_burn_rate_ratio{%s, slo_window="5m"}) > 14.4)`, ofIncident), func(value float64, labels map[string]string) (string, []string) {
			return fmt.Sprintf("Burn. %s/%s spends its error budget %.0f times as fast as it may: the new version fails every fifth request.", labels["service_name"], labels["slo_name"], value),
				[]string{"Open " + s.page + "/services/" + url.PathEscape(incidentService) + " : the SLO, beside the deployment."}
		}},
		{fmt.Sprintf(`topk(1, ALERTS{alertstate="firing", severity="page", %s})`, ofIncident), func(_ float64, labels map[string]string) (string, []string) {
			name := labels["alertname"]
			return fmt.Sprintf("Alert. %s fires for %s/%s. (Here it waits 10 s, elsewhere 2 minutes.)", name, labels["service_name"], labels["slo_name"]),
				[]string{
					"Open " + s.page + "/alerts : the alert, and the runbook that says what to do.",
					fmt.Sprintf(`Undo it: curl -X PUT -d '{"version": "1.0.0", "errorRate": 0}' %s/settings/%s`, s.control, incidentService),
					"The table below shows how the burn rate falls. Ctrl-C stops everything.",
				}
		}},
	}
}

// wait tells a chapter once it begins. It reports whether it has begun.
func (s *story) wait(ctx context.Context, c chapter) bool {
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	for {
		if value, labels, ok := s.ask(ctx, c.query); ok {
			happened, hints := c.tell(value, labels)
			_, _ = fmt.Fprintf(s.out, "%3.0f s  %s\n", time.Since(s.began).Seconds(), happened)
			for _, hint := range hints {
				_, _ = fmt.Fprintf(s.out, "       → %s\n", hint)
			}
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}

// ask is the first result of a query, if there is one.
func (s *story) ask(ctx context.Context, query string) (value float64, labels map[string]string, ok bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.prometheus, "/")+"/api/v1/query?query="+url.QueryEscape(query), http.NoBody)
	if err != nil {
		return 0, nil, false
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil, false // it has not started yet
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer) != nil || len(answer.Data.Result) == 0 {
		return 0, nil, false
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	value, err = strconv.ParseFloat(text, 64)
	return value, answer.Data.Result[0].Metric, err == nil
}
