// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A measured is what an instance of a version used at each look; NaN where nothing is known.
type measured map[measure][]float64

type measure struct {
	kind                           int // index of semconv.Saturations
	environment, version, instance string
}

// usage is all that was read.
type usage struct {
	first       time.Time
	step        time.Duration
	since       int // the last look before the release
	of          measured
	unversioned bool // there are metrics that do not say their version
}

// use reads what all instances of the service used, as long before the release as since then.
func (q Question) use(ctx context.Context, source Source, since, until time.Time) (usage, error) {
	half := max(until.Sub(since), 2*Sustained)
	u := usage{step: soonest, of: measured{}}
	for 2*half/u.step > looks {
		u.step *= 2
	}
	u.first = since.Add(-(half / u.step) * u.step)
	u.since = int(half / u.step)
	count := u.since + int(until.Sub(since)/u.step)
	last := u.first.Add(time.Duration(count) * u.step)

	label := func(attribute string) string { return promname.QuoteLabel(q.Names.Attribute(attribute)) }
	jobs := `job=~` + strconv.Quote(strings.Join(q.jobs(), "|"))
	instance := strings.Join([]string{"job", "instance", label(semconv.PodName), label(semconv.ServiceVersion), label(semconv.Environment)}, ", ")
	window := "[" + strconv.Itoa(int(recently.Seconds())) + "s]"
	info, err := source.Range(ctx, fmt.Sprintf("max by (%s) (last_over_time(%s%s))", instance, promname.Select(semconv.TargetInfo, jobs), window), u.first, last, u.step)
	if err != nil {
		return u, err
	}
	gauges, counters := q.saturations()
	values, err := source.Range(ctx, fmt.Sprintf("sum by (__name__, %s, %s) (last_over_time(%s%s))", instance, label(semconv.JVMMemoryType),
		promname.Select("", "__name__=~"+strconv.Quote(strings.Join(gauges, "|")), jobs), window), u.first, last, u.step)
	if err != nil {
		return u, err
	}
	var rates []string
	for _, name := range counters { // a rate has no name; that of the last two samples is exact for an instance that has just begun
		rates = append(rates, fmt.Sprintf("label_replace(sum by (%s) (irate(%s%s)), %q, %q, \"\", \"\")", instance, promname.Select(name, jobs), window, rated, name))
	}
	rate, err := source.Range(ctx, strings.Join(rates, " or "), u.first, last, u.step)
	if err != nil {
		return u, err
	}
	u.read(q.Names, info, append(values, rate...), count+1)
	return u, nil
}

// rated is the label that says of which metric a rate is.
const rated = "rated"

// jobs are those of the service, as patterns. Telemetry without a namespace is its, if no other service has the name.
func (q Question) jobs() []string {
	all := []string{regexp.QuoteMeta(strings.TrimPrefix(q.Service.Namespace+"/"+q.Service.Name, "/"))}
	if q.Service.Namespace != "" && q.Catalog != nil && q.Catalog.Emitter("", q.Service.Name) == q.Service {
		all = append(all, regexp.QuoteMeta(q.Service.Name))
	}
	return all
}

// saturations are the metrics that are read as they are, as patterns, and those of which the rate is.
func (q Question) saturations() (gauges, counters []string) {
	for i := range semconv.Saturations {
		s := &semconv.Saturations[i]
		used := q.Names.Metric(s.Used)
		switch {
		case s.Used.Unit != "s":
			gauges = append(gauges, regexp.QuoteMeta(used))
		case !slices.Contains(counters, used):
			counters = append(counters, used)
		}
		if s.Limit.Name != "" {
			gauges = append(gauges, regexp.QuoteMeta(q.Names.Metric(s.Limit)))
		}
	}
	slices.Sort(gauges)
	return slices.Compact(gauges), counters
}

// An inJob is a process.
type inJob struct{ job, instance string }

// A resource is what is known of one: since when.
type resource struct {
	version, environment string
	begins               int
}

