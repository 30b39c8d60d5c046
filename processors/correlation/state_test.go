// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func withID(trace pcommon.TraceID, id string) spanOf {
	return spanOf{trace: trace, attributes: map[string]any{"http.request.header.x-request-id": id}}
}

func TestInheritance(t *testing.T) {
	c := coreOf(t)
	out := c.through(t, nil, spanOf{trace: trace1}, withID(trace1, "a1b2c3d4"), spanOf{trace: trace2})
	require.Equal(t, "a1b2c3d4", out[0]["correlation.id"], "whatever the order in a batch")
	require.Equal(t, "4bf92f35000000000000000000000002", out[2]["correlation.id"], "another trace")

	records := c.logged(t, logOf{trace: trace1, body: "ok"}, logOf{body: "trace_id=" + trace1.String()}, logOf{body: "request_id=a1b2c3d4"}, logOf{body: "ok"})
	for i := range 3 {
		require.Equal(t, "a1b2c3d4", idOf(records.At(i).Attributes()))
		require.Equal(t, trace1, records.At(i).TraceID(), "the way back, too")
	}
	require.Empty(t, idOf(records.At(3).Attributes()))

	// What another collector generated gives way.
	out = c.through(t, nil, spanOf{trace: trace1, attributes: map[string]any{"correlation.id": trace1.String()}})
	require.Equal(t, map[string]any{"correlation.id": "a1b2c3d4"}, out[0])
}

func TestWayBackIsAmbiguous(t *testing.T) {
	c := coreOf(t)
	c.through(t, nil, withID(trace1, "a1b2c3d4"), withID(trace2, "a1b2c3d4"))
	require.True(t, c.logged(t, logOf{body: "request_id=a1b2c3d4"}).At(0).TraceID().IsEmpty())
}

func TestConflicts(t *testing.T) {
	const a, b, c = "a1b2c3d4", "b1c2d3e4", "c1d2e3f4"
	root := withID(trace1, b)
	root.root = true
	for policy, want := range map[string][]string{
		conflictFirst: {a + "/", a + "/" + b, a + "/" + c, a + "/"},
		conflictRoot:  {a + "/", b + "/" + a, b + "/" + c, b + "/"},
		conflictKeep:  {a + "/", b + "/" + a, c + "/" + a, a + "/"},
	} {
		core := coreOf(t, func(c *Config) { c.OnConflict = policy })
		var got []string
		for _, span := range []spanOf{withID(trace1, a), root, withID(trace1, c), {trace: trace1}} {
			out := core.through(t, nil, span)[0]
			loser, _ := out[semconv.CorrelationConflict].(string)
			got = append(got, out["correlation.id"].(string)+"/"+loser)
		}
		require.Equal(t, want, got, policy)
		require.EqualValues(t, 2, core.stats.conflicts.Load(), policy)
	}
}

func TestLinksAreFollowedOneHop(t *testing.T) {
	c := coreOf(t)
	c.through(t, nil, withID(trace1, "a1b2c3d4"))
	out := c.through(t, nil, spanOf{trace: trace2}, spanOf{trace: trace2, links: []pcommon.TraceID{trace1}})
	require.Equal(t, "a1b2c3d4", out[0]["correlation.id"])
	require.Equal(t, "a1b2c3d4", out[1]["correlation.id"])
	out = c.through(t, nil, spanOf{trace: trace3, links: []pcommon.TraceID{trace2}})
	require.Equal(t, trace3.String(), out[0]["correlation.id"], "not a second hop")
	require.EqualValues(t, 1, c.stats.outcomes[traces][linked].Load())
	require.EqualValues(t, 1, c.stats.outcomes[traces][generated].Load())
}

func TestTimeToLive(t *testing.T) {
	c := coreOf(t)
	now := c.now()
	c.now = func() time.Time { return now }
	c.through(t, nil, withID(trace1, "a1b2c3d4"))
	now = now.Add(10 * time.Minute)
	require.Equal(t, "a1b2c3d4", c.through(t, nil, spanOf{trace: trace1})[0]["correlation.id"])
	now = now.Add(10 * time.Minute)
	require.Equal(t, "a1b2c3d4", c.through(t, nil, spanOf{trace: trace1})[0]["correlation.id"], "use keeps it")
	now = now.Add(10*time.Minute + 1)
	require.Equal(t, trace1.String(), c.through(t, nil, spanOf{trace: trace1})[0]["correlation.id"])
	require.EqualValues(t, 1, c.state.usage().expired)
}

// A million IDs on one trace are one entry there, and stay within the bounds on the way back.
func TestAMillionIDsOnOneTrace(t *testing.T) {
	c := coreOf(t, func(c *Config) { c.MaxEntries = 6400 })
	const million = 1_000_000
	for i := range million {
		is := c.state.show(trace1, sighting{id: strconv.Itoa(i), by: spanEvidence}, c.now().UnixNano())
		if i > 0 && (is.id != "0" || is.loser != strconv.Itoa(i)) {
			require.Failf(t, "wrong winner", "%s won against %s", is.id, is.loser)
		}
	}
	u := c.state.usage()
	require.LessOrEqual(t, u.entries, int64(6400+1))
	require.LessOrEqual(t, u.bytes, int64((6400+1)*(idEntry+len("999999"))+traceEntry-idEntry+maxAliases*(16+1)))
	require.Equal(t, int64(million+1), u.entries+u.full, "what is not there any more has left")
	// The same through the processor: each item carries the first, and what it lost.
	spans := make([]spanOf, 1000)
	for i := range spans {
		spans[i] = withID(trace1, fmt.Sprintf("late-%04d-x", i))
	}
	for i, out := range c.through(t, nil, spans...) {
		require.Equal(t, map[string]any{"http.request.header.x-request-id": fmt.Sprintf("late-%04d-x", i),
			"correlation.id": "0", semconv.CorrelationConflict: fmt.Sprintf("late-%04d-x", i),
			semconv.CorrelationAliases: []any{"1", "2", "3", "4", "5", "6", "7", "8"}}, out)
	}
}

