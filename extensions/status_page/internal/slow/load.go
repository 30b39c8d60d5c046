// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slow

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

const (
	// before is the time that is compared with. It ends a little earlier, as a burn is seen some minutes after it began.
	before  = time.Hour
	earlier = 5 * time.Minute
)

// maxEdges bounds the series that are read.
const maxEdges = 20_000

// A Source is the Prometheus that is asked.
type Source interface {
	At(ctx context.Context, query string, at time.Time) (model.Value, error)
}

// Find says because of what a service has become slow in a time; nil if it has not, or if it is not known. An empty environment is all.
func Find(ctx context.Context, source Source, n names.Names, of Name, environment string, from, to time.Time) (*Cause, error) {
	l := loader{ctx, source, n, environment}
	now, err := l.calls(to, to.Sub(from))
	if err != nil || len(now) == 0 {
		return nil, err
	}
	was, err := l.calls(from.Add(-earlier), before)
	if err != nil {
		return nil, err
	}
	return find(was, now, of), nil
}

type loader struct {
	context.Context
	source      Source
	names       names.Names
	environment string
}

// calls are those until a time.
func (l loader) calls(until time.Time, length time.Duration) (calls, error) {
	n := l.names
	by := names.List(n.Client, n.ClientNamespace, n.Server, n.ServerNamespace, n.Connection)
	all := calls{}
	for _, one := range []struct {
		metric names.Metric
		to     func(*call) *float64
	}{
		{n.EdgeClient + "_sum", func(c *call) *float64 { return &c.client }}, {n.EdgeServer + "_sum", func(c *call) *float64 { return &c.server }},
		{n.EdgeServer + "_count", func(c *call) *float64 { return &c.count }},
	} {
		var matchers []string
		if l.environment != "" {
			matchers = []string{n.ClientEnvironment.OrNone(l.environment), n.ServerEnvironment.OrNone(l.environment)}
		}
		query := names.By("sum", by, fmt.Sprintf("increase(%s[%dms])", one.metric.With(matchers...), max(length, 2*time.Minute).Milliseconds()))
		value, err := l.source.At(l, query, until)
		if err != nil {
			return nil, err
		}
		vector, _ := value.(model.Vector)
		for _, s := range vector[:min(len(vector), maxEdges)] {
			kind := n.Connection.In(s.Metric)
			seen := float64(s.Value)
			if kind == messaging || math.IsNaN(seen) || math.IsInf(seen, 0) { // a message waits, and nobody waits for it
				continue
			}
			p := pair{Name{n.ClientNamespace.In(s.Metric), n.Client.In(s.Metric)}, Name{n.ServerNamespace.In(s.Metric), n.Server.In(s.Metric)}, kind}
			c := all[p]
			*one.to(&c) += max(0, seen)
			all[p] = c
		}
	}
	return all, nil
}
