// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// Where bad events have it as often as good ones, the expectation of an e-value is at most 1, whatever the share is and however many there are.
func TestEvidenceIsNoMoreThanOneInExpectation(t *testing.T) {
	binomial := func(n int, p float64) []float64 {
		chances := make([]float64, n+1)
		for k := range chances {
			a, _ := math.Lgamma(float64(n + 1))
			b, _ := math.Lgamma(float64(k + 1))
			c, _ := math.Lgamma(float64(n - k + 1))
			chances[k] = math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
		}
		return chances
	}
	for _, n := range [][2]int{{1, 1}, {3, 40}, {40, 3}, {30, 30}, {96, 192}} {
		s := newScale(float64(n[0]), float64(n[1]))
		for _, share := range []float64{0.001, 0.02, 0.1, 0.3, 0.5, 0.9, 0.99} {
			var mean float64
			for bad, p := range binomial(n[0], share) {
				for good, q := range binomial(n[1], share) {
					mean += p * q * math.Exp(s.of(float64(bad), float64(good)))
				}
			}
			assert.LessOrEqual(t, mean, 1+1e-9, "%v, share %g", n, share)
		}
	}
}

// A count of all events instead of a sample is no less safe, as the e-value is convex in it.
func TestEvidenceIsConvex(t *testing.T) {
	s := newScale(90, 150)
	at := func(bad, good float64) float64 { return math.Exp(s.of(bad, good)) }
	for good := range 50 {
		for bad := 40; bad < 89; bad++ {
			b, g := float64(bad), float64(good)
			if s.of(b-1, g) < 0 { // what is no evidence is 0
				continue
			}
			assert.LessOrEqual(t, at(b, g), (at(b-1, g)+at(b+1, g))/2*(1+1e-9))
		}
	}
	require.True(t, math.IsInf(newScale(0, 10).of(0, 1), -1))
	require.True(t, math.IsInf(newScale(10, 0).of(1, 0), -1), "nothing to compare with")
	require.True(t, math.IsInf(newScale(10, 10).of(3, 3), -1))
}

// All looks together have the level.
func TestLooks(t *testing.T) {
	var sum float64
	for n := range 100000 {
		sum += math.Exp(-look(time.Duration(n+1) * interval))
	}
	require.InDelta(t, Alpha, sum, Alpha/1000)
	require.Equal(t, look(0), look(interval))
}

var start = time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC)

// A request is so many events with these attributes, as name=value.
type request struct {
	n    int
	bad  bool
	with string
}

func tableOf(requests ...request) *attribution.Table {
	t := attribution.New(attribution.Counting)
	for i := range 1000 {
		for _, r := range requests {
			if i >= r.n {
				continue
			}
			row := attribution.Row{Time: start, Trace: [16]byte{1, byte(i), byte(i >> 8)}}
			for a := range strings.FieldsSeq(r.with) {
				name, value, _ := strings.Cut(a, "=")
				row.Attributes = append(row.Attributes, attribution.Attribute{Name: name, Value: value})
			}
			if r.bad {
				t.Bad(row, 1)
			} else {
				t.Good(row, 1)
			}
		}
	}
	return t
}

func answer(t *attribution.Table) attribution.Answer {
	return Explain(Input{From: start, To: start.Add(time.Minute), Table: t, Good: 100000, Bad: t.Booked()})
}

func named(lines []attribution.Line) (all []string) {
	for _, line := range lines {
		var parts []string
		for _, a := range line.Attributes {
			parts = append(parts, a.Value)
		}
		all = append(all, strings.Join(parts, " "))
	}
	return all
}

func TestWhatIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		requests []request
		want     []string
		same     []string
	}{
		"a version, with its commit": {[]request{
			{50, true, "service.version=v2 vcs.commit=c2 http.route=/pay"}, {50, true, "service.version=v2 vcs.commit=c2 http.route=/list"},
			{80, false, "service.version=v2 vcs.commit=c2 http.route=/pay"}, {80, false, "service.version=v1 vcs.commit=c1 http.route=/pay"},
			{80, false, "service.version=v2 vcs.commit=c2 http.route=/list"}, {80, false, "service.version=v1 vcs.commit=c1 http.route=/list"},
		}, []string{"v2"}, []string{"c2"}},
		"a version on a route": {[]request{
			{100, true, "service.version=v2 http.route=/pay"},
			{80, false, "service.version=v2 http.route=/pay"}, {80, false, "service.version=v1 http.route=/pay"},
			{80, false, "service.version=v2 http.route=/list"}, {80, false, "service.version=v1 http.route=/list"},
		}, []string{"v2 /pay"}, nil},
		"two causes, that with more events first": {[]request{
			{30, true, "http.route=/pay app.tenant=a"}, {30, true, "http.route=/pay app.tenant=c"}, {40, true, "http.route=/list app.tenant=b"},
			{90, false, "http.route=/list app.tenant=a"}, {5, false, "http.route=/pay app.tenant=c"}, {5, false, "http.route=/pay app.tenant=a"}, {4, false, "http.route=/list app.tenant=b"}, {90, false, "http.route=/list app.tenant=c"},
		}, []string{"/pay", "b"}, nil},
		"a pod, with its node": {[]request{
			{50, true, "k8s.pod.name=p1 k8s.node.name=n1"},
			{50, false, "k8s.pod.name=p2 k8s.node.name=n2"}, {40, false, "k8s.pod.name=p3 k8s.node.name=n3"}, {5, false, "k8s.pod.name=p4 k8s.node.name=n1"}, {5, false, "k8s.pod.name=p1 k8s.node.name=n1"},
		}, []string{"p1"}, []string{"n1"}},
		"a node, of which all pods fail": {[]request{
			{30, true, "k8s.pod.name=p1 k8s.node.name=n1"}, {30, true, "k8s.pod.name=p2 k8s.node.name=n1"}, {30, true, "k8s.pod.name=p3 k8s.node.name=n1"},
			{50, false, "k8s.pod.name=p4 k8s.node.name=n2"}, {50, false, "k8s.pod.name=p5 k8s.node.name=n3"}, {3, false, "k8s.pod.name=p1 k8s.node.name=n1"},
		}, []string{"n1"}, nil},
		"all fail alike": {[]request{
			{50, true, "http.route=/pay"}, {50, true, "http.route=/list"}, {80, false, "http.route=/pay"}, {80, false, "http.route=/list"},
		}, nil, nil},
		"the outcome is no cause": {[]request{
			{50, true, "http.route=/pay error.type=timeout app.failure=disk"}, {80, false, "http.route=/pay error.type=none"},
		}, nil, nil},
		"too few":                 {[]request{{2, true, "http.route=/pay"}, {80, false, "http.route=/list"}}, nil, nil},
		"nothing to compare with": {[]request{{90, true, "http.route=/pay"}}, nil, nil},
		"none":                    {nil, nil, nil},
	} {
		a := answer(tableOf(c.requests...))
		assert.Equal(t, c.want, named(a.Causes), name)
		if len(a.Causes) > 0 {
			var same []string
			for _, s := range a.Causes[0].Same {
				same = append(same, s.Value)
			}
			assert.Equal(t, c.same, same, name)
			assert.NotEmpty(t, a.Causes[0].Traces)
		}
	}
}

// The numbers of a line are those of the SLO.
func TestNumbersOfALine(t *testing.T) {
	table := tableOf(request{30, true, "http.route=/pay"}, request{10, true, "http.route=/list"}, request{10, false, "http.route=/pay"}, request{90, false, "http.route=/list"})
	a := Explain(Input{From: start, To: start.Add(time.Minute), Table: table, Good: 1000, Bad: 50})
	require.Equal(t, 50., a.Bad)
	require.Equal(t, 40., a.Booked)
	pay := a.Causes[0]
	require.Equal(t, 30., pay.Bad)
	require.InDelta(t, 0.6, pay.OfBad, 1e-9)
	require.InDelta(t, 130./1050, pay.OfTraffic, 1e-9, "a tenth of the good ones, and 30")
	require.InDelta(t, 30./130, pay.Rate, 1e-9)
	require.InDelta(t, 20./920, pay.RestRate, 1e-9)
	require.Equal(t, "route /pay: 60 % of the spent budget, 4.8 times its share of traffic.", a.Text)
	d := a.Dimensions[0]
	require.Equal(t, 50., d.Lines[0].Bad+d.Lines[1].Bad+d.Other+d.Without)
	require.Equal(t, 10., d.Other, "what was not booked")
}

// Whatever is booked, each dimension adds up to the bad events of the SLO, to the last one.
func TestDimensionsAddUp(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		table := attribution.New(attribution.Counting)
		for range r.IntN(5000) {
			var row attribution.Row
			row.Time = start
			for d := range 1 + r.IntN(30) {
				if r.IntN(3) > 0 {
					row.Attributes = append(row.Attributes, attribution.Attribute{Name: fmt.Sprintf("app.%d", d), Value: strconv.Itoa(int(math.Pow(float64(r.IntN(100)), 2)))})
				}
			}
			if r.IntN(2) == 0 {
				table.Good(row, 1)
			} else {
				table.Bad(row, 1)
			}
		}
		bad := table.Booked() + float64(r.IntN(100))
		a := Explain(Input{From: start, To: start.Add(time.Hour), Table: table, Good: 1e6, Bad: bad})
		for _, d := range a.Dimensions {
			sum := d.Other + d.Without
			for _, line := range d.Lines {
				sum += line.Bad
			}
			require.Equal(t, a.Bad, sum, d.Name)
			require.LessOrEqual(t, len(d.Lines), maxLines)
		}
	}
}