func TestStateKeepsNoBatchAlive(t *testing.T) {
	// The ID is a part of a larger text; what is kept must not be.
	c := coreOf(t)
	body := `{"request_id":"a1b2c3d4","x":"` + strings.Repeat("x", 4000) + `"}`
	c.logged(t, logOf{trace: trace1, body: body})
	id := c.state.id(trace1, spot{}, c.now().UnixNano()).id
	require.Equal(t, "a1b2c3d4", id)
	require.NotSame(t, unsafe.StringData(body[15:]), unsafe.StringData(id))
}

// The lru against a list that is searched from end to end.
func TestLRUAgainstAModel(t *testing.T) {
	type one struct {
		key, value string
		seen       int64
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var l lru[string, string]
		size := func(k, v string) int { return len(k) + len(v) }
		bounds := limits{entries: 8, bytes: 60, ttl: 50}
		l.init(bounds, size)
		var model []one // the newest last
		bytes := func() (n int) {
			for _, m := range model {
				n += size(m.key, m.value)
			}
			return n
		}
		now := int64(0)
		for range 5000 {
			now += random.Int64N(10)
			key := string(rune('a' + random.IntN(16)))
			at := -1
			for i, m := range model {
				if m.key == key {
					at = i
				}
			}
			if at >= 0 && now-model[at].seen > bounds.ttl {
				model = append(model[:at], model[at+1:]...)
				at = -1
			}
			got := l.get(key, now)
			require.Equal(t, at >= 0, got != nil)
			if at >= 0 {
				m := model[at]
				require.Equal(t, m.value, *got)
				m.seen = now
				model = append(append(model[:at], model[at+1:]...), m)
				if random.IntN(4) == 0 && bytes() < bounds.bytes-10 {
					model[len(model)-1].value = strings.Repeat("y", random.IntN(9))
					l.set(key, model[len(model)-1].value)
				}
				continue
			}
			m := one{key, strings.Repeat("x", random.IntN(20)), now}
			for len(model) > 0 && (now-model[0].seen > bounds.ttl || len(model) >= bounds.entries || bytes()+size(key, m.value) > bounds.bytes) {
				model = model[1:]
			}
			model = append(model, m)
			l.add(key, m.value, now)
			require.Equal(t, bytes(), l.bytes)
			require.Len(t, l.index, len(model))
		}
		require.Positive(t, l.full)
		require.Positive(t, l.expired)
	}
}

func TestConcurrentUse(t *testing.T) {
	c := coreOf(t, func(c *Config) { c.MaxEntries = 128 })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 300 {
				trace := pcommon.TraceID{1, 14: byte(i), 15: byte(i >> 3)}
				c.through(t, nil, withID(trace, fmt.Sprintf("a-%04d-x", i)), spanOf{trace: trace})
				c.logged(t, logOf{body: fmt.Sprintf("request_id=a-%04d-x", i)})
			}
		})
	}
	wg.Wait()
	total := int64(0)
	for sig := range signals {
		for o := range outcomes {
			total += c.stats.outcomes[sig][o].Load()
		}
		for r := range c.stats.sources[sig] {
			total += c.stats.sources[sig][r].Load()
		}
	}
	require.EqualValues(t, 4*300*3, total, "every item has one outcome")
}

// The way back lives as long as its trace is seen, though it is not noted for every item.
func TestWayBackLivesAsLongAsTheTrace(t *testing.T) {
	c := coreOf(t)
	now := c.now()
	c.now = func() time.Time { return now }
	for range 10 {
		c.through(t, nil, withID(trace1, "a1b2c3d4"))
		now = now.Add(3 * time.Minute)
	}
	require.Equal(t, trace1, c.logged(t, logOf{body: "request_id=a1b2c3d4"}).At(0).TraceID())
	require.Zero(t, c.state.usage().expired)
}

// Two gateways behind a balancer by trace ID give what one gives. Of what crosses traces, links and logs
// that know only their ID, that cannot hold; the README says so.
func TestTwoGatewaysGiveWhatOneGives(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one, two := coreOf(t), [2]*core{coreOf(t), coreOf(t)}
	ids := make(map[string]bool)
	for range 500 {
		trace := pcommon.TraceID{1, 15: byte(random.IntN(50))}
		item := spanOf{trace: trace}
		if random.IntN(4) == 0 {
			item = withID(trace, fmt.Sprintf("request-%04d-x", random.IntN(1000)))
		}
		want, got := one.through(t, nil, item)[0], two[trace[15]%2].through(t, nil, item)[0]
		require.Equal(t, want, got)
		ids[want["correlation.id"].(string)] = true
		line := logOf{body: "trace_id=" + trace.String()}
		require.Equal(t, idOf(one.logged(t, line).At(0).Attributes()), idOf(two[trace[15]%2].logged(t, line).At(0).Attributes()))
	}
	require.Greater(t, len(ids), 50, "generated and shown ones")
}
