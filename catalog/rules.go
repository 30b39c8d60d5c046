// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The rules are conditions on a mapping as a whole, in addition to those of its fields.

func nameWorkload(_ *reader, _ place, s *Service) {
	if k := s.Deployment.Kubernetes; k != nil && k.Name == "" {
		k.Name = s.Name
	}
}

func uniqueSLONames(r *reader, at place, s *Service) {
	first := map[string]Position{}
	for i, slo := range s.SLOs {
		item := at.key("slos").item(i)
		slo.Position = item.position()
		if slo.Name == "" {
			continue
		}
		if p, twice := first[slo.Name]; twice {
			r.problem(item.key("name"), fmt.Sprintf("%s exists twice, first in line %d", quote(slo.Name), p.Line), "give each SLO its own name")
			continue
		}
		first[slo.Name] = item.key("name").position()
	}
}

// oneHeir lets one SLO, and no more, take over the history of a name that no other SLO has.
func oneHeir(r *reader, at place, s *Service) {
	heirs := map[string]bool{}
	for i, slo := range s.SLOs {
		if slo.Formerly == "" {
			continue
		}
		item := at.key("slos").item(i).key("formerly")
		switch {
		case s.has(slo.Formerly):
			r.problem(item, quote(slo.Formerly)+" is still an SLO of the service, with a history of its own", "delete formerly, or the other SLO")
		case heirs[slo.Formerly]:
			r.problem(item, quote(slo.Formerly)+" is the former name of another SLO too", "let one SLO have the history")
		}
		heirs[slo.Formerly] = true
	}
}

func dependsOnOthers(r *reader, at place, s *Service) {
	seen := map[string]bool{}
	for i, dependency := range s.DependsOn {
		if seen[dependency] {
			continue
		}
		seen[dependency] = true
		if dependency == s.Name || dependency == s.Namespace+"/"+s.Name {
			r.problem(at.key("dependsOn").item(i), "is the service itself", "delete it")
		}
	}
}

func endAfterStart(r *reader, at place, start, end time.Time) {
	if !start.IsZero() && !end.IsZero() && !end.After(start) {
		r.problem(at.key("end"), "is not after start", "swap them, or correct the date")
	}
}

// onceOrAgain wants a start and an end of a window that does not come again.
func onceOrAgain(r *reader, at place, _ *Maintenance) {
	if _, again := at.lookup("every"); again {
		return
	}
	for _, key := range []string{"start", "end"} {
		if _, ok := at.lookup(key); !ok {
			r.problem(at.key(key), "is missing", "add "+key+", or every for a window that comes again")
		}
	}
}

func oneWindow(r *reader, at place, s *SLO) {
	calendar, has := at.lookup("calendar")
	if !has {
		return
	}
	s.Window.Rolling = 0
	if _, both := at.lookup("window"); both {
		r.problem(calendar, "is set together with window", "keep one of them")
	}
}

// confirmedObjective refuses objectives that are most likely shares, not percentages.
func confirmedObjective(r *reader, at place, s *SLO) {
	if !s.AllowLowObjective {
		r.pass(at.key("objective"), "", likelyObjective(s.Objective))
	}
}

// reachableAlerts warns of alert pairs that could never fire.
func reachableAlerts(r *reader, at place, s *SLO) { s.warnUnreachable(r, at.key("objective")) }

func (s *SLO) warnUnreachable(r *reader, objective place) {
	if !s.sound() {
		return
	}
	var moved []string
	for _, p := range s.BurnPairs() {
		if p.Clamped && p.Factor != 1 {
			moved = append(moved, fmt.Sprintf("%s (%s/%s) to %.4gx", p.Name, FormatDuration(p.Long), FormatDuration(p.Short), p.Factor))
		}
	}
	if len(moved) > 0 {
		r.warning(objective, "burn rate alerts could never fire, so their factors were adjusted: "+strings.Join(moved, ", "),
			"nothing to do; a stricter objective or a longer window needs no adjustment")
	}
}

