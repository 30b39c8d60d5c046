// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// fillEvery is how often SLOs are looked for whose past is not known, and how long an API that failed is left alone.
	fillEvery = 30 * time.Second
	// fillTimeout is how long one query may take.
	fillTimeout = 30 * time.Second
	// fillSpan is how much of an SLO's past one query is about: a day of minutes.
	fillSpan = 24 * hourLength
	// fillOverlap is how much of the time before a query looks at, for what counters were at its beginning.
	fillOverlap = hourLength
	// fillSettle is how long counters must have arrived before the time before them is filled: a peer may have the history.
	fillSettle = int64(time.Minute)
)

// HistoryConfig is where the past of an SLO is read whose counters began to arrive here.
type HistoryConfig struct {
	// Prometheus is the base URL of an API that has the slo_events_total of the SLOs.
	Prometheus string `mapstructure:"prometheus"`
	// Client is how it is reached. Its endpoint is not used.
	Client confighttp.ClientConfig `mapstructure:"client"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func defaultHistory() HistoryConfig {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = fillTimeout
	return HistoryConfig{Client: client}
}

// Validate reports every invalid key with its fix.
func (c *HistoryConfig) Validate() error {
	if u, err := url.Parse(c.Prometheus); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("prometheus: %.100q is not a URL; write one such as http://localhost:9090", c.Prometheus)
	}
	return nil
}

// A filler reads the past of SLOs out of Prometheus.
type filler struct {
	config *HistoryConfig
	api    v1.API
	loop   flush.Loop
}

// startFilling lets the past be read in the background, if there is a place where to.
func (p *sloProcessor) startFilling(ctx context.Context, host component.Host, set component.TelemetrySettings) error {
	client, err := p.filler.config.Client.ToClient(ctx, host.GetExtensions(), set)
	if err != nil {
		return fmt.Errorf("history::client: %w", err)
	}
	asked, err := api.NewClient(api.Config{Address: p.filler.config.Prometheus, Client: client})
	if err != nil {
		return fmt.Errorf("history::prometheus: %w", err)
	}
	p.filler.api = v1.NewAPI(asked)
	p.filler.loop.Run(fillEvery, p.fill)
	return nil
}

// A hole is a part of the past of an SLO that is not known.
type hole struct {
	subject
	anyNamespace bool
	from, to     int64
	oldest       int64 // older events count nowhere
}

// fill reads what is missing, the newest days of all SLOs first: what burn rates are about. It goes on where it was at the next call if
// the API fails.
func (p *sloProcessor) fill(ctx context.Context) {
	for ctx.Err() == nil {
		holes := p.holes()
		if len(holes) == 0 {
			return
		}
		for _, h := range holes {
			if err := p.fillHole(ctx, h); err != nil {
				if ctx.Err() == nil {
					p.health.Failed(p.now(), flush.Backfill, "The past of SLOs could not be read; it is tried again", err)
				}
				return
			}
			p.health.Succeeded(flush.Backfill)
		}
	}
}

// holes has one for each SLO whose past is not known: its newest part.
func (p *sloProcessor) holes() (holes []hole) {
	p.each(func(t *tracked, i *instance, now int64) {
		if i.received == 0 || now-i.created < fillSettle && i.filled == 0 || p.peers != nil && !i.owned {
			return
		}
		if i.filled == 0 {
			i.filled = i.created - i.created%minuteLength
		}
		oldest := (now/hourLength - int64(t.objective.hours())) * hourLength
		if i.filled <= oldest {
			return
		}
		from := max(i.filled-fillSpan, oldest)
		holes = append(holes, hole{subject{t.key, i.place()}, t.namespace == "", from - from%hourLength, i.filled, oldest})
	})
	return holes
}

func (p *sloProcessor) fillHole(ctx context.Context, h hole) error {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	answer, _, err := p.filler.api.QueryRange(ctx, h.query(), v1.Range{Start: time.Unix(0, h.from-fillOverlap), End: time.Unix(0, h.to), Step: time.Minute})
	if err != nil {
		return err
	}
	series, ok := answer.(model.Matrix)
	if !ok {
		return errors.New("the answer is no matrix")
	}
	p.apply(h, eventsOf(series, h.from, h.to))
	return nil
}

var prometheusNames = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)

// query is the counters of the SLO.
func (h *hole) query() string {
	q := prometheusNames.Metric(semconv.SLOEvents.Metric) + "{"
	environment, group := splitPlace(h.environment)
	labels := []struct{ name, value string }{
		{semconv.ServiceName, h.service}, {semconv.SLOName, h.slo}, {semconv.Environment, environment}, {semconv.ServiceNamespace, h.namespace},
	}
	for name, value := range attributesOf(group) {
		labels = append(labels, struct{ name, value string }{name, value})
	}
	for _, l := range labels {
		if l.name != semconv.ServiceNamespace || !h.anyNamespace {
			q += fmt.Sprintf("%s=%q,", prometheusNames.Attribute(l.name), l.value)
		}
	}
	return q + "}"
}

// A minuteOfPast is what counters said of a minute; known if they said anything.
type minuteOfPast struct {
	events sum
	known  bool
}

// eventsOf are the increases of counters from minute to minute. A counter that falls began again. What it is at its first sample may be
// of long before: up to a minute of events of a new counter is not counted, rather than too much.
func eventsOf(series model.Matrix, from, to int64) []minuteOfPast {
	minutes := make([]minuteOfPast, (to-from)/minuteLength)
	for _, s := range series {
		out := good
		switch string(s.Metric[model.LabelName(prometheusNames.Attribute(semconv.SLOOutcome))]) {
		case good.String():
		case bad.String():
			out = bad
		default:
			continue
		}
		last, before := -1.0, int64(0)
		for _, sample := range s.Values {
			at, v := sample.Timestamp.Time().UnixNano(), float64(sample.Value)
			if !(v >= 0) || v > maxValue || at > to {
				continue
			}
			if last >= 0 && at > from {
				increase := v
				if v >= last {
					increase -= last
				}
				n := count(increase * float64(oneEvent))
				for k := max(before-from, 0) / minuteLength; from+k*minuteLength < at; k++ {
					a := from + k*minuteLength
					minutes[k].events[out] += part(n, before, at, a+minuteLength) - part(n, before, at, a)
					minutes[k].known = true
				}
			}
			last, before = v, at
		}
	}
	return minutes
}

// apply makes the minutes that are known the history of the SLO in that time.
func (p *sloProcessor) apply(h hole, minutes []minuteOfPast) {
	s := &p.shards[h.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.slos[h.key]
	if t == nil || t.objective == nil {
		return
	}
	i := t.instance(h.environment)
	if i == nil || i.filled != h.to { // the history is another one now
		return
	}
	known := 0
	for k, m := range minutes {
		if m.known {
			known++
			start := h.from + int64(k)*minuteLength
			i.measured.cover(start, start+minuteLength, minuteLength)
		}
	}
	if known > 0 {
		i.remember(p.now().UnixNano(), t.objective)
		i.history.replace(h.from/minuteLength, minutes)
		p.stats.backfilled.Add(int64(known))
	}
	i.filled = h.from
	if h.from <= h.oldest {
		p.logger.Info("The past of an SLO was read out of Prometheus", zap.String(semconv.ServiceName, cut(h.service)), zap.String(semconv.SLOName, cut(h.slo)),
			zap.String(semconv.Environment, cut(h.environment)))
	}
	s.changed = true
	i.lookAt(s, 0)
}

// replace makes the known ones of the minutes from that on what happened, whatever the history said before.
func (h *history) replace(from int64, minutes []minuteOfPast) {
	m := &h.minutes
	h.changed = 0
	for k := 0; k < len(minutes); {
		number := (from + int64(k)) / minutesPerHour
		last := min(len(minutes), int((number+1)*minutesPerHour-from))
		var hour hourOfMinutes
		i := int(number - m.first)
		sealed := number < m.openHour()
		if i >= 0 && sealed {
			hour = m.hour(number)
		}
		for ; k < last; k++ {
			minute := from + int64(k)
			if i < 0 || !minutes[k].known {
				continue
			}
			if sealed {
				hour[minute%minutesPerHour] = minutes[k].events
				continue
			}
			for o, n := range minutes[k].events {
				at := int(minute - m.openMinute())
				h.total[o] += n - m.open[o].at(at)
				m.open[o].set(at, n)
			}
		}
		if i >= 0 && sealed {
			was := sum{m.hours[good].at(i), m.hours[bad].at(i)}
			for o, n := range hour.all() {
				h.total[o] += n - was[o]
			}
			m.set(number, &hour)
		}
	}
	m.edges = nil
	if h.reset.at != 0 {
		h.reset.total = m.totalAt(h.reset.at, h.now, h.total, &edge{})
	}
	var e edge
	for i := range h.rings {
		h.rings[i] = resample(h.rings[i].step, h.now, h.total, func(t int64) sum { return m.totalAt(t, h.now, h.total, &e) })
	}
}

// set makes the sealed hour that one.
func (m *minutes) set(number int64, h *hourOfMinutes) {
	total := h.all()
	m.setHour(int(number-m.first), total)
	kept := m.kept[:0]
	for _, k := range m.kept {
		if k.hour != number {
			kept = append(kept, k)
		}
	}
	if m.kept = kept; total != (sum{}) {
		m.putAside(keptChunk{hour: number, data: h.encode()})
	}
}
