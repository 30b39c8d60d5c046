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

// A Saturation is how much processor time or memory the instances of the version use. No SLO speaks of it: it is shown and warned of, and is judged only by a
// limit that the question has.
type Saturation struct {
	Resource    string `json:"resource"` // semconv.CPU or semconv.Memory
	Environment string `json:"environment"`
	// Metric is the one that says it, as OpenTelemetry calls it. Unit is 1 for a share of a limit, {cpu} for processors, or By.
	Metric string `json:"metric"`
	Unit   string `json:"unit"`
	// Of is what it is a share of, in words; "" if no limit is known.
	Of string `json:"of"`
	// State is Usual, Risen or Above.
	State string `json:"state"`
	// Fails says that the version fails for it.
	Fails bool `json:"fails"`
	// Of the version: how many instances say it, their mean, and the highest value of one.
	Instances int    `json:"instances"`
	Mean      Number `json:"mean"`
	Peak      Number `json:"peak"`
	// AboveSeconds is how long one of them was above the limit on end, and MeasuredSeconds how long one of them was measured.
	AboveSeconds    float64 `json:"above_seconds"`
	MeasuredSeconds float64 `json:"measured_seconds"`
	// Of what it is compared with: the instances beside it, or those before it.
	Compared          string  `json:"compared_with"`
	OtherInstances    int     `json:"other_instances"`
	OtherMean         Number  `json:"other_mean"`
	OtherPeak         Number  `json:"other_peak"`
	OtherAboveSeconds float64 `json:"other_above_seconds"`
}

// States of a Saturation: as before; risen, which is a warning; and above the limit of the question or what is unhealthy, which is one, too.
const (
	Usual = "usual"
	Risen = "risen"
	Above = "above"
)

const (
	// Full is the share of its limit above which an instance is warned of, if the question has no limit.
	Full = 0.9
	// Sustained is how long an instance has to be above a limit on end, and how long it has to be measured to be below it: longer than what it does once
	// when it starts.
	Sustained = 5 * time.Minute
	// rises is how many times as much as the others is a warning, and halfFull the share of a limit below which it is none.
	rises    = 1.5
	halfFull = 0.5
	// recently is how old a sample may be, and over how much time a rate is: three times the interval in which an SDK sends metrics by default.
	recently = 3 * time.Minute
	// looks is how many times are looked at, at most, and soonest the shortest time between two.
	looks   = 60
	soonest = 30 * time.Second
	// maxSaturations bounds the answer, and maxWarnings what its reason says of it.
	maxSaturations = 50
	maxWarnings    = 2
)

// saturate finds how much the version uses. What is not measured is said, and fails nothing.
func (q Question) saturate(ctx context.Context, source Source, r *Result) error {
	if q.Flag != "" {
		return nil // a variant has no process of its own
	}
	used, err := q.use(ctx, source, r.Since, r.Until)
	if err != nil {
		if q.MaxSaturation > 0 {
			return err
		}
		r.Unmeasured = "CPU and memory could not be read."
		return nil
	}
	r.Saturation = used.rows(q)
	if len(r.Saturation) == 0 {
		r.Unmeasured = used.missing(q.Version)
	}
	for i := range r.Saturation {
		if s := &r.Saturation[i]; s.State != Usual {
			r.Warnings = append(r.Warnings, s.warning(q.limit()))
		}
	}
	r.limit(q)
	return nil
}

// limit judges by the limit of the question, if it has one, and adds the warnings to the reason.
//
// It is a limit and no test: a version whose instances are not above it for Sustained never fails by it, and none does that is so like what it is compared
// with. A version passes when each of its measures was below it for as long.
func (r *Result) limit(q Question) {
	warnings := r.Warnings
	if q.MaxSaturation > 0 && r.Verdict != Fail {
		shares, short := 0, ""
		for i := range r.Saturation {
			s := &r.Saturation[i]
			switch {
			case s.Of == "":
			case s.exceeds():
				s.Fails = true
				r.Verdict, r.Reason = Fail, join(s.against(q.MaxSaturation), r.Reason)
				r.warn(slices.DeleteFunc(slices.Clone(warnings), func(w string) bool { return w == s.warning(q.limit()) }))
				return
			default:
				if shares++; s.MeasuredSeconds < Sustained.Seconds() {
					short = fmt.Sprintf("%s has been measured for %s of the %s that a limit takes.", s.name(), length(s.MeasuredSeconds), length(Sustained.Seconds()))
				}
			}
		}
		if r.Verdict == Pass && shares == 0 {
			short = cmp.Or(r.Unmeasured, "CPU and memory are measured, but not their limits.") + " So it is not known whether the limit is kept."
		}
		if r.Verdict == Pass && short != "" {
			r.Verdict, r.Reason = Inconclusive, join(short, r.Reason)
		}
	}
	r.warn(warnings)
}

