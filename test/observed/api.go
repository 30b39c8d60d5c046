// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"net/http"
	"strconv"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// Handler is Prometheus' HTTP API at /api/v1. A page of any origin may read it: it is for
// loopback addresses.
func (p *Prometheus) Handler() http.Handler {
	router := route.New()
	api := v1.NewAPI(p.engine, p.db, nil, nil, p.db,
		func(context.Context) v1.ScrapePoolsRetriever { return p.scraper },
		func(context.Context) v1.TargetRetriever { return p.scraper },
		func(context.Context) v1.AlertmanagerRetriever { return nil },
		func() config.Config { return *p.config },
		map[string]string{}, v1.GlobalURLOptions{ListenAddress: "localhost:9090", Host: "localhost:9090", Scheme: "http"},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, // it is ready when it has started
		nil, p.folder, false, p.options.Logger,
		func(context.Context) v1.RulesRetriever { return p.rules },
		0, 1, 0, false, regexp.MustCompile(".*"),
		func() (v1.RuntimeInfo, error) { return v1.RuntimeInfo{StartTime: p.clock.started}, nil },
		&v1.PrometheusVersion{Version: "3"}, nil, nil, prometheus.NewRegistry(), prometheus.NewRegistry(), nil,
		false, nil, false, false, false, false, 0, false, false, nil, nil, v1.OpenAPIOptions{}, nil,
	)
	api.Register(router.WithPrefix("/api/v1"))
	router.Get("/-/ready", func(http.ResponseWriter, *http.Request) {})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/query" && r.FormValue("time") == "" {
			r.Form.Set("time", strconv.FormatFloat(float64(p.clock.now().UnixMilli())/1000, 'f', 3, 64)) // now is the lapse's
		}
		router.ServeHTTP(w, r)
	})
}
