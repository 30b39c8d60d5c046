// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/replay"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxHistory bounds the bytes of an SLO's history: 370 days of minutes take 8 MB for each environment and group.
const maxHistory = 512 << 20

// A History is the minute history of a collector. It answers queries about the events of SLOs as a Prometheus would that has scraped one counter of each
// outcome, environment and group at the end of each minute. Of all else it knows nothing.
type History struct {
	page   *url.URL
	client *http.Client
	names  promname.Names
	events string // the name of the counters
	asked  func(answers int)

	mu      sync.Mutex
	answers int
	samples int
	// known are the SLOs that storage has; nil without storage.
	known map[ledger.SLO]bool
	// places are where they were counted, and what was not measured there.
	places  map[ledger.SLO][]ledger.Place
	storage *replay.Storage
	engine  *replay.Replay
}

// NewHistory is that of the collector with the status page, the value of the flag.
func NewHistory(flag, address string, strategy otlptranslator.TranslationStrategyOption) (*History, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--%s %q is not an address: write the status page's, such as http://localhost:8686", flag, terminal.Printable(address, terminal.MaxMessage))
	}
	names := promname.New(strategy)
	return &History{page: u, client: &http.Client{Timeout: timeout}, names: names, events: names.Metric(semconv.SLOEvents.Metric)}, nil
}

// Address is Source's.
func (h *History) Address() string { return h.page.Redacted() }

// Files is Source's: a collector's history has no rules.
func (*History) Files(context.Context) map[string]string { return nil }

// Asks is Source's.
func (*History) Asks() bool { return false }

// Needs is Source's.
func (*History) Needs() string {
	return "counted these SLOs, and is the one that owns them if there are several"
}

func (h *History) onAnswer(asked func(answers int)) { h.asked = asked }

// Forget is Source's.
func (h *History) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.storage != nil {
		_, _ = h.engine.Close(), h.storage.Close() // it is temporary
	}
	h.known, h.places, h.storage, h.engine, h.samples = nil, nil, nil, nil, 0
}

// Range is Source's.
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
	body, err := h.get(ctx, of)
	if err != nil || body == nil {
		if err == nil {
			h.known[of] = true
		}
		return err
	}
	defer body.Close()
	var w *scrapes
	commit := func() error {
		if w == nil {
			return nil
		}
		return w.commit()
	}
	err = ledger.Read(&limited{body, maxHistory}, func(slo string, at ledger.Place) error {
		if slo != of.Name {
			return fmt.Errorf("it has minutes of the SLO %s", terminal.Label(slo))
		}
		if err := commit(); err != nil {
			return err
		}
		h.places[of] = append(h.places[of], at)
		w = h.scrapes(ctx, of, at)
		return nil
	}, func(minutes []ledger.Minute) error {
		for _, m := range minutes {
			w.minute(m)
		}
		if h.samples > MaxSamples {
			return fmt.Errorf("more than %d samples of one service: ask with --service and --slo for fewer SLOs", MaxSamples)
		}
		return nil
	})
	if err = errors.Join(err, commit()); err != nil {
		return fmt.Errorf("the history of %s at %s cannot be read: %s", terminal.Label(of.Name), h.Address(), reason(err))
	}
	h.known[of] = true
	if h.answers++; h.asked != nil {
		h.asked(h.answers)
	}
	return nil
}

// get asks for the history of an SLO; it is nil if the collector does not follow that.
func (h *History) get(ctx context.Context, of ledger.SLO) (io.ReadCloser, error) {
	u := h.page.JoinPath("ledger", "minutes")
	u.RawQuery = url.Values{"namespace": {of.Namespace}, "service": {of.Service}, "slo": {of.Name}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := h.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the status page at %s does not answer: %s; start the collector, or set its address with --url", h.Address(), reason(err))
	}
	if response.StatusCode == http.StatusOK && strings.HasPrefix(response.Header.Get("Content-Type"), "application/x-ndjson") {
		return response.Body, nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, int64(terminal.MaxMessage))) // what there is of it
	_ = response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound && response.Header.Get(ledger.Unknown) != "":
		return nil, nil
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("the status page at %s wants credentials (HTTP status %d); put them into the URL, or ask from its own machine", h.Address(), response.StatusCode)
	}
	return nil, fmt.Errorf("the status page at %s does not give its history (HTTP status %d): %s; set --url to the status page of the collector with the slo processor, of this version or later",
		h.Address(), response.StatusCode, terminal.Printable(strings.TrimSpace(string(text)), terminal.MaxMessage))
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
	now := time.Now()
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