func (r *Result) warn(of []string) {
	for _, one := range of[:min(len(of), maxWarnings)] {
		r.Reason = join(r.Reason, "Warning: "+one)
	}
}

// ParseSaturation reads a limit: a percentage such as 90%, or a share such as 0.9. "" is none.
func ParseSaturation(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percentage := strings.CutSuffix(text, "%")
	limit, err := strconv.ParseFloat(number, 64)
	if percentage {
		limit /= 100
	}
	if err != nil || !(limit > 0 && limit <= 1) {
		return 0, fmt.Errorf("%.60q is no limit of saturation: write a percentage from 0 to 100%%, such as 90%%", text)
	}
	return limit, nil
}

// limit is the share of a limit that is too much.
func (q Question) limit() float64 { return cmp.Or(q.MaxSaturation, Full) }

func (s *Saturation) exceeds() bool {
	return s.Of != "" && s.AboveSeconds >= Sustained.Seconds() && s.OtherAboveSeconds < Sustained.Seconds()
}

// Label is the resource as people write it.
func (s *Saturation) Label() string {
	if s.Resource == semconv.CPU {
		return "CPU"
	}
	return "Memory"
}

func (s *Saturation) name() string {
	name := s.Label()
	if s.Environment != "" {
		name += " (" + s.Environment + ")"
	}
	return name
}

// Amount is a value of it as people write it.
func (s *Saturation) Amount(n Number) string {
	const mega = 1e6
	switch {
	case !n.Known():
		return "–"
	case s.Of != "":
		return strconv.FormatFloat(100*float64(n), 'f', 0, 64) + " %"
	case s.Resource == semconv.CPU:
		return figure(n) + " processors"
	}
	return figure(n/mega) + " MB"
}

// Others are what it is compared with, in words.
func (s *Saturation) Others() string {
	return plural(s.OtherInstances, "instance") + " of the " + s.Compared
}

// share is what it is a share of, for sentences.
func (s *Saturation) share() string {
	if s.Of == "" {
		return ""
	}
	return " of " + s.Of
}

func (s *Saturation) warning(limit float64) string {
	if s.State == Above {
		text := fmt.Sprintf("%s of an instance was above %s%s for %s, and up to %s", s.name(), s.Amount(Number(limit)), s.share(), length(s.AboveSeconds), s.Amount(s.Peak))
		if s.OtherAboveSeconds >= Sustained.Seconds() {
			text += ", as one of the " + s.Compared
		}
		return text + "." + s.beside()
	}
	return fmt.Sprintf("%s rose from %s to %s%s: means of %s, and of %d of this one.", s.name(), s.Amount(s.OtherMean), s.Amount(s.Mean), s.share(), s.Others(), s.Instances)
}

func (s *Saturation) against(limit float64) string {
	return fmt.Sprintf("%s of an instance was above %s%s for %s on end, and up to %s; the mean of %s is %s.%s",
		s.name(), s.Amount(Number(limit)), s.share(), length(s.AboveSeconds), s.Amount(s.Peak), plural(s.Instances, "instance"), s.Amount(s.Mean), s.beside())
}

func (s *Saturation) beside() string {
	if s.Compared == "" {
		return ""
	}
	return fmt.Sprintf(" Of the %s, the mean of %s is %s, and the highest %s.", s.Compared, plural(s.OtherInstances, "instance"), s.Amount(s.OtherMean), s.Amount(s.OtherPeak))
}

func length(seconds float64) string { return time.Duration(seconds * float64(time.Second)).String() }

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
		limited, shown := map[string]bool{}, map[string]bool{}
		for _, kind := range slices.Sorted(maps.Keys(kinds[environment])) {
			s := &semconv.Saturations[kind]
			if !s.Share() && (limited[s.Resource] || shown[s.Resource]) || len(rows) == maxSaturations {
				continue
			}
			if row, ok := u.row(q, kind, environment); ok {
				limited[s.Resource], shown[s.Resource] = limited[s.Resource] || s.Share(), true
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
