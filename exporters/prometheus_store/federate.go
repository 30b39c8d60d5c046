// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// A federated sample is the newest of its series.
type federated struct {
	labels labels.Labels
	t      int64 // ms
	v      float64
}

// federate answers with the newest sample of each series that a match[] selects, as Prometheus' federation does. The
// text format cannot say native histograms, so those are left out: remote read has them.
func (s *store) federate(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "cannot read the form", http.StatusBadRequest)
		return
	}
	selectors, err := s.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	to := s.now()
	samples, err := s.newest(r, selectors, to.Add(-time.Duration(s.config.Query.LookbackDelta)).UnixMilli(), to.UnixMilli())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	w.Header().Set("Content-Type", string(format))
	encoder := expfmt.NewEncoder(w, format)
	for len(samples) > 0 {
		name := samples[0].labels.Get(model.MetricNameLabel)
		family := &dto.MetricFamily{Name: new(name), Type: dto.MetricType_UNTYPED.Enum()}
		for len(samples) > 0 && samples[0].labels.Get(model.MetricNameLabel) == name {
			family.Metric = append(family.Metric, s.exposed(samples[0]))
			samples = samples[1:]
		}
		if encoder.Encode(family) != nil {
			return // the client is gone
		}
	}
}

// newest are the samples by metric name.
func (s *store) newest(r *http.Request, selectors [][]*labels.Matcher, from, to int64) ([]federated, error) {
	q, err := s.db.Querier(from, to)
	if err != nil {
		return nil, err
	}
	defer func() { _ = q.Close() }() // only read from
	var sets []storage.SeriesSet
	for _, selector := range selectors {
		sets = append(sets, q.Select(r.Context(), true, &storage.SelectHints{Start: from, End: to}, selector...))
	}
	set := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
	var (
		samples []federated
		it      chunkenc.Iterator
	)
	for set.Next() {
		series := set.At()
		last, found := federated{labels: series.Labels()}, false
		it = series.Iterator(it)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			if found = kind == chunkenc.ValFloat; found {
				last.t, last.v = it.At()
			}
		}
		if err := it.Err(); err != nil {
			return nil, err
		}
		if found && !value.IsStaleNaN(last.v) {
			samples = append(samples, last)
		}
		if len(samples) > s.config.Query.MaxSamples {
			break
		}
	}
	slices.SortStableFunc(samples, func(a, b federated) int {
		return cmp.Compare(a.labels.Get(model.MetricNameLabel), b.labels.Get(model.MetricNameLabel))
	})
	return samples, set.Err()
}

// exposed is a sample as an exposition says it, with the external labels that it has not got itself.
func (s *store) exposed(sample federated) *dto.Metric {
	all := map[string]string{model.InstanceLabel: ""} // or the one who scrapes puts its own there
	maps.Copy(all, s.config.ExternalLabels)
	sample.labels.Range(func(l labels.Label) { all[l.Name] = strings.ToValidUTF8(l.Value, "\uFFFD") })
	delete(all, model.MetricNameLabel)
	m := &dto.Metric{Untyped: &dto.Untyped{Value: new(sample.v)}, TimestampMs: new(sample.t)}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m.Label = append(m.Label, &dto.LabelPair{Name: new(name), Value: new(all[name])})
	}
	return m
}
