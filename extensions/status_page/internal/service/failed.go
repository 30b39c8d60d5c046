// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
)

// maxFailed is how many requests are shown.
const maxFailed = 5

// Failed is a request that failed, by its trace.
type Failed struct {
	TraceID string    `json:"trace_id"`
	At      time.Time `json:"time"`
}

// askFailed asks for the newest requests that the exemplars of failed calls name, of those that can still be searched. Not
// every Prometheus has exemplars: one without them is not an error.
func (l *loader) askFailed() []Failed {
	if l.recent.IsZero() {
		return nil
	}
	examples, err := l.source.Exemplars(l.context, l.spans(l.names.Durations+"_bucket", l.spanFailed()),
		prometheus.Period{Start: l.recent.Truncate(time.Minute), End: l.service.Period.End})
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	var failed []Failed
	for _, series := range examples {
		for _, e := range series.Exemplars {
			trace, at := string(e.Labels["trace_id"]), e.Timestamp.Time().UTC()
			if raw, err := hex.DecodeString(trace); err != nil || len(raw) != 16 || seen[trace] || at.Before(l.recent) {
				continue
			}
			seen[trace] = true
			failed = append(failed, Failed{trace, at})
		}
	}
	slices.SortFunc(failed, func(a, b Failed) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.TraceID, b.TraceID)) })
	return failed[:min(len(failed), maxFailed)]
}