func TestSince(t *testing.T) {
	minutes := func(counts ...int) (all []Minute) {
		for i, n := range counts {
			if n > 0 {
				all = append(all, Minute{start.Add(time.Duration(i) * time.Minute), tableOf(request{n, true, "http.route=/pay service.version=v2"}, request{2, true, "http.route=/list service.version=v1"})})
			}
		}
		return all
	}
	single := &line{attributes: []attribution.Attribute{{Name: "http.route", Value: "/pay"}}}
	pair := &line{attributes: []attribution.Attribute{{Name: "http.route", Value: "/pay"}, {Name: "service.version", Value: "v2"}}}
	for name, c := range map[string]struct {
		counts []int
		want   int // the minute, -1 for none
	}{
		"at the end":            {[]int{1, 1, 1, 40, 30}, 3},
		"in the middle":         {[]int{1, 0, 0, 40, 30, 1, 0, 1, 0}, 3},
		"for most of the time":  {[]int{0, 50, 40, 45, 50, 60, 40}, 1},
		"from the beginning on": {[]int{50, 40, 45, 50, 60, 40}, -1},
		"then it ended":         {[]int{50, 40, 0, 0, 0, 1}, -1},
		"always":                {[]int{5, 4, 5, 6, 5}, -1},
		"too few":               {[]int{0, 0, 0, 3, 0}, -1},
		"never":                 {[]int{0, 0, 0}, -1},
	} {
		var want time.Time
		if c.want >= 0 {
			want = start.Add(time.Duration(c.want) * time.Minute)
		}
		in := Input{From: start.Add(20 * time.Second), To: start.Add(time.Duration(len(c.counts)) * time.Minute), Minutes: minutes(c.counts...)}
		assert.Equal(t, want, since(single, in), name)
		assert.Equal(t, want, since(pair, in), name)
	}
}

// Values come from outside.
func TestTextIsOneBoundedPrintableLine(t *testing.T) {
	for _, value := range []string{"", "\x1b[31m", "a\nb", strings.Repeat("x", 10000), "\u202e", "\xff"} {
		a := attribution.Answer{Bad: 1, Booked: 1, Causes: []attribution.Line{{Attributes: []attribution.Attribute{{Name: value, Value: value}, {Name: value, Value: value}}, Same: []attribution.Attribute{{Name: value, Value: value}}}}}
		text := Text(a)
		assert.Less(t, len(text), 2000)
		for _, r := range text {
			assert.True(t, unicode.IsPrint(r), "%q", text)
		}
	}
	require.Equal(t, "There was no bad event.", Text(attribution.Answer{}))
	require.Equal(t, "Of 3 bad events, none is in the ledger.", Text(attribution.Answer{Bad: 3}))
	require.Equal(t, "Nothing is over-represented among 1 bad event beyond chance.", Text(attribution.Answer{Bad: 1, Booked: 1}))
}

// An instance without a pod has a UUID, of which the sentence has the beginning.
func TestTextOfAnInstance(t *testing.T) {
	const id = "7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b"
	of := func(value string, lines int, other float64) string {
		a := attribution.Answer{Bad: 4, Booked: 4, Causes: []attribution.Line{{Attributes: []attribution.Attribute{{Name: "service.instance.id", Value: value}}, OfBad: 0.75}}}
		if lines > 0 {
			a.Dimensions = []attribution.Dimension{{Name: "service.instance.id", Lines: make([]attribution.Line, lines), Other: other}}
		}
		return Text(a)
	}
	assert.Equal(t, "one instance of 3 that failed (7b6e6a1c): 75 % of the spent budget.", of(id, 3, 0))
	assert.Equal(t, "one instance of 3 or more that failed (7b6e6a1c): 75 % of the spent budget.", of(id, 3, 1))
	assert.Equal(t, "one instance (7b6e6a1c): 75 % of the spent budget.", of(id, 1, 0))
	assert.Equal(t, "one instance (7b6e6a1c): 75 % of the spent budget.", of(id, 0, 0))
	assert.Equal(t, "instance worker-1: 75 % of the spent budget.", of("worker-1", 3, 0))
	assert.Equal(t, "version 1.1.0 (instance 7b6e6a1c): 75 % of the spent budget.", Text(attribution.Answer{Bad: 4, Booked: 4, Causes: []attribution.Line{{
		Attributes: []attribution.Attribute{{Name: "service.version", Value: "1.1.0"}}, Same: []attribution.Attribute{{Name: "service.instance.id", Value: id}}, OfBad: 0.75,
	}}}))
}

func BenchmarkExplain(b *testing.B) {
	w, _ := incident(0, 100, 0.1, 1, rand.New(rand.NewPCG(1, 1)))
	for b.Loop() {
		w.ask()
	}
}