// inherit completes the SLOs by what the service and their queries say.
func inherit(r *reader, at place, s *Service) {
	for i, slo := range s.SLOs {
		item := at.key("slos").item(i)
		slo.inherited = s.Alerts.Pairs
		if slo.SLI.Prometheus == nil {
			windowsOfCollector(r, item, at, slo)
			continue
		}
		s.group(r, item.key("sli", "prometheus"), slo)
	}
}

// windowsOfCollector refuses pairs over windows that the collector has no burn rates of.
func windowsOfCollector(r *reader, sloAt, serviceAt place, s *SLO) {
	at := sloAt
	if len(s.Alerts.Pairs) == 0 {
		at = serviceAt
	}
	for i, p := range s.pairs() {
		for key, window := range map[string]time.Duration{"long": p.Long, "short": p.Short} {
			if window > 0 && !slices.Contains(BurnWindows, window) {
				names := make([]string, len(BurnWindows))
				for j, w := range BurnWindows {
					names[j] = FormatDuration(w)
				}
				r.problem(at.key("alerts", "pairs").item(i).key(key), "SLO "+quote(s.Name)+" is counted by the collector, which computes no burn rate over "+FormatDuration(window),
					"write one of "+strings.Join(names, ", "))
			}
		}
	}
}

// sound objectives and windows are those for which alerts can be computed.
func (s *SLO) sound() bool {
	if message, _ := checkWindow(s.Window.Rolling); message != "" && s.Window.Calendar == nil {
		return false
	}
	return s.Objective > 0 && s.Objective < 100
}

func orderResets(_ *reader, _ place, s *SLO) {
	slices.SortStableFunc(s.Resets, func(a, b Reset) int { return a.At.Compare(b.At) })
}

func oneKindOfSLI(r *reader, at place, s *SLI) {
	switch n := len(at.node.Content) / 2; {
	case n == 0:
		r.problem(at, "has no kind of SLI", "write availability: {}, or one of latency, spans, logs, metrics, prometheus")
	case n > 1 && s.kinds() > 1:
		r.problem(at, "has more than one kind of SLI", "write one SLO for each")
	}
}

func (s *SLI) kinds() (n int) {
	for _, set := range []bool{s.Availability != nil, s.Latency != nil, s.Spans != nil, s.Logs != nil, s.Metrics != nil, s.Prometheus != nil} {
		if set {
			n++
		}
	}
	return n
}

func errorsOneWay(r *reader, at place, l *Latency) {
	if l.ExcludeErrors && l.ErrorsAreBad {
		r.problem(at.key("errorsAreBad"), "contradicts excludeErrors", "keep one of them")
	}
}

func twoOfThree(r *reader, at place, m *Metrics) {
	n := 0
	for _, selection := range []*MetricSelection{m.Good, m.Bad, m.Total} {
		if selection != nil {
			n++
		}
	}
	if n != 2 {
		r.problem(at, fmt.Sprintf("has %d of good, bad and total", n), "write exactly two of them")
	}
}

func ratioOrCounts(r *reader, at place, _ *Prometheus) {
	var set []string
	for _, key := range []string{"errors", "good", "total", "errorRatio"} {
		if _, ok := at.lookup(key); ok {
			set = append(set, key)
		}
	}
	switch strings.Join(set, " ") {
	case "errors total", "good total", "errorRatio":
	default:
		r.problem(at, "is incomplete", "write errors and total, good and total, or errorRatio alone")
	}
}

// usualStart leaves out a start that is where periods begin anyway.
func usualStart(_ *reader, _ place, c *Calendar) { c.normalize() }

func (c *Calendar) normalize() {
	if c.Start.IsZero() {
		return
	}
	start := time.Date(c.Start.Year(), c.Start.Month(), c.Start.Day(), c.Start.Hour(), c.Start.Minute(), c.Start.Second(), 0, time.UTC)
	usual := Window{Calendar: &Calendar{Unit: c.Unit, Location: time.UTC}}
	if first, _ := usual.Bounds(start); first.Equal(start) {
		c.Start = time.Time{}
	}
}
