// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
)

// Reasons why an event is not counted, as a report names them.
var reasons = map[judge.Cause]string{
	judge.OtherKind: "span_kind", judge.NoMatch: "match", judge.ErrorExcluded: "error_excluded", judge.Synthetic: "synthetic", judge.MatchFails: "condition_error",
	judge.GoodFails: "condition_error", judge.Timeless: "no_duration",
}

// A looked is what became of the samples of a service for one SLO.
type looked struct {
	SLO
	// detail is that of the last cause, kinds those of the spans that were not counted for theirs.
	detail string
	kinds  []string
}

// A sample is what the sampled telemetry of a service has.
type sample struct {
	spans, logs int
	// keys are those of attributes: as they are, and with "resource." before those of resources.
	keys map[string]bool
	// values has some values for the keys that conditions name.
	values map[string][]string
}

// service judges the samples of a service that sends from an environment that counts.
func (d *diagnosis) service(s *catalog.Service) {
	var senders []*Sender
	for _, sender := range d.matched[s] {
		if counts(s, sender.Environment) {
			senders = append(senders, sender)
		}
	}
	if len(senders) == 0 {
		return
	}
	rules, err := judge.Compile(s)
	if err != nil {
		d.find(CheckCondition, s.Name, "", shownText(err.Error()), "correct the condition in the catalog")
	}
	all := make([]looked, len(s.SLOs))
	for i, o := range s.SLOs {
		all[i].SLO = SLO{Service: shown(s.Name), Namespace: shown(s.Namespace), SLO: shown(o.Name)}
		if d.Counted != nil {
			n := d.Counted[SLOKey{s.Namespace, s.Name, o.Name}]
			all[i].Counted = &n
		}
	}
	seen := sample{keys: map[string]bool{}, values: map[string][]string{}}
	for _, o := range s.SLOs {
		for _, key := range attributesIn(conditionsOf(&o.SLI)) {
			seen.values[key] = nil
		}
	}
	for _, sender := range senders {
		d.judgeSpans(&rules, sender, all, &seen)
		d.judgeLogs(&rules, sender, all, &seen)
	}
	for i, o := range s.SLOs {
		if o.SLI.Prometheus != nil {
			continue
		}
		if all[i].Counted == nil || *all[i].Counted == 0 {
			d.uncounted(s, o, &all[i], senders, &seen)
		}
		d.report.SLOs = append(d.report.SLOs, all[i].SLO)
	}
}

func (d *diagnosis) judgeSpans(rules *judge.Rules, sender *Sender, all []looked, seen *sample) {
	for _, td := range sender.Traces {
		for _, rs := range td.ResourceSpans().All() {
			seen.add("resource.", rs.Resource().Attributes())
			for _, scope := range rs.ScopeSpans().All() {
				e := judge.SpanEvent{Resource: rs, Scope: scope}
				for _, e.Span = range scope.Spans().All() {
					seen.spans++
					seen.add("", e.Span.Attributes())
					for _, x := range rules.ExplainSpan(d.ctx, &e) {
						all[x.SLO].add(x)
					}
				}
			}
		}
	}
}

func (d *diagnosis) judgeLogs(rules *judge.Rules, sender *Sender, all []looked, seen *sample) {
	for _, ld := range sender.Logs {
		for _, rl := range ld.ResourceLogs().All() {
			seen.add("resource.", rl.Resource().Attributes())
			for _, scope := range rl.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					seen.logs++
					seen.add("", record.Attributes())
					context := ottllog.NewTransformContextPtr(rl, scope, record)
					for _, x := range rules.ExplainLog(d.ctx, context) {
						all[x.SLO].add(x)
					}
					context.Close()
				}
			}
		}
	}
}

func (l *looked) add(x judge.Explanation) {
	l.LookedAt++
	switch x.Judgment {
	case judge.Good:
		l.Good++
	case judge.Bad:
		l.Bad++
	default:
		if l.Not == nil {
			l.Not = map[string]int{}
		}
		l.Not[reasons[x.Cause]]++
		if x.Cause == judge.OtherKind {
			if !slices.Contains(l.kinds, x.Detail) {
				l.kinds = append(l.kinds, x.Detail)
			}
		} else {
			l.detail = x.Detail
		}
	}
}

const (
	maxKeys   = 500
	maxValues = 3
)

