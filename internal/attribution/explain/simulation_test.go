// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// A part is an attribute of the simulated requests: values by share, drawn for each request, or those that follow from another attribute's value.
type part struct {
	name   string
	values []string
	sums   []float64 // of the shares
	of     int       // the attribute that it follows from; -1 for none
	then   func(value int, r *rand.Rand) int
}

// zipf are shares of so many values.
func zipf(n int, exponent float64) []float64 {
	shares := make([]float64, n)
	var sum float64
	for i := range shares {
		shares[i] = math.Pow(float64(i+1), -exponent)
		sum += shares[i]
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}

func newPart(name string, n int, exponent float64) part {
	p := part{name: name, of: -1, values: make([]string, n)}
	for i := range p.values {
		p.values[i] = fmt.Sprintf("%s-%d", name[strings.LastIndexByte(name, '.')+1:], i)
	}
	p.give(zipf(n, exponent))
	return p
}

func follows(name string, n, of int, then func(int, *rand.Rand) int) part {
	p := newPart(name, n, 0)
	p.of, p.then = of, then
	return p
}

func (p *part) give(shares []float64) {
	p.sums = make([]float64, len(shares))
	var sum float64
	for i, s := range shares {
		sum += s
		p.sums[i] = sum
	}
}

// with gives one value a share, and takes from the others as much as it is larger.
func (p *part) with(value int, share float64) {
	shares := slices.Clone(p.sums)
	for i := len(shares) - 1; i > 0; i-- {
		shares[i] -= shares[i-1]
	}
	rest := 1 - shares[value]
	for i := range shares {
		shares[i] *= (1 - share) / rest
	}
	shares[value] = share
	p.give(shares)
}

// The attributes of a request, by index.
const (
	pods = iota
	instances
	nodes
	zones
	versions
	commits
	routes
	methods
	tenants
	dependencies
	flags
	clients
)

func world() []part {
	onNode := func(pod int, _ *rand.Rand) int { return pod / 10 }
	return []part{
		newPart("k8s.pod.name", 2000, 0),
		follows("service.instance.id", 2000, pods, func(pod int, _ *rand.Rand) int { return pod }),
		follows("k8s.node.name", 200, pods, onNode),
		follows("cloud.availability_zone", 3, nodes, func(node int, _ *rand.Rand) int { return node % 3 }),
		newPart("service.version", 2, 3),
		follows("vcs.commit", 2, versions, func(version int, _ *rand.Rand) int { return version }),
		newPart("http.route", 40, 1.1),
		follows("http.request.method", 3, routes, func(route int, _ *rand.Rand) int { return route % 3 }),
		newPart("app.tenant", 1000, 1.05),
		follows("peer.service", 8, routes, func(route int, r *rand.Rand) int {
			if r.Float64() < 0.7 {
				return route % 8
			}
			return r.IntN(8)
		}),
		newPart("feature_flag.checkout", 2, 3),
		newPart("client", 6, 1),
	}
}

// A fault makes requests fail.
type fault struct {
	kind string
	of   []int // attributes
	at   []int // and their values
	// share of the requests, failing of them.
	share, failing float64
}

// usual is the share of the requests that fail anyway.
const usual = 0.0005

// kinds are what may be at fault. Attributes that follow from others, which do not all have the share that is asked for, are so by the others.
var kinds = []struct {
	name string
	of   []int
}{
	{"route", []int{routes}},
	{"version", []int{versions}},
	{"tenant", []int{tenants}},
	{"instance", []int{pods}},
	{"dependency", []int{dependencies}},
	{"zone", []int{zones}},
	{"flag", []int{flags}},
	{"route and version", []int{routes, versions}},
	{"tenant and route", []int{tenants, routes}},
	{"flag and client", []int{flags, clients}},
}

// plant gives the values at fault their share of the traffic.
func plant(w []part, kind int, share, failing float64, r *rand.Rand) fault {
	f := fault{kind: kinds[kind].name, of: kinds[kind].of, share: share, failing: failing}
	each := math.Pow(share, 1/float64(len(f.of)))
	for _, of := range f.of {
		p := &w[of]
		if p.of >= 0 { // it has a share of its own now
			p.of = -1
		}
		value := r.IntN(len(p.values))
		p.with(value, each)
		f.at = append(f.at, value)
	}
	return f
}

// A traffic is the requests of a service, as the tables of its minutes.
type traffic struct {
	world   []part
	fault   fault
	second  float64 // requests in a second
	r       *rand.Rand
	tables  []*attribution.Table
	start   time.Time
	values  []int
	row     attribution.Row
	good    float64
	bad     float64
	seconds int
}

func newTraffic(w []part, f fault, perSecond float64, r *rand.Rand) *traffic {
	t := &traffic{world: w, fault: f, second: perSecond, r: r, start: time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC), values: make([]int, len(w))}
	t.row.Attributes = make([]attribution.Attribute, len(w), len(w)+1)
	return t
}