// read takes the answers.
func (u *usage) read(names promname.Names, info, values model.Matrix, looks int) {
	value := func(m model.Metric, attribute string) string {
		return string(m[model.LabelName(names.Attribute(attribute))])
	}
	at := func(m model.Metric) inJob { return inJob{string(m["job"]), string(m["instance"])} }
	index := func(t model.Time) int { return int((t.Time().Sub(u.first) + u.step/2) / u.step) }
	known := map[inJob][]resource{}
	for _, series := range info {
		if len(series.Values) > 0 {
			of := at(series.Metric)
			known[of] = append(known[of], resource{value(series.Metric, semconv.ServiceVersion), value(series.Metric, semconv.Environment), index(series.Values[0].Timestamp)})
		}
	}
	type raw struct {
		resource
		inJob
		pod string
	}
	seen := map[raw]map[string][]float64{}
	for _, series := range values {
		m := series.Metric
		of := raw{resource{version: value(m, semconv.ServiceVersion), environment: value(m, semconv.Environment)}, at(m), value(m, semconv.PodName)}
		name := string(cmp.Or(m[rated], m[model.MetricNameLabel])) + "\x00" + value(m, semconv.JVMMemoryType)
		if seen[of] == nil {
			seen[of] = map[string][]float64{}
		}
		if seen[of][name] == nil {
			seen[of][name] = unknowns(looks)
		}
		for _, v := range series.Values {
			if i := index(v.Timestamp); i >= 0 && i < looks {
				seen[of][name][i] = float64(v.Value)
			}
		}
	}
	for of, metrics := range seen {
		for kind := range semconv.Saturations {
			s := &semconv.Saturations[kind]
			heap := ""
			if s.Heap {
				heap = "heap"
			}
			used := metrics[names.Metric(s.Used)+"\x00"+heap]
			if used == nil {
				continue
			}
			if s.Limit.Name != "" {
				if used = over(used, metrics[names.Metric(s.Limit)+"\x00"+heap]); used == nil {
					continue
				}
			}
			for i, v := range used {
				if !math.IsNaN(v) {
					u.add(kind, of.resource, known[of.inJob], of.instance+"\x00"+of.pod, i, v, looks)
				}
			}
		}
	}
}

