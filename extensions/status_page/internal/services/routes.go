// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Route is one of an HTTP server, with its method, over the time of the history and all environments. It comes from the service's own
// http.server.request.duration (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration). NaN is not known.
type Route struct {
	Method string `json:"method"`
	Route  string `json:"route"`
	History
}

const (
	// maxRoutes bounds the routes of a service, those with most requests first; maxRoute is the length of one, in bytes.
	maxRoutes = 20
	maxRoute  = 256
)

// routeQuestions ask how many requests the routes had, how many of them failed, and the 99th percentile of their durations in milliseconds.
type routeQuestions struct{ requests, failures, p99 string }

func questionsToRoutes(n names.Names, history string) routeQuestions {
	of := names.List(n.Job, n.Method, n.Route)
	routed := n.Route.String() + `!=""`
	increase := func(part string, matchers ...string) string {
		return "increase(" + (n.Requests + names.Metric(part)).With(append(matchers, routed)...) + "[" + history + "])"
	}
	requests := "topk by (" + n.Job.String() + ") (" + strconv.Itoa(maxRoutes) + ", " + names.By("sum", of, increase("_count")) + ")"
	ofThese := " and on (" + of + ") " + requests
	return routeQuestions{
		requests: requests,
		failures: names.By("sum", of, increase("_count", n.HTTPStatus.Matches("5.."))) + ofThese,
		p99:      "1000 * histogram_quantile(0.99, " + names.By("sum", model.BucketLabel+", "+of, increase("_bucket")) + ")" + ofThese,
	}
}

// routes adds those of the services that are heard of.
func (l *list) routes(q routeQuestions, answers map[string]model.Vector) {
	type key struct{ job, method, route string }
	found := map[key]*Route{}
	keyOf := func(s *model.Sample) key {
		return key{l.names.Job.In(s.Metric), l.names.Method.In(s.Metric), l.names.Route.In(s.Metric)}
	}
	each := func(query string, f func(r *Route, value fleet.Number)) {
		for _, s := range answers[query] {
			if r := found[keyOf(s)]; r != nil {
				f(r, fleet.Number(s.Value))
			}
		}
	}
	for _, s := range answers[q.requests] {
		k := keyOf(s)
		found[k] = &Route{Method: words.Bounded(k.method, maxRoute), Route: words.Bounded(k.route, maxRoute), History: History{Requests: fleet.Number(s.Value), P99: unknown}}
	}
	each(q.failures, func(r *Route, value fleet.Number) { r.Failed = value })
	each(q.p99, func(r *Route, value fleet.Number) { r.P99 = value })
	for k, r := range found {
		if s := l.ofJob(k.job); s != nil {
			s.Routes = append(s.Routes, *r)
		}
	}
	for _, s := range l.byName {
		slices.SortFunc(s.Routes, func(a, b Route) int {
			return cmp.Or(cmp.Compare(b.Requests, a.Requests), strings.Compare(a.Route, b.Route), strings.Compare(a.Method, b.Method))
		})
	}
}

// ofJob is the service with that job, namespace/name or name, if it is heard of.
func (l *list) ofJob(job string) *service {
	for _, s := range l.byName {
		if len(s.places) > 0 && (job == s.Service.Service || s.Namespace != "" && job == s.Namespace+"/"+s.Service.Service) {
			return s
		}
	}
	return nil
}
