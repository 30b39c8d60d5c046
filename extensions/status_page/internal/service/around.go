// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// maxNeeds bounds the dependencies whose changes are on the plots.
const maxNeeds = 20

// needed are the dependencies that the catalog has.
func needed(c *catalog.Catalog, of *catalog.Service) (all []*catalog.Service) {
	for _, d := range c.Dependencies(of) {
		if d.Service != nil && len(all) < maxNeeds {
			all = append(all, d.Service)
		}
	}
	return all
}

// askAround asks for deployments and other changes of the dependencies.
func (l *loader) askAround() ([]chart.Marker, error) {
	if len(l.needs) == 0 {
		return nil, nil
	}
	n := l.names
	patterns := make([]string, len(l.needs))
	for i, s := range l.needs {
		patterns[i] = regexp.QuoteMeta(s.Name)
	}
	series := func(metric names.Metric) string {
		return "last_over_time(" + metric.With(n.Service.Matches(strings.Join(patterns, "|")), n.Environment.Equal(l.service.Environment)) + "[" + lately + "])"
	}
	deployed, err := l.source.Instant(l.context, names.By("max", names.List(n.Namespace, n.Service, n.Version), series(n.Start)))
	if err != nil {
		return nil, err
	}
	changed, err := l.source.Instant(l.context, names.By("max", names.List(n.Namespace, n.Service, n.ChangeKind, n.ChangeName), series(n.Changed)))
	if err != nil {
		return nil, err
	}
	first := map[string]model.SampleValue{} // what runs first was not deployed
	for _, s := range deployed {
		name := l.dependency(s.Metric)
		if least, known := first[name]; !known || s.Value < least {
			first[name] = s.Value
		}
	}
	var markers []chart.Marker
	mark := func(s *model.Sample, kind string, name names.Label) {
		if of := l.dependency(s.Metric); of != "" && (kind != "" || s.Value > first[of]) {
			at := time.UnixMilli(int64(float64(s.Value) * 1000)).UTC()
			markers = append(markers, chart.Marker{At: at, Name: words.Bounded(name.In(s.Metric), 40), Kind: kind, Of: words.Bounded(of, 40)})
		}
	}
	for _, s := range deployed {
		mark(s, "", n.Version)
	}
	for _, s := range changed {
		mark(s, words.Bounded(n.ChangeKind.In(s.Metric), 40), n.ChangeName)
	}
	return markers, nil
}

// dependency is the name of the dependency that a series is about; "" if it is about a service of the same name in another namespace.
func (l *loader) dependency(labels model.Metric) string {
	for _, s := range l.needs {
		if s.Name == l.names.Service.In(labels) && (s.Namespace == "" || s.Namespace == l.names.Namespace.In(labels)) {
			return s.Slug()
		}
	}
	return ""
}