func (t *traffic) draw() {
	for i := range t.world {
		p := &t.world[i]
		if p.of >= 0 {
			t.values[i] = p.then(t.values[p.of], t.r)
		} else {
			t.values[i] = min(sort.SearchFloat64s(p.sums, t.r.Float64()), len(p.sums)-1)
		}
		t.row.Attributes[i] = attribution.Attribute{Name: p.name, Value: p.values[t.values[i]]}
	}
	t.row.Attributes = t.row.Attributes[:len(t.world)]
}

func (t *traffic) atFault() bool {
	for i, of := range t.fault.of {
		if t.values[of] != t.fault.at[i] {
			return false
		}
	}
	return len(t.fault.of) > 0
}

// goodsOffered is about how many good requests are drawn in a second: of more, each is for several.
const goodsOffered = 20

// run is the traffic of some seconds.
func (t *traffic) run(seconds int, faulty bool) {
	for range seconds {
		minute := t.seconds / 60
		for len(t.tables) <= minute {
			if len(t.tables) > 0 {
				t.tables = append(t.tables, t.tables[len(t.tables)-1].Next())
				continue
			}
			limits := attribution.Counting
			limits.Seed = t.r.Uint64()
			t.tables = append(t.tables, attribution.New(limits))
		}
		table := t.tables[minute]
		t.row.Time = t.start.Add(time.Duration(t.seconds) * time.Second)
		t.seconds++
		bads := poisson(t.r, t.second*usual)
		for range bads {
			t.draw()
			t.book(table)
		}
		if faulty {
			t.fail(table)
		}
		all := t.second * (1 - usual)
		drawn := poisson(t.r, min(all, goodsOffered))
		t.good += all
		for range drawn {
			t.draw()
			if faulty && t.atFault() && t.r.Float64() < t.fault.failing {
				continue // it is no good one
			}
			table.Good(t.row, max(1, all/goodsOffered))
		}
	}
}

// fail books the requests that fail by the fault.
func (t *traffic) fail(table *attribution.Table) {
	for range poisson(t.r, t.second*t.fault.share*t.fault.failing) {
		t.draw()
		t.force()
		t.book(table)
	}
}

// force gives the present request the values at fault.
func (t *traffic) force() {
	for i, of := range t.fault.of {
		t.values[of] = t.fault.at[i]
	}
	for i := range t.world {
		p := &t.world[i]
		if p.of >= 0 && !slices.Contains(t.fault.of, i) {
			if p.of == routes && slices.Contains(t.fault.of, routes) || p.of != routes {
				t.values[i] = p.then(t.values[p.of], t.r)
			}
		}
		t.row.Attributes[i] = attribution.Attribute{Name: p.name, Value: p.values[t.values[i]]}
	}
}

func (t *traffic) book(table *attribution.Table) {
	t.r.Uint64()
	for i := range 16 {
		t.row.Trace[i] = byte(t.r.Uint32())
	}
	t.row.Attributes = append(t.row.Attributes, attribution.Attribute{Name: "error.type", Value: "timeout"})
	table.Bad(t.row, 1)
	t.row.Attributes = t.row.Attributes[:len(t.world)]
	t.bad++
}

func poisson(r *rand.Rand, mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	limit, product, n := math.Exp(-mean), r.Float64(), 0
	for product > limit {
		product *= r.Float64()
		n++
	}
	return n
}

// merging are the limits of tables of several minutes.
var merging = attribution.Limits{Dimensions: 24, Values: 96, Lines: 1024, Text: 32 << 10, BadRows: 512, GoodRows: 1024}

// ask asks about the last five minutes, at most.
func (t *traffic) ask() attribution.Answer {
	to := t.start.Add(time.Duration(t.seconds) * time.Second)
	in := Input{From: to.Add(-min(5*time.Minute, to.Sub(t.start))), To: to, Table: attribution.New(merging)}
	for minute, table := range t.tables {
		start := t.start.Add(time.Duration(minute) * time.Minute)
		if start.Before(in.From.Truncate(time.Minute)) {
			continue
		}
		in.Table.Merge(table)
		in.Minutes = append(in.Minutes, Minute{start, table})
	}
	in.Good, in.Bad = t.second*in.To.Sub(in.From).Seconds(), in.Table.Booked()
	return Explain(in)
}