func (s *sample) add(prefix string, attributes pcommon.Map) {
	for key, value := range attributes.All() {
		key = prefix + key
		if len(s.keys) < maxKeys {
			s.keys[key] = true
		}
		if known, wanted := s.values[key]; wanted && len(known) < maxValues {
			if text := printable.Text(value.AsString(), maxName); !slices.Contains(known, text) {
				s.values[key] = append(known, text)
			}
		}
	}
}

// uncounted says why an SLO of a service that sends counts nothing.
func (d *diagnosis) uncounted(s *catalog.Service, o *catalog.SLO, l *looked, senders []*Sender, seen *sample) {
	if l.Good+l.Bad > 0 {
		return
	}
	name := shown(s.Name)
	find := func(check Check, what, fix string) { d.find(check, s.Name, o.Name, shownText(what), fix) }
	if o.SLI.Metrics != nil {
		d.uncountedMetrics(s, o, senders)
		return
	}
	signal, sent := "spans", total(senders, func(s *Sender) int64 { return s.Spans })
	if o.SLI.Logs != nil {
		signal, sent = "log records", total(senders, func(s *Sender) int64 { return s.LogRecords })
	}
	switch {
	case sent == 0:
		find(CheckSignal, fmt.Sprintf("%s sends no %s, and SLO %s counts them", name, signal, shown(o.Name)),
			map[string]string{"spans": "turn on traces in its SDK (OTEL_TRACES_EXPORTER=otlp), or choose another SLI", "log records": "turn on logs in its SDK (OTEL_LOGS_EXPORTER=otlp), or choose another SLI"}[signal])
	case l.LookedAt == 0: // nothing is known
	case l.Not["condition_error"] > 0:
		find(CheckCondition, fmt.Sprintf("a condition of SLO %s fails for what %s sends: %s", shown(o.Name), name, l.detail),
			"write a condition that can be evaluated for every event, such as attributes[\"x\"] != nil and ...")
	case l.Not["no_duration"] > 0:
		find(CheckCondition, fmt.Sprintf("spans of %s have no start, or end before it, so SLO %s has no duration to judge", name, shown(o.Name)), "correct the times that its instrumentation sets")
	case l.Not["span_kind"] == l.LookedAt:
		slices.Sort(l.kinds)
		find(CheckKind, fmt.Sprintf("%s sends spans of kind %s only, and SLO %s counts %s", name, strings.Join(l.kinds, ", "), shown(o.Name), wantedKinds(&o.SLI)),
			kindFix(l.kinds))
	case l.Not["match"] > 0:
		d.unmatched(s, o, l, signal, seen)
	}
}

func total(senders []*Sender, of func(*Sender) int64) (n int64) {
	for _, s := range senders {
		n += of(s)
	}
	return n
}

func wantedKinds(sli *catalog.SLI) string {
	kinds := selectionOf(sli).Kinds
	if len(kinds) == 0 {
		kinds = []string{"server", "consumer"}
	}
	return strings.Join(strings.Split(strings.ToUpper(strings.Join(kinds, " ")), " "), " and ")
}

func kindFix(sent []string) string {
	if slices.Equal(sent, []string{"CLIENT"}) {
		return "instrument the server of its requests too, or set kinds: [client] in the SLI"
	}
	kind := strings.ToLower(sent[0])
	return fmt.Sprintf("give the span of each request the kind SERVER (a library for its framework does), or set kinds: [%s] in the SLI", kind)
}

// unmatched explains a match that held for none.
func (d *diagnosis) unmatched(s *catalog.Service, o *catalog.SLO, l *looked, signal string, seen *sample) {
	match := conditionsOf(&o.SLI)[0]
	of := l.LookedAt - l.Not["span_kind"]
	what := fmt.Sprintf("match of SLO %s held for none of %d %s of %s that were looked at: %s", shown(o.Name), of, signal, shown(s.Name), printable.Text(match, 2*maxName))
	fix := "correct match in its file; `srectl why-not TRACEID` shows what one span has"
	for _, key := range attributesIn([]string{match}) {
		if values := seen.values[key]; len(values) > 0 {
			fix = fmt.Sprintf("correct match in its file: %s has values such as %s", shown(key), strings.Join(values, ", "))
		} else if !seen.keys[key] {
			fix = "correct match in its file: nothing has the attribute " + shown(key)
			if near := nearest.Word(key, slices.Sorted(maps.Keys(seen.keys))); near != "" {
				fix += "; did you mean " + shown(near) + "?"
			}
			break
		}
	}
	d.find(CheckMatch, s.Name, o.Name, shownText(what), fix)
}

