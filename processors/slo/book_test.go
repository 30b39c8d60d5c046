// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/tables"
)

// A booker is the table of one sender for the counter's SLO.
type booker struct {
	*counter
	start time.Time
	table *attribution.Table
	n     int
}

func newBooker(c *counter, start time.Time) *booker {
	return &booker{counter: c, start: start, table: attribution.New(attribution.Counting)}
}

// count counts requests of a version, of which some are bad. There are ten pods.
func (b *booker) count(version string, good, bad int) *booker {
	for i := range good + bad {
		b.n++
		row := attribution.Row{Time: b.start, Trace: [16]byte{1, byte(b.n)}, Attributes: []attribution.Attribute{
			{Name: semconv.ServiceVersion, Value: version}, {Name: "k8s.pod.name", Value: fmt.Sprintf("pod-%d", b.n%10)}, {Name: "http.route", Value: "/pay"},
		}}
		if i < bad {
			b.table.Bad(row, 1)
		} else {
			b.table.Good(row, 1)
		}
	}
	b.counter.add(float64(good), float64(bad))
	return b
}

// tables adds a point with the table to the metrics.
func (b *booker) addTo(md pmetric.Metrics, end time.Time) pmetric.NumberDataPoint {
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty()
	m.SetName(semconv.SLOLedgerTable.Name)
	dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
	dp.SetStartTimestamp(pcommon.NewTimestampFromTime(b.start))
	dp.SetTimestamp(pcommon.NewTimestampFromTime(end))
	dp.SetDoubleValue(b.table.Booked())
	a := dp.Attributes()
	a.PutStr(semconv.ServiceName, b.service)
	a.PutStr(semconv.ServiceNamespace, b.namespace)
	a.PutStr(semconv.Environment, b.environment)
	a.PutStr(semconv.SLOName, b.slo)
	a.PutEmptyBytes(semconv.SLOLedgerRows).FromRaw(b.table.AppendTo(nil))
	return dp
}

// book sends the counters and the table as of the clock.
func (r *rig) book(b *booker) {
	md := b.metrics(r.clock)
	b.addTo(md, r.clock)
	got, err := r.consume(r.t.Context(), md)
	require.NoError(r.t, err)
	require.Equal(r.t, b.metrics(r.clock), got, "what is for this processor only does not go on")
}

func (r *rig) results(of int) int { return int(r.stats.tables[of].Load()) }

var ofCheckout = attribution.Question{Namespace: "shop", Service: "checkout", SLO: "availability"}

// incident is a rig in which version 2 fails in the third minute.
func incident(r *rig) *counter {
	c := newCounter(r.clock)
	r.send(c)
	r.pass(5 * time.Second)
	r.book(newBooker(c, r.clock).count("v1", 500, 1).count("v2", 100, 0))
	r.pass(time.Minute)
	r.book(newBooker(c, r.clock).count("v1", 500, 1).count("v2", 100, 0))
	r.pass(time.Minute)
	b := newBooker(c, r.clock).count("v1", 250, 0).count("v2", 20, 30)
	r.book(b)
	r.pass(10 * time.Second)
	r.book(b.count("v1", 250, 0).count("v2", 20, 30))
	return c
}

