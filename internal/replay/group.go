// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

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

// A Group is a rule group and what is needed to fill in its past.
type Group struct {
	*rules.Group
	recordings []*recording
}

// Queries are the expressions of its rules.
func (g *Group) Queries() []string {
	var all []string
	for _, r := range g.Rules() {
		all = append(all, r.Query().String())
	}
	return all
}

// A recording is a recording rule, and what it reads. Without a record it is an alert.
type recording struct {
	record string
	alert  string
	hold   time.Duration
	labels labels.Labels
	// expr is the rule's expression, with selectors in the place of its parts.
	expr parser.Expr
	// reads are the names of all metrics the rule reads, and how far into the past it does: by a range or
	// an offset.
	reads map[string]time.Duration
	// selectors are how it reads them.
	selectors []*parser.VectorSelector
	// parts are evaluated before the rule, which reads their results.
	parts []part
}

// load makes rule groups ready to run, as Prometheus' rule manager does.
func load(file rulefmt.RuleGroups, fileOf func(group string) string, o *rules.ManagerOptions) ([]*Group, error) {
	var groups []*Group
	for _, g := range file.Groups {
		interval := time.Duration(g.Interval)
		if interval == 0 {
			interval = defaultInterval
		}
		one := &Group{}
		var all []rules.Rule
		for _, r := range g.Rules {
			expr, err := promQL.ParseExpr(r.Expr)
			if err != nil {
				return nil, fmt.Errorf("group %q, rule %q: %w", g.Name, r.Record+r.Alert, err)
			}
			own, err := promQL.ParseExpr(r.Expr) // of which parts are taken out
			if err != nil {
				return nil, err
			}
			set := rules.FromMaps(g.Labels, r.Labels)
			if r.Alert != "" {
				all = append(all, rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), time.Duration(r.KeepFiringFor),
					set, labels.FromMap(r.Annotations), labels.EmptyLabels(), "", true, o.Logger))
				alert := newRecording("", set, own)
				alert.alert, alert.hold = r.Alert, time.Duration(r.For)
				one.recordings = append(one.recordings, alert)
				continue
			}
			all = append(all, rules.NewRecordingRule(r.Record, expr, set))
			one.recordings = append(one.recordings, newRecording(r.Record, set, own))
		}
		one.Group = rules.NewGroup(rules.GroupOptions{
			Name: g.Name, File: fileOf(g.Name), Interval: interval, Limit: g.Limit, Rules: all, Opts: o,
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
		r.selectors = append(r.selectors, selector)
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

// ever is longer than any replay.
const ever = 800 * 24 * time.Hour

// needed are the records that must have a past, and how much of it: those that some rule reads over a
// range or with an offset, and whatever these are made of.
func needed(groups []*Group, more map[string]time.Duration) map[string]time.Duration {
	need := make(map[string]time.Duration)
	again := true
	reach := func(name string, back time.Duration) {
		if back = min(back, ever); back > need[name] {
			need[name], again = back, true
		}
	}
	for name, back := range more {
		reach(name, back)
	}
	for again {
		again = false
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
func (g *Group) slot(from time.Time) time.Time {
	first := g.EvalTimestamp(from.UnixNano())
	if first.Before(from) {
		first = first.Add(g.Interval())
	}
	return first.Truncate(time.Millisecond)
}

// recorded are the names of all series that rules record.
func recorded(groups []*Group) map[string]bool {
	names := make(map[string]bool)
	for _, g := range groups {
		for _, r := range g.recordings {
			if r.record != "" {
				names[r.record] = true
			}
		}
	}
	return names
}

var noURL = &url.URL{}
