// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// defaultInterval is how often Prometheus evaluates a group that does not say.
const defaultInterval = time.Minute

var promQL = parser.NewParser(parser.Options{})

// A group is a rule group and what is needed to fill in its past.
type group struct {
	*rules.Group
	recordings []*recording
}

// A recording is a recording rule, and what it reads. Without a record it is an alert.
type recording struct {
	record string
	alert  string
	hold   time.Duration
	labels labels.Labels
	expr   parser.Expr
	// reads are the names of all metrics the rule reads, and how far into the past it does: by a range or
	// an offset.
	reads map[string]time.Duration
}

// load makes rule groups ready to run, as Prometheus' rule manager does.
func load(file rulefmt.RuleGroups, o *rules.ManagerOptions) ([]*group, error) {
	var groups []*group
	for _, g := range file.Groups {
		interval := time.Duration(g.Interval)
		if interval == 0 {
			interval = defaultInterval
		}
		one := &group{}
		var all []rules.Rule
		for _, r := range g.Rules {
			expr, err := promQL.ParseExpr(r.Expr)
			if err != nil {
				return nil, fmt.Errorf("group %q, rule %q: %w", g.Name, r.Record+r.Alert, err)
			}
			set := rules.FromMaps(g.Labels, r.Labels)
			if r.Alert != "" {
				all = append(all, rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), time.Duration(r.KeepFiringFor),
					set, labels.FromMap(r.Annotations), labels.EmptyLabels(), "", true, o.Logger))
				alert := newRecording("", set, expr)
				alert.alert, alert.hold = r.Alert, time.Duration(r.For)
				one.recordings = append(one.recordings, alert)
				continue
			}
			all = append(all, rules.NewRecordingRule(r.Record, expr, set))
			one.recordings = append(one.recordings, newRecording(r.Record, set, expr))
		}
		one.Group = rules.NewGroup(rules.GroupOptions{
			Name: g.Name, File: "scenario.rules.yaml", Interval: interval, Limit: g.Limit, Rules: all, Opts: o,
			QueryOffset: (*time.Duration)(g.QueryOffset),
		})
		groups = append(groups, one)
	}
	return groups, nil
}

func newRecording(record string, set labels.Labels, expr parser.Expr) *recording {
	r := &recording{record: record, labels: set, expr: expr, reads: map[string]time.Duration{}}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		back := selector.OriginalOffset
		for _, parent := range path {
			switch p := parent.(type) {
			case *parser.MatrixSelector:
				back += p.Range
			case *parser.SubqueryExpr:
				back += p.Range + p.OriginalOffset
			}
		}
		if selector.Timestamp != nil {
			back = ever
		}
		name := selectedName(selector)
		if name == record {
			back = ever // what it recorded goes back to the beginning
		}
		r.reads[name] = max(r.reads[name], back)
		return nil
	})
	return r
}

// readsItself reports whether the rule goes on from what it recorded before.
func (r *recording) readsItself() bool {
	_, ok := r.reads[r.record]
	return ok
}

func selectedName(v *parser.VectorSelector) string {
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return v.Name
}

// ever is longer than any scenario.
const ever = 400 * 24 * time.Hour

// needed are the records that must have a past, and how much of it: those that some rule reads over a
// range or with an offset, and whatever these are made of.
func needed(groups []*group) map[string]time.Duration {
	need := map[string]time.Duration{}
	more := true
	reach := func(name string, back time.Duration) {
		if back = min(back, ever); back > need[name] {
			need[name], more = back, true
		}
	}
	for more {
		more = false
		for _, g := range groups {
			for _, r := range g.recordings {
				for name, back := range r.reads {
					if back += need[r.record]; back > 0 {
						reach(name, back+g.Interval())
					}
				}
			}
		}
	}
	return need
}

// slot is the first evaluation of a group from a time on: Prometheus spreads groups over their interval.
func (g *group) slot(from time.Time) time.Time {
	first := g.EvalTimestamp(from.UnixNano())
	if first.Before(from) {
		first = first.Add(g.Interval())
	}
	return first.Truncate(time.Millisecond)
}

var noURL = &url.URL{}