func TestExplain(t *testing.T) {
	r := newRig(t, checkout())
	start := r.clock
	incident(r)
	a, ok := r.Explain(ofCheckout)
	require.True(t, ok)
	require.Equal(t, 62., a.Bad)
	require.Equal(t, 62., a.Booked)
	require.Equal(t, 1740., a.Good)
	require.Equal(t, []attribution.Attribute{{Name: semconv.ServiceVersion, Value: "v2"}}, a.Causes[0].Attributes)
	require.Equal(t, start.Add(2*time.Minute).Truncate(time.Minute), a.Causes[0].Since)
	require.Len(t, a.Causes[0].Traces, 5)
	require.Contains(t, a.Text, "version v2, since 12:02: 97 % of the spent budget")
	for _, d := range a.Dimensions {
		sum := d.Other + d.Without
		for _, line := range d.Lines {
			sum += line.Bad
		}
		require.Equal(t, a.Bad, sum, d.Name)
	}
	require.Equal(t, 5, r.results(int(tables.Taken))+1)

	q := ofCheckout
	q.From, q.To = start.Truncate(time.Minute), start.Add(time.Minute).Truncate(time.Minute)
	a, ok = r.Explain(q)
	require.True(t, ok)
	require.Equal(t, 1., a.Booked, "the first minute")
	require.InDelta(t, 1.8, a.Bad, 0.01, "counters say only that it was in the time between two of them")
	require.Empty(t, a.Causes)

	for name, q := range map[string]attribution.Question{
		"another SLO":         {Namespace: "shop", Service: "checkout", SLO: "latency"},
		"another environment": {Namespace: "shop", Service: "checkout", SLO: "availability", Environment: "staging"},
		"before":              {Namespace: "shop", Service: "checkout", SLO: "availability", From: start.Add(-time.Hour), To: start.Add(-time.Minute)},
		"backwards":           {Namespace: "shop", Service: "checkout", SLO: "availability", From: start.Add(time.Minute), To: start},
	} {
		_, ok := r.Explain(q)
		assert.False(t, ok, name)
	}
}

// An agent without a ledger has bad events, too. They are in none of the lines.
func TestWhatIsNotBookedIsInOther(t *testing.T) {
	r := newRig(t, checkout())
	incident(r)
	other := newCounter(r.clock)
	other.instance = "agent-2"
	r.send(other)
	r.pass(5 * time.Second)
	r.send(other.add(100, 38))
	a, ok := r.Explain(ofCheckout)
	require.True(t, ok)
	require.Equal(t, 100., a.Bad)
	require.Equal(t, 62., a.Booked)
	for _, d := range a.Dimensions {
		require.GreaterOrEqual(t, d.Other, 38., d.Name)
	}
}

func TestTablesThatAreNone(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	r := newRig(t, checkout())
	r.logger = zap.New(core)
	b := newBooker(newCounter(r.clock), r.clock).count("v1", 10, 10)
	spoil := map[string]func(pmetric.NumberDataPoint){
		"no bytes": func(dp pmetric.NumberDataPoint) { dp.Attributes().Remove(semconv.SLOLedgerRows) },
		"a text":   func(dp pmetric.NumberDataPoint) { dp.Attributes().PutStr(semconv.SLOLedgerRows, "x") },
		"other bytes": func(dp pmetric.NumberDataPoint) {
			dp.Attributes().PutEmptyBytes(semconv.SLOLedgerRows).FromRaw([]byte(strings.Repeat("x", 1000)))
		},
		"no time": func(dp pmetric.NumberDataPoint) { dp.SetTimestamp(0) },
	}
	for name, change := range spoil {
		md := b.metrics(r.clock)
		change(b.addTo(md, r.clock))
		b.addTo(md, r.clock) // this one is sound
		got, err := r.consume(t.Context(), md)
		require.NoError(t, err)
		require.Equal(t, b.metrics(r.clock), got, name)
	}
	md := b.metrics(r.clock)
	md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty().SetName(semconv.SLOLedgerTable.Name)
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty()
	m.SetName(semconv.SLOLedgerTable.Name)
	m.SetEmptySum().DataPoints().AppendEmpty()
	got, err := r.consume(t.Context(), md)
	require.NoError(t, err)
	require.Equal(t, b.metrics(r.clock), got)

	require.Equal(t, len(spoil)+1, r.results(int(tables.Invalid)))
	require.Equal(t, len(spoil), r.results(int(tables.Taken)))
	require.Equal(t, 1, logs.FilterMessageSnippet("cannot be read").Len())

	b.service = "unheard"
	md = b.metrics(r.clock)
	b.addTo(md, r.clock)
	_, err = r.consume(t.Context(), md)
	require.NoError(t, err)
	require.Equal(t, 1, r.results(unknownTable))
	require.Len(t, r.tables.Places(), 1)
}

