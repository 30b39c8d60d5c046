// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// graphPoints is how many points a graph has, about.
const graphPoints = 250

// graph replaces Prometheus' expression browser, which the exporter does not have: a link of a runbook to it gets
// the API's answer to the query.
func (s *store) graph(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	values := url.Values{"query": {asked.Get("g0.expr")}}
	if values.Get("query") == "" {
		http.Error(w, "There are no pages here, only Prometheus' API, /api/v1/: query it with Grafana.", http.StatusNotFound)
		return
	}
	if asked.Get("g0.tab") != "0" {
		http.Redirect(w, r, "/api/v1/query?"+values.Encode(), http.StatusFound)
		return
	}
	length := time.Hour
	if d, err := model.ParseDuration(asked.Get("g0.range_input")); err == nil && d > 0 {
		length = time.Duration(d)
	}
	end := s.now()
	values.Set("start", strconv.FormatInt(end.Add(-length).Unix(), 10))
	values.Set("end", strconv.FormatInt(end.Unix(), 10))
	values.Set("step", strconv.FormatInt(max(int64(length/graphPoints/time.Second), 1), 10))
	http.Redirect(w, r, "/api/v1/query_range?"+values.Encode(), http.StatusFound)
}
