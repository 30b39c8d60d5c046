// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

// A service counts the traces and spans that nothing but the share may keep, to know its rate.
type service struct {
	last, now tally
	began     time.Time
	decided   uint64 // the trace that was counted last
}

type tally struct{ traces, spans float64 }

const (
	// rateWindow is the time that a rate is measured over.
	rateWindow = time.Minute
	// minRateWindow is the shortest time that a rate is taken of, for a service that is new.
	minRateWindow = 10 * time.Second
)

// A shares decides the probability of what nothing else keeps, per service.
type shares struct {
	config   *Config
	services map[admission.Identity]*service
	decided  uint64
}

// of is the service's counters. The registry that admits identities bounds how many there are.
func (s *shares) of(id admission.Identity, now time.Time) *service {
	known := s.services[id]
	if known == nil {
		known = &service{began: now}
		s.services[id] = known
	}
	return known
}

// threshold counts the spans, which are of one trace, and returns the rejection threshold of the service with the greatest probability.
func (s *shares) threshold(spans []found, now time.Time) uint64 {
	s.decided++
	lowest := sampling.NeverSampleThreshold.Unsigned()
	for _, f := range spans {
		service := f.service()
		service.now.spans++
		if service.decided == s.decided {
			continue
		}
		service.decided = s.decided
		service.now.traces++
		lowest = min(lowest, s.thresholdOf(service, now))
	}
	return lowest
}

func (s *shares) thresholdOf(of *service, now time.Time) uint64 {
	if s.config.Percentage == 0 {
		return sampling.NeverSampleThreshold.Unsigned()
	}
	traces, spans := of.rates(now)
	p := max(s.config.Percentage/100, s.config.MinTracesPerSecond/traces)
	if most := s.config.MaxSpansPerSecond; most > 0 {
		p = min(p, most/spans)
	}
	threshold, err := sampling.ProbabilityToThresholdWithPrecision(min(p, 1), precision)
	if err != nil { // it is less than the smallest probability
		return sampling.NeverSampleThreshold.Unsigned()
	}
	return threshold.Unsigned()
}

// precision is the number of significant hexadecimal digits of thresholds: the share differs from what was asked for by less than 0.01 %.
const precision = 4

// rates are the traces and spans per second, greater than zero.
func (s *service) rates(now time.Time) (traces, spans float64) {
	elapsed := now.Sub(s.began)
	if elapsed >= rateWindow {
		if s.last = s.now; elapsed >= 2*rateWindow {
			s.last = tally{}
		}
		s.now, s.began, elapsed = tally{}, now, 0
	}
	over := elapsed
	if s.last != (tally{}) {
		over += rateWindow
	}
	seconds := max(over, minRateWindow).Seconds()
	return max(s.last.traces+s.now.traces, 1) / seconds, max(s.last.spans+s.now.spans, 1) / seconds
}

// forget drops the services that had no span for an hour.
func (s *shares) forget(now time.Time) {
	for id, known := range s.services {
		if now.Sub(known.began) > time.Hour {
			delete(s.services, id)
		}
	}
}