func TestTablesAreKeptOverARestart(t *testing.T) {
	storage := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), noon, storage, checkout())
	incident(r)
	want, _ := r.Explain(ofCheckout)
	require.NoError(t, r.shutdown(t.Context()))
	_, ok := r.Explain(ofCheckout)
	require.False(t, ok, "it has been closed")

	again := newRigWith(t, stored(), r.clock, storage, checkout())
	got, ok := again.Explain(ofCheckout)
	require.True(t, ok)
	require.Equal(t, want, got)

	again.catalog.swap(checkout(func(s *catalog.Service, _ *catalog.SLO) { s.Name = "cart" }))
	require.Empty(t, again.tables.Places(), "an SLO that has gone has no tables")
	again.catalog.swap(checkout())
	got, _ = again.Explain(ofCheckout)
	require.Zero(t, got.Booked)
}

// A group has tables of its own; a question is about all of them.
func TestTablesOfGroups(t *testing.T) {
	r := newRig(t, checkout(func(_ *catalog.Service, slo *catalog.SLO) { slo.GroupBy = []string{"app.plan"} }))
	b := newBooker(newCounter(r.clock), r.clock).count("v1", 10, 10)
	for _, plan := range []string{"free", "paid"} {
		md := b.metrics(r.clock)
		b.addTo(md, r.clock).Attributes().PutStr("app.plan", plan)
		_, err := r.consume(t.Context(), md)
		require.NoError(t, err)
	}
	require.Len(t, r.tables.Places(), 2)
	a, ok := r.Explain(ofCheckout)
	require.True(t, ok)
	require.Equal(t, 20., a.Booked)
	r.catalog.swap(checkout())
	require.Empty(t, r.tables.Places(), "they are not those of the SLO any more")
}

// linesOf are the series of slo.ledger.events by attribute and value, -1 for those that end.
func linesOf(r *rig) map[string]float64 {
	r.sink.Reset()
	r.turnPages(r.t.Context(), r.clock)
	found := map[string]float64{}
	for _, md := range r.sink.AllMetrics() {
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			for _, dp := range m.Gauge().DataPoints().All() {
				attribute, _ := dp.Attributes().Get(semconv.SLOLedgerAttribute)
				v, _ := dp.Attributes().Get(semconv.SLOLedgerValue)
				found[attribute.Str()+"="+v.Str()] = dp.DoubleValue()
				if dp.Flags().NoRecordedValue() {
					found[attribute.Str()+"="+v.Str()] = -1
				}
			}
		}
	}
	return found
}

func TestLinesWhileItBurns(t *testing.T) {
	r := newRig(t, checkout())
	c := incident(r)
	require.Empty(t, linesOf(r), "nothing has been shown to burn")
	r.pass(linesEvery)
	r.flushed()
	require.Equal(t, map[string]float64{"service.version=v2": 60}, linesOf(r))
	require.Empty(t, linesOf(r), "it is not time again")
	r.pass(linesEvery)
	require.Equal(t, map[string]float64{"service.version=v2": 60}, linesOf(r))
	r.pass(6 * time.Minute)
	r.send(c.add(10000, 0))
	r.flushed()
	require.Equal(t, map[string]float64{"service.version=v2": -1}, linesOf(r), "the series ends")
	r.pass(linesEvery)
	require.Empty(t, linesOf(r))
}

func TestShortValues(t *testing.T) {
	require.Equal(t, "a", short("a"))
	require.Len(t, short(strings.Repeat("a", 1000)), maxLineValue)
	cut := short(strings.Repeat("é", 1000))
	require.LessOrEqual(t, len(cut), maxLineValue)
	require.True(t, strings.HasSuffix(cut, "é..."), cut)
}

// A desk is an extension that shows answers.
type desk struct {
	component.StartFunc
	component.ShutdownFunc
	keepers []attribution.Keeper
}

func (d *desk) KeepAttribution(k attribution.Keeper) { d.keepers = append(d.keepers, k) }

func TestExtensionsGetTheKeeper(t *testing.T) {
	d := &desk{}
	host := catalogHost(checkout())
	host.extensions[component.MustNewID("desk")] = d
	p, err := newProcessor(settings(zap.NewNop()), createDefaultConfig().(*Config), nil)
	require.NoError(t, err)
	require.NoError(t, p.open(t.Context(), host))
	require.Len(t, d.keepers, 1)
	require.NoError(t, p.store.Close(t.Context()))
}
