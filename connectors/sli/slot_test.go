// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const oneCluster = `
metadata: {name: checkout}
spec: {owner: payments, slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`

// inPlaces are the last points of all series, as "cluster region version outcome value"; no two series have equal attributes.
func inPlaces(t testing.TB, md pmetric.Metrics) []string {
	t.Helper()
	last := map[string]pmetric.NumberDataPoint{}
	for _, p := range points(md, semconv.SLOEvents.Name) {
		key := fmt.Sprint(p.Attributes().AsRaw())
		if other, ok := last[key]; ok {
			require.Equal(t, other.StartTimestamp(), p.StartTimestamp(), key)
			require.Less(t, other.Timestamp(), p.Timestamp(), "%s: two series with one name", key)
		}
		last[key] = p
	}
	var lines []string
	for _, p := range last {
		lines = append(lines, strings.ReplaceAll(text4(p, semconv.ClusterName, semconv.CloudRegion, semconv.ServiceVersion, semconv.SLOOutcome), "/", " ")+fmt.Sprint(" ", p.DoubleValue()))
	}
	slices.Sort(lines)
	return lines
}

// Two clusters with one service, environment and version never share a series, nor does a series get or lose its cluster when another one appears.
func TestClusters(t *testing.T) {
	f := start(t, catalogOf(t, oneCluster))
	f.traces(t, tracesOf(checkout("k8s.cluster.name", "eu"), spanOf{kind: server}))
	require.Equal(t, []string{"eu - 1.0 bad 0", "eu - 1.0 good 1"}, inPlaces(t, f.flush(t)), "from its first event")
	f.traces(t, tracesOf(checkout("k8s.cluster.name", "us"), spanOf{kind: server, err: true}))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.traces(t, tracesOf(checkout("k8s.cluster.name", "a\x00b", "service.version", "2\x00eu\x00\x00"), spanOf{kind: server}))
	require.Equal(t, []string{"- - 1.0 bad 0", "- - 1.0 good 1", "- - 2?eu?? bad 0", "- - 2?eu?? good 1",
		"eu - 1.0 bad 0", "eu - 1.0 good 1", "us - 1.0 bad 1", "us - 1.0 good 0"}, inPlaces(t, f.flush(t)))
}

func TestIdentity(t *testing.T) {
	resource := checkout("k8s.cluster.name", "eu", "cloud.region", "eu-1", "cloud.account.id", "7")
	for name, test := range map[string]struct{ identity, want []string }{
		"none":   {nil, []string{"- - 1.0 bad 0", "- - 1.0 good 1"}},
		"region": {[]string{"cloud.region"}, []string{"- eu-1 1.0 bad 0", "- eu-1 1.0 good 1"}},
		"all":    {judge.Places[:], []string{"eu eu-1 1.0 bad 0", "eu eu-1 1.0 good 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, oneCluster), func(c *Config, _ host) { c.Identity = test.identity })
			f.traces(t, tracesOf(resource, spanOf{kind: server}))
			md := f.flush(t)
			require.Equal(t, test.want, inPlaces(t, md))
			account := attr(points(md, semconv.SLOEvents.Name)[0], semconv.CloudAccount)
			require.Equal(t, len(test.identity) == 3, account == "7")
		})
	}
}

func TestTooManyPlaces(t *testing.T) {
	f := start(t, catalogOf(t, oneCluster), func(c *Config, _ host) { c.MaxPlaces, c.MaxVersions = 2, 2 })
	in := func(cluster, version string) {
		f.traces(t, tracesOf(checkout("k8s.cluster.name", cluster, "service.version", version), spanOf{kind: server}))
	}
	for i := range 100 {
		in(fmt.Sprint("c", i), "1.0")
	}
	for i := range 10 { // each place has room for versions of its own
		in("c0", fmt.Sprint("2.", i))
	}
	got := inPlaces(t, f.flush(t))
	require.Equal(t, []string{"c0 - 1.0 good 1", "c0 - 2.0 good 1", "c0 - other good 9", "c1 - 1.0 good 1", "other - 1.0 good 98"},
		slices.DeleteFunc(got, func(line string) bool { return strings.HasSuffix(line, "bad 0") }))
	require.Equal(t, int64(98), f.counter(t, "otelcol_connector_sli_events_adjusted", reasonPlaceOverflow))

	f.clock.add(idleAfter)
	in("c1", "1.0")
	f.clock.add(time.Minute)
	in("new", "1.0") // in the room of c0, which is idle
	got = inPlaces(t, f.flush(t))
	require.Equal(t, []string{"c1 - 1.0 good 2", "new - 1.0 good 1", "other - 1.0 good 98"},
		slices.DeleteFunc(got, func(line string) bool { return strings.HasSuffix(line, "bad 0") }))
}

// An SLO that is grouped by the cluster has one series for each group: its overflow is one, too.
func TestGroupedByCluster(t *testing.T) {
	f := start(t, catalogOf(t, `
metadata: {name: checkout}
spec: {owner: payments, slos: [{name: availability, objective: 99.9, groupBy: [k8s.cluster.name], maxGroups: 2, sli: {availability: {}}}]}
`))
	for i := range 10 {
		f.traces(t, tracesOf(checkout("k8s.cluster.name", fmt.Sprint("c", i)), spanOf{kind: server}))
	}
	require.Equal(t, []string{"_overflow - 1.0 bad 0", "_overflow - 1.0 good 8", "c0 - 1.0 bad 0", "c0 - 1.0 good 1", "c1 - 1.0 bad 0", "c1 - 1.0 good 1"}, inPlaces(t, f.flush(t)))
}

// Whatever runs where, and however often the collector is killed or stopped: each event counts once, in the series of its place, and no series falls.
func TestPlacesAgreeWithAModel(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		d, cat := newDisk(t), catalogOf(t, oneCluster)
		f := start(t, cat, d.on(t))
		want := map[string]float64{}
		for range 60 {
			cluster, version := []string{"", "eu", "us", "ap"}[random.IntN(4)], []string{"", "1.0", "1.1"}[random.IntN(3)]
			more := []string{"service.version", version}
			if cluster != "" {
				more = append(more, "k8s.cluster.name", cluster)
			}
			ended := f.clock.Now()
			if random.IntN(5) == 0 {
				ended = ended.Add(-time.Hour) // late: not in slo.events
			}
			n := 1 + random.IntN(5)
			f.traces(t, spansAt(ended, n, more...))
			if ended.Equal(f.clock.Now()) {
				want[cluster+" "+version+" bad"]++
				want[cluster+" "+version+" good"] += float64(n - 1)
			}
			switch random.IntN(10) {
			case 0:
				d = d.killed(t)
				clock := f.clock.Now()
				f = start(t, cat, d.on(t))
				f.clock.now = clock
			case 1, 2:
				f.flush(t)
			}
		}
		got := map[string]float64{}
		for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
			if p.DoubleValue() == 0 {
				continue
			}
			at, _ := p.Attributes().Get(semconv.ClusterName)
			version, _ := p.Attributes().Get(semconv.ServiceVersion)
			got[at.Str()+" "+version.Str()+" "+attr(p, semconv.SLOOutcome)] = p.DoubleValue()
		}
		maps.DeleteFunc(want, func(_ string, n float64) bool { return n == 0 })
		require.Equal(t, want, got, "seed %d", seed)
	}
}

// What an earlier release saved has no places: its series go on as they were.
func TestSavedWithoutPlaces(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, oneCluster)
	f := start(t, cat, d.on(t), func(c *Config, _ host) { c.Identity = nil })
	f.traces(t, spansAt(epoch, 10, "k8s.cluster.name", "eu"))
	f.flush(t)
	next := start(t, cat, d.killed(t).on(t))
	next.traces(t, spansAt(epoch, 10, "k8s.cluster.name", "eu"))
	require.Equal(t, []string{"- - 1.0 bad 1", "- - 1.0 good 9", "eu - 1.0 bad 1", "eu - 1.0 good 9"}, inPlaces(t, next.flush(t)))
}