func unknowns(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// over is the share of a limit; nil without one. Go has the largest number for no limit.
func over(used, limit []float64) []float64 {
	if limit == nil {
		return nil
	}
	const none = 1 << 62
	share := unknowns(len(used))
	for i, v := range used {
		if limit[i] > 0 && limit[i] < none {
			share[i] = v / limit[i]
		}
	}
	return share
}

// add notes a value. What its series does not say of the version, the resource does: of several, the one that began last.
func (u *usage) add(kind int, of resource, known []resource, instance string, i int, v float64, looks int) {
	newest := resource{begins: -1}
	for _, k := range known {
		if k.begins <= i && k.begins > newest.begins {
			newest = k
		}
	}
	of.version, of.environment = cmp.Or(of.version, newest.version), cmp.Or(of.environment, newest.environment)
	if of.version == "" {
		u.unversioned = true
		return
	}
	m := measure{kind, of.environment, of.version, instance}
	if u.of[m] == nil {
		u.of[m] = unknowns(looks)
	}
	u.of[m][i] = v
}

// missing says why nothing is known.
func (u *usage) missing(version string) string {
	switch {
	case len(u.of) > 0:
		return "No metric of CPU or memory is of version " + version + " yet."
	case u.unversioned:
		return "The metrics of CPU and memory do not say their version: set service.version in their resource."
	}
	return "Nothing measures CPU or memory."
}

// rows are what is known of the version, with what it is compared with.
func (u *usage) rows(q Question) []Saturation {
	rows := []Saturation{}
	kinds := map[string]map[int]bool{} // by environment
	for m := range u.of {
		if m.version == q.Version && (q.Environment == "" || m.environment == "" || m.environment == q.Environment) {
			if kinds[m.environment] == nil {
				kinds[m.environment] = map[int]bool{}
			}
			kinds[m.environment][m.kind] = true
		}
	}
	for _, environment := range slices.Sorted(maps.Keys(kinds)) {
		shown := map[string]bool{}
		for _, kind := range slices.Sorted(maps.Keys(kinds[environment])) {
			s := &semconv.Saturations[kind]
			if !s.Share() && shown[s.Resource] || len(rows) == maxSaturations {
				continue
			}
			if row, ok := u.row(q, kind, environment); ok {
				shown[s.Resource] = true
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func (u *usage) row(q Question, kind int, environment string) (row Saturation, ok bool) {
	s := &semconv.Saturations[kind]
	row = Saturation{Resource: s.Resource, Environment: environment, Metric: s.Used.Name, Unit: "1", Of: s.Of, State: Usual}
	switch {
	case s.Share():
	case s.Resource == semconv.CPU:
		row.Unit = "{cpu}"
	default:
		row.Unit = "By"
	}
	its := func(m measure) bool { return m.version == q.Version }
	others := func(m measure) bool { return m.version != q.Version && (q.Baseline == "" || m.version == q.Baseline) }
	collect := func(which func(measure) bool, from, to int, least time.Duration) (t total) {
		for m, values := range u.of {
			if m.kind == kind && m.environment == environment && which(m) {
				t.add(values[from:min(to, len(values))], q.limit(), u.step, least)
			}
		}
		return t
	}
	end := math.MaxInt
	own := collect(its, u.since+1, end, 0)
	if own.instances == 0 {
		return row, false
	}
	row.Instances, row.Mean, row.Peak, row.AboveSeconds, row.MeasuredSeconds = own.instances, own.mean(), Number(own.peak), own.above.Seconds(), own.longest.Seconds()
	other := collect(others, u.since+1, end, recently) // what was gone when the release began is seen for as long
	row.Compared = Beside
	if other.instances == 0 {
		row.Compared, other = Before, collect(others, 0, u.since+1, 0)
	}
	if other.instances == 0 {
		row.Compared = ""
	}
	row.OtherInstances, row.OtherMean, row.OtherPeak, row.OtherAboveSeconds = other.instances, other.mean(), unknown, other.above.Seconds()
	if other.instances > 0 {
		row.OtherPeak = Number(other.peak)
	}
	if s.Share() {
		if own.above >= Sustained {
			row.State = Above
		}
	} else {
		row.AboveSeconds, row.OtherAboveSeconds = 0, 0
	}
	if risen := row.OtherMean.Known() && row.Mean >= rises*row.OtherMean && row.Mean > 0; row.State == Usual && risen && (!s.Share() || row.Mean >= halfFull) {
		row.State = Risen
	}
	return row, true
}

// A total is of several instances.
type total struct {
	instances      int
	sum, peak      float64
	values         int
	above, longest time.Duration // of one, on end
}

// add takes the values of an instance, if there are some for longer than least, or at all.
func (t *total) add(values []float64, limit float64, step, least time.Duration) {
	one := total{instances: 1}
	on, over := 0, 0
	for _, v := range values {
		if math.IsNaN(v) {
			on, over = 0, 0
			continue
		}
		if one.values == 0 || v > one.peak {
			one.peak = v
		}
		one.sum, one.values = one.sum+v, one.values+1
		on++
		if over++; v <= limit {
			over = 0
		}
		one.longest, one.above = max(one.longest, time.Duration(on-1)*step), max(one.above, time.Duration(over-1)*step)
	}
	if one.values == 0 || one.longest <= least && least > 0 {
		return
	}
	if t.instances == 0 || one.peak > t.peak {
		t.peak = one.peak
	}
	t.instances, t.sum, t.values = t.instances+1, t.sum+one.sum, t.values+one.values
	t.longest, t.above = max(t.longest, one.longest), max(t.above, one.above)
}

func (t *total) mean() Number {
	if t.values == 0 {
		return unknown
	}
	return Number(t.sum / float64(t.values))
}