// names reports whether the first cause is the planted one: its attributes, or what is the same events (the instance of a pod, the commit of a version).
func (t *traffic) names(a attribution.Answer) bool {
	if len(a.Causes) == 0 {
		return false
	}
	cause := a.Causes[0]
	if len(cause.Attributes) != len(t.fault.of) {
		return false
	}
	for i, of := range t.fault.of {
		same := []int{of}
		switch of {
		case pods:
			same = append(same, instances)
		case versions:
			same = append(same, commits)
		}
		if !slices.ContainsFunc(same, func(at int) bool {
			return slices.ContainsFunc(cause.Attributes, func(a attribution.Attribute) bool {
				return a.Name == t.world[at].name && a.Value == t.world[at].values[t.fault.at[i]]
			})
		}) {
			return false
		}
	}
	return true
}

// An incident is simulated: four minutes of traffic, and then a minute with the fault.
func incident(kind int, perSecond, share, failing float64, r *rand.Rand) (*traffic, attribution.Answer) {
	w := world()
	f := plant(w, kind, share, failing, r)
	t := newTraffic(w, f, perSecond, r)
	t.run(240+r.IntN(60), false)
	t.run(60, true)
	return t, t.ask()
}

// enough is from how many failed requests of the fault on it is named: that is in the minute after it began.
const enough = 30

// Of 100 incidents each, with causes of all kinds, the cause is named first within a minute, if enough requests fail by it.
func TestCausesAreNamedFirst(t *testing.T) {
	incidents := 100
	if testing.Short() {
		incidents = len(kinds)
	}
	var table strings.Builder
	table.WriteString("| share of the traffic | of which fail | requests/s | fail by the fault in the minute | named first | another | nothing |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, share := range []float64{0.001, 0.01, 0.1, 0.5} {
		for _, failing := range []float64{0.05, 0.25, 1} {
			for _, perSecond := range []float64{10, 100, 1000} {
				failed := 60 * perSecond * share * failing
				if testing.Short() && (failed < enough || perSecond > 100) {
					continue
				}
				var first, other int
				r := rand.New(rand.NewPCG(uint64(1000*share), uint64(perSecond*failing)))
				for k := range incidents {
					switch w, a := incident(k%len(kinds), perSecond, share, failing, r); {
					case w.names(a):
						first++
					case len(a.Causes) > 0:
						other++
					}
				}
				if failed >= enough {
					assert.GreaterOrEqual(t, float64(first), 0.95*float64(incidents), "%g of the traffic, of which %g fail, %g requests/s", share, failing, perSecond)
				}
				fmt.Fprintf(&table, "| %g %% | %g %% | %g | %g | %d | %d | %d |\n", 100*share, 100*failing, perSecond, math.Round(failed), first, other, incidents-first-other)
			}
		}
	}
	if !testing.Short() {
		documented(t, "testdata/causes.md", table.String())
	}
}

// documented compares a table with the one in the documentation.
func documented(t *testing.T, file, table string) {
	const docs = "../../../docs/ledger.md"
	before, err := os.ReadFile(file)
	if !golden.Update() {
		require.NoError(t, err)
	}
	golden.Equal(t, file, []byte(table))
	page, err := os.ReadFile(docs)
	require.NoError(t, err)
	if golden.Update() {
		page = bytes.Replace(page, before, []byte(table), 1)
		require.NoError(t, os.WriteFile(docs, page, 0o644))
	}
	assert.True(t, bytes.Contains(page, []byte(table)), "docs/ledger.md has another table than %s: copy it", file)
}

// Of 200 incidents in which all requests fail alike, each asked about every 5 seconds from its beginning on, anything is named in at most the stated share.
func TestWithoutACauseNothingIsNamed(t *testing.T) {
	incidents, length := 200, 60
	if testing.Short() {
		incidents = 20
	}
	var table strings.Builder
	table.WriteString("| requests/s | of which fail | looks | incidents in which anything is named |\n| ---: | ---: | ---: | ---: |\n")
	for _, c := range []struct{ perSecond, failing float64 }{{10, 0.1}, {100, 0.02}, {1000, 0.005}} {
		r := rand.New(rand.NewPCG(7, uint64(c.perSecond)))
		wrong := 0
		for range incidents {
			w := newTraffic(world(), fault{share: 1, failing: c.failing}, c.perSecond, r)
			named := false
			for range length / 5 {
				w.run(5, true)
				named = named || len(w.ask().Causes) > 0
			}
			if named {
				wrong++
			}
		}
		assert.LessOrEqual(t, float64(wrong), Alpha*float64(incidents))
		fmt.Fprintf(&table, "| %g | %g %% | %d | %d of %d |\n", c.perSecond, 100*c.failing, length/5, wrong, incidents)
	}
	if !testing.Short() {
		documented(t, "testdata/none.md", table.String())
	}
}