// quoted is an attribute in a condition of OTTL.
var quoted = regexp.MustCompile(`((?:resource|span|log|datapoint)\.)?attributes\["([^"]+)"\]`)

// attributesIn are the attributes that conditions name, those of the resource with "resource." before them.
func attributesIn(conditions []string) (keys []string) {
	for _, condition := range conditions {
		for _, found := range quoted.FindAllStringSubmatch(condition, -1) {
			key := found[2]
			if found[1] == "resource." {
				key = "resource." + key
			}
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func selectionOf(sli *catalog.SLI) catalog.SpanSelection {
	switch {
	case sli.Availability != nil:
		return sli.Availability.SpanSelection
	case sli.Latency != nil:
		return sli.Latency.SpanSelection
	default:
		return catalog.SpanSelection{}
	}
}

// conditionsOf are the conditions of an SLI over spans or logs, the match first.
func conditionsOf(sli *catalog.SLI) []string {
	switch {
	case sli.Spans != nil:
		return []string{sli.Spans.Match, sli.Spans.Good}
	case sli.Logs != nil:
		return []string{sli.Logs.Match, sli.Logs.Good}
	default:
		return []string{selectionOf(sli).Match}
	}
}

// uncountedMetrics says why a metrics SLI counts nothing.
func (d *diagnosis) uncountedMetrics(s *catalog.Service, o *catalog.SLO, senders []*Sender) {
	find := func(what, fix string) { d.find(CheckMetric, s.Name, o.Name, shownText(what), fix) }
	known := map[string]Metric{}
	for _, sender := range senders {
		for _, m := range sender.Metrics {
			known[m.Name] = m
		}
	}
	if total(senders, func(s *Sender) int64 { return s.DataPoints }) == 0 {
		d.find(CheckSignal, s.Name, o.Name, fmt.Sprintf("%s sends no metrics, and SLO %s counts them", shown(s.Name), shown(o.Name)), "turn on metrics in its SDK (OTEL_METRICS_EXPORTER=otlp), or choose another SLI")
		return
	}
	reported := map[string]bool{}
	for _, selection := range []*catalog.MetricSelection{o.SLI.Metrics.Good, o.SLI.Metrics.Bad, o.SLI.Metrics.Total} {
		if selection == nil || reported[selection.Name] {
			continue
		}
		reported[selection.Name] = true
		m, sent := known[selection.Name]
		switch {
		case !sent:
			fix := "name a metric that the service sends"
			if near := nearest.Word(selection.Name, slices.Sorted(maps.Keys(known))); near != "" {
				fix = "did you mean " + shown(near) + "?"
			} else if names := slices.Sorted(maps.Keys(known)); len(names) > 0 {
				fix += ", such as " + shown(names[0])
			}
			find(fmt.Sprintf("SLO %s counts the metric %s, which %s does not send", shown(o.Name), shown(selection.Name), shown(s.Name)), fix)
		case uncountable(m) != "":
			find(fmt.Sprintf("SLO %s counts the metric %s, which is %s", shown(o.Name), shown(m.Name), uncountable(m)), "name a monotonic sum (a counter) or a histogram with a temporality")
		case selection.Match != "" && (d.Counted != nil):
			find(fmt.Sprintf("SLO %s has counted nothing of the metric %s in ten minutes: it does not grow, or match holds for none of its data points: %s", shown(o.Name), shown(m.Name), printable.Text(selection.Match, 2*maxName)),
				"correct match in its file, or wait for the first events")
		}
	}
}

// uncountable says why a metric cannot count events; "" if it can.
func uncountable(m Metric) string {
	switch {
	case m.Type == "sum" && !m.Monotonic:
		return "a sum that can fall"
	case m.Type == "sum" || m.Type == "histogram" || m.Type == "exponential_histogram":
		if m.Temporality == "unspecified" {
			return "a " + strings.ReplaceAll(m.Type, "_", " ") + " without a temporality"
		}
		return ""
	default:
		return "a " + cmp.Or(m.Type, "metric without data")
	}
}
