// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
)

// A prometheusAPI is one with the engine of Prometheus behind it.
type prometheusAPI struct {
	t       *testing.T
	db      *teststorage.TestStorage
	engine  *promql.Engine
	queries int
	broken  bool
	server  *httptest.Server
}

func newPrometheusAPI(t *testing.T) *prometheusAPI {
	p := &prometheusAPI{t: t, db: teststorage.New(t), engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.server.Close()
		require.NoError(t, p.engine.Close())
	})
	return p
}

func (p *prometheusAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.queries++
	if p.broken {
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	}
	at := func(name string) time.Time {
		seconds, err := strconv.ParseFloat(r.FormValue(name), 64)
		assert.NoError(p.t, err)
		return time.UnixMilli(int64(seconds * 1000))
	}
	q, err := p.engine.NewRangeQuery(r.Context(), p.db, nil, r.FormValue("query"), at("start"), at("end"), time.Minute)
	if !assert.NoError(p.t, err) {
		return
	}
	defer q.Close()
	result := q.Exec(r.Context())
	assert.NoError(p.t, result.Err)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": result.Value}})
}

func (p *prometheusAPI) scrape(c *counter, at time.Time, slo string) {
	appender := p.db.Appender(p.t.Context())
	for o, v := range []float64{c.good, c.bad} {
		of := labels.FromStrings("__name__", "slo_events_total", "slo_outcome", outcome(o).String(), "service_name", "checkout", "service_namespace", "shop",
			"slo_name", slo, "deployment_environment_name", "production", "instance", c.instance)
		_, err := appender.Append(0, of, at.UnixMilli(), v)
		require.NoError(p.t, err)
	}
	require.NoError(p.t, appender.Commit())
}

// fillingFrom lets the rig read the past from the API, when it is told to.
func (r *rig) fillingFrom(p *prometheusAPI) {
	client, err := api.NewClient(api.Config{Address: p.server.URL})
	require.NoError(r.t, err)
	r.filler = &filler{api: v1.NewAPI(client)}
}

// A gateway that knows nothing, and senders' counters that are ten days old: what happened when is read out of Prometheus.
func TestBackfill(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 33))
	prometheus := newPrometheusAPI(t)
	start := noon.Truncate(minute)
	reference := newRigWith(t, createDefaultConfig().(*Config), start, nil, checkout())
	senders := []*counter{newCounter(start), newCounter(start)}
	senders[1].instance = "agent-2"
	for n := range 10 * 24 * 60 {
		for _, c := range senders {
			prometheus.scrape(c, reference.clock, "availability")
			prometheus.scrape(c, reference.clock, "other")
			reference.send(c)
			c.add(float64(random.IntN(200)), float64(random.IntN(2)*(n/4000%2)))
		}
		if n == 7000 { // it is replaced
			senders[1] = newCounter(reference.clock)
			senders[1].instance = "agent-3"
		}
		reference.pass(minute)
	}
	for _, c := range senders {
		prometheus.scrape(c, reference.clock, "availability")
	}
	reference.send(senders...)

	disk := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), reference.clock, disk, checkout())
	r.fillingFrom(prometheus)
	r.send(senders...)
	r.fill(t.Context())
	require.Zero(t, prometheus.queries, "a peer may have the history")
	pass(2*minute, r, reference)
	r.send(senders...)
	reference.send(senders...)

	prometheus.broken = true
	r.fill(t.Context())
	require.Equal(t, 1, prometheus.queries, "it is left alone for a while")
	prometheus.broken = false
	r.fill(t.Context())
	queries := prometheus.queries
	require.Equal(t, 1+31, queries, "a day each")
	r.fill(t.Context())
	require.Equal(t, queries, prometheus.queries, "once")
	require.Greater(t, r.stats.backfilled.Load(), int64(10*24*60-10))

	want, got := reference.history(t), r.history(t)
	require.InDelta(t, want.total[bad].events(), got.total[bad].events(), 3, "but for the first minute of a counter")
	require.InDelta(t, want.total[good].events(), got.total[good].events(), 600)
	for n := start.UnixNano()/hourLength + 1; n < want.minutes.openHour(); n++ {
		if a, b := want.minutes.hour(n), got.minutes.hour(n); n != start.Add(7000*minute).UnixNano()/hourLength {
			require.Equal(t, a, b, "hour %d", n)
		}
	}
	before, after := reference.flushed(), r.flushed()
	for _, name := range []string{"slo.error_budget.remaining", "slo.period.coverage"} {
		require.InEpsilon(t, before.of(t, name), after.of(t, name), 0.001, name)
	}
	for _, w := range burnWindows {
		require.InDelta(t, before.of(t, "slo.error_ratio", w.name), after.of(t, "slo.error_ratio", w.name), 1e-5, w.name)
	}

	r.checkpoint(t.Context(), r.clock, true)
	r.kill()
	r = newRigWith(t, stored(), r.clock, disk, checkout())
	r.fillingFrom(prometheus)
	r.fill(t.Context())
	require.Equal(t, queries, prometheus.queries, "not again after a restart")
	require.Equal(t, got.total, r.history(t).total)
}

func FuzzEventsOf(f *testing.F) {
	f.Add(int64(60), 1.0, int64(120), 3.0, int64(400), 2.0)
	f.Fuzz(func(t *testing.T, a int64, x float64, b int64, y float64, c int64, z float64) {
		metric := model.Metric{"slo_outcome": "bad"}
		series := &model.SampleStream{Metric: metric}
		for _, s := range []struct {
			at int64
			v  float64
		}{{a, x}, {b, y}, {c, z}} {
			series.Values = append(series.Values, model.SamplePair{Timestamp: model.Time(s.at), Value: model.SampleValue(s.v)})
		}
		for _, m := range eventsOf(model.Matrix{series}, 0, 10*minuteLength) {
			require.GreaterOrEqual(t, m.events[bad], count(0))
			require.Zero(t, m.events[good])
		}
	})
}

func TestHistoryConfig(t *testing.T) {
	c := createDefaultConfig().(*Config)
	history := defaultHistory()
	for _, wrong := range []string{"", "localhost:9090", "ftp://x", "http://"} {
		history.Prometheus = wrong
		c.History = configoptional.Some(history)
		require.ErrorContains(t, history.Validate(), "is not a URL; write one such as http://localhost:9090")
	}
	history.Prometheus = "https://prometheus.example.com/base"
	require.NoError(t, history.Validate())
}
