// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"net/http"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/rules"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// Handler is Prometheus' HTTP API at /api/v1, over the samples of the playback and what its rules recorded.
func (p *Playback) Handler() http.Handler {
	router := route.New()
	api := v1.NewAPI(p.replay.Engine(), p.store, nil, nil, nil,
		func(context.Context) v1.ScrapePoolsRetriever { return nil },
		func(context.Context) v1.TargetRetriever { return nil },
		func(context.Context) v1.AlertmanagerRetriever { return nil },
		func() config.Config { return config.DefaultConfig },
		map[string]string{}, v1.GlobalURLOptions{ListenAddress: "localhost:9090", Host: "localhost:9090", Scheme: "http"},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, // it is ready when it has started
		nil, "", false, promslog.NewNopLogger(),
		func(context.Context) v1.RulesRetriever { return loaded{p} },
		0, 1, 0, false, regexp.MustCompile(".*"),
		func() (v1.RuntimeInfo, error) { return v1.RuntimeInfo{}, nil },
		&v1.PrometheusVersion{Version: "3"}, nil, nil, prometheus.NewRegistry(), prometheus.NewRegistry(), nil,
		false, nil, false, false, false, false, 0, false, false, nil, nil, v1.OpenAPIOptions{}, nil,
	)
	api.Register(router.WithPrefix("/api/v1"))
	return router
}

// loaded are the rules of a playback.
type loaded struct{ *Playback }

// RuleGroups is v1.RulesRetriever's.
func (l loaded) RuleGroups() (all []*rules.Group) {
	for _, g := range l.replay.Groups {
		all = append(all, g.Group)
	}
	return all
}

// AlertingRules is v1.RulesRetriever's.
func (l loaded) AlertingRules() (all []*rules.AlertingRule) {
	for _, g := range l.RuleGroups() {
		all = append(all, g.AlertingRules()...)
	}
	return all
}
