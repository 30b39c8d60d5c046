// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package query answers PromQL about the minute history of SLOs.
package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/replay"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxName bounds a name in an error.
const maxName = 60

// Read reads all of an SLO's history: begin is called for each place, then day for each of its days with events. An SLO that
// is not followed has no places.
type Read func(ctx context.Context, of ledger.SLO, begin func(slo string, at ledger.Place) error, day func([]ledger.Minute) error) error

// A History answers queries about the events of SLOs as a Prometheus would that has scraped one counter of each outcome, environment and group at the end
// of each minute. Of all else it knows nothing.
type History struct {
	read       Read
	names      promname.Names
	events     string // the name of the counters
	maxSamples int
	now        func() time.Time

	mu      sync.Mutex
	samples int
	// known are the SLOs that storage has; nil without storage.
	known map[ledger.SLO]bool
	// places are where they were counted, and what was not measured there.
	places  map[ledger.SLO][]ledger.Place
	storage *replay.Storage
	engine  *replay.Replay
}

// New answers about what read has, with metrics named by the strategy. Until [History.Forget] it takes at most so many samples.
func New(read Read, strategy otlptranslator.TranslationStrategyOption, maxSamples int, now func() time.Time) *History {
	names := promname.New(strategy)
	return &History{read: read, names: names, events: names.Metric(semconv.SLOEvents.Metric), maxSamples: maxSamples, now: now}
}

// Asks reports that only the events of SLOs can be asked.
func (*History) Asks() bool { return false }

// Forget frees the memory of all answers.
func (h *History) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.storage != nil {
		_, _ = h.engine.Close(), h.storage.Close() // it is temporary
	}
	h.known, h.places, h.storage, h.engine, h.samples = nil, nil, nil, nil, 0
}

// Range is replay.Source's.
func (h *History) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (promql.Matrix, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	asks := false
	for _, of := range h.slos(expr) {
		asks = true
		if err := h.load(ctx, of); err != nil {
			return nil, err
		}
	}
	if !asks {
		return nil, nil
	}
	return h.engine.Query(ctx, query, first, last, step)
}

// Unmeasured are the times that were not measured of an SLO that has been asked about, in an environment and group. The group's attributes are named as the rules record them.
func (h *History) Unmeasured(of ledger.SLO, environment string, group map[string]string) []ledger.Gap {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.places[of] {
		found := at.Environment == environment
		for name, value := range at.Group {
			found = found && group[promname.Recorded(name)] == value
		}
		if found {
			return at.Unmeasured
		}
	}
	return nil
}

// slos are those of the counters that an expression reads.
func (h *History) slos(expr parser.Expr) (all []ledger.SLO) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		value := func(label string) string {
			i := slices.IndexFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == label && m.Type == labels.MatchEqual })
			if i < 0 {
				return ""
			}
			return selector.LabelMatchers[i].Value
		}
		of := ledger.SLO{Namespace: value(h.names.Attribute(semconv.ServiceNamespace)), Service: value(h.names.Attribute(semconv.ServiceName)), Name: value(h.names.Attribute(semconv.SLOName))}
		if value(model.MetricNameLabel) == h.events && of.Service != "" && of.Name != "" && !slices.Contains(all, of) {
			all = append(all, of)
		}
		return nil
	})
	return all
}

// load reads all of an SLO's history, once.
func (h *History) load(ctx context.Context, of ledger.SLO) (err error) {
	if h.known[of] {
		return nil
	}
	if h.storage == nil {
		storage, err := replay.OpenStorage()
		if err != nil {
			return err
		}
		engine, err := replay.New(ctx, rulefmt.RuleGroups{}, replay.Options{Storage: storage})
		if err != nil {
			return errors.Join(err, storage.Close())
		}
		h.known, h.places, h.storage, h.engine = map[ledger.SLO]bool{}, map[ledger.SLO][]ledger.Place{}, storage, engine
	}
	var w *scrapes
	commit := func() error {
		if w == nil {
			return nil
		}
		return w.commit()
	}
	err = h.read(ctx, of, func(slo string, at ledger.Place) error {
		if slo != of.Name {
			return fmt.Errorf("it has minutes of the SLO %s", printable.Text(slo, maxName))
		}
		if err := commit(); err != nil {
			return err
		}
		if err := h.bounded(); err != nil {
			return err
		}
		h.places[of] = append(h.places[of], at)
		w = h.scrapes(ctx, of, at)
		return nil
	}, func(minutes []ledger.Minute) error {
		for _, m := range minutes {
			w.minute(m)
		}
		return h.bounded()
	})
	if err = errors.Join(err, commit()); err != nil {
		return err
	}
	h.known[of] = true
	return nil
}

func (h *History) bounded() error {
	if h.samples > h.maxSamples {
		return fmt.Errorf("more than %d samples of one service: ask about fewer SLOs", h.maxSamples)
	}
	return nil
}

// scrapes write the counters of an SLO at a place: what a scrape at the end of each measured minute would have found.
type scrapes struct {
	good, bad *replay.Writer
	counted   ledger.Minute // so far
	at        int64         // the Unix minute of the last scrape; 0 before the first
	spans     []ledger.Span // that are still to come
	samples   *int          // of all
}

func (h *History) scrapes(ctx context.Context, of ledger.SLO, at ledger.Place) *scrapes {
	writer := func(outcome string) *replay.Writer {
		b := labels.NewScratchBuilder(8)
		set := map[string]string{
			model.MetricNameLabel: h.events, h.names.Attribute(semconv.ServiceName): of.Service, h.names.Attribute(semconv.ServiceNamespace): of.Namespace,
			h.names.Attribute(semconv.SLOName): of.Name, h.names.Attribute(semconv.Environment): at.Environment, h.names.Attribute(semconv.SLOOutcome): outcome,
		}
		for name, value := range at.Group {
			set[h.names.Attribute(name)] = value
		}
		for name, value := range set {
			if value != "" {
				b.Add(name, value)
			}
		}
		b.Sort()
		return h.storage.Writer(ctx, b.Labels())
	}
	s := &scrapes{good: writer(semconv.Good), bad: writer(semconv.Bad), samples: &h.samples}
	now := h.now()
	known := ledger.Span{From: now.Add(-ledger.Reach), To: now}
	for _, m := range at.Measured { // another server may say anything
		if ledger.Overlap(m, known) > 0 {
			s.spans = append(s.spans, ledger.Both(m, known))
		}
	}
	return s
}

// minute counts the events of a minute. What was measured before it had none.
func (s *scrapes) minute(m ledger.Minute) {
	s.measuredUntil(m.Start)
	s.from(m.Start)
	s.counted.Good += m.Good
	s.counted.Bad += m.Bad
	s.scrape(m.Start + 1)
}

// measuredUntil scrapes in the measured minutes before one.
func (s *scrapes) measuredUntil(minute int64) {
	for len(s.spans) > 0 {
		from, to := s.spans[0].From.Unix()/60, (s.spans[0].To.Unix()+59)/60
		if from >= minute {
			return
		}
		s.from(max(from, s.at))
		for s.at < min(to, minute) {
			s.scrape(s.at + 1)
		}
		if to > minute {
			return
		}
		s.spans = s.spans[1:]
	}
}

// from makes sure that there is a scrape at the beginning of a minute.
func (s *scrapes) from(minute int64) {
	if s.at < minute {
		s.scrape(minute)
	}
}

func (s *scrapes) scrape(minute int64) {
	at := time.Unix(60*minute, 0)
	s.good.Write(at, s.counted.Good, true)
	s.bad.Write(at, s.counted.Bad, true)
	s.at = minute
	*s.samples += 2
}

func (s *scrapes) commit() error {
	s.measuredUntil(1 << 40)
	return errors.Join(s.good.Commit(), s.bad.Commit())
}
