// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func shared() *Config {
	c := createDefaultConfig().(*Config)
	c.Ownership = Shared
	return c
}

// endedCounters are the counters that the last flush ended, as sender and outcome.
func (r *rig) endedCounters() (names []string) {
	for _, md := range r.sink.AllMetrics() {
		rm := md.ResourceMetrics().At(0)
		m := rm.ScopeMetrics().At(0).Metrics().At(0)
		if m.Name() != semconv.SLOEvents.Name {
			continue
		}
		require.Equal(r.t, pmetric.MetricTypeSum, m.Type())
		dp := m.Sum().DataPoints().At(0)
		require.True(r.t, dp.Flags().NoRecordedValue())
		sender, _ := rm.Resource().Attributes().Get(semconv.ServiceInstanceID)
		out, _ := dp.Attributes().Get(semconv.SLOOutcome)
		version, _ := dp.Attributes().Get(semconv.ServiceVersion)
		names = append(names, sender.Str()+" "+version.Str()+" "+out.Str())
	}
	return names
}

func TestSharedSpeaksOnlyForWhatArrives(t *testing.T) {
	r := newRigWith(t, shared(), noon, nil, checkout())
	require.Empty(t, r.flushed(), "nothing is known of the SLO")
	c := newCounter(r.clock)
	r.pass(time.Second)
	r.send(c.add(99, 1))
	require.Equal(t, 0.01, r.flushed().of(t, "slo.error_ratio", "5m"))
	r.pass(release(r.config.FlushInterval))
	require.NotEmpty(t, r.flushed(), "a pause is no move")
	r.pass(time.Second)
	require.Empty(t, r.flushed())
	require.Contains(t, r.ended(), "slo.error_budget.remaining{ shop checkout production availability }")
	require.ElementsMatch(t, []string{"agent-1 1.0 good", "agent-1 1.0 bad"}, r.endedCounters(), "the counters that were passed on end, too")
	require.Empty(t, r.flushed())
	require.Empty(t, r.endedCounters(), "once")

	r.send(c.add(99, 1)) // it comes back
	require.Equal(t, 0.01, r.flushed().of(t, "slo.error_ratio", "5m"))
	r.requireTotal(198, 2)
	r.pass(time.Hour)
	r.flushed()
	require.Len(t, r.endedCounters(), 2)
}

func TestSoleSpeaksForTheWholeCatalog(t *testing.T) {
	r := newRig(t, checkout())
	require.Equal(t, "no_data", r.flushed().state(t))
}

// newPeerRigs are n processors that are peers of each other, of the services or of checkout; their loops do not run.
func newPeerRigs(t *testing.T, n int, services ...*catalog.Service) []*rig {
	t.Helper()
	if len(services) == 0 {
		services = []*catalog.Service{checkout()}
	}
	var rigs []*rig
	var members []string
	for i := range n {
		config := shared()
		config.Peers = configoptional.Some(defaultPeers())
		config.Peers.Get().Client.TLS.Insecure = true
		r := newRigWith(t, config, noon, nil, services...)
		r.peers.name = fmt.Sprint("gateway-", i)
		server := httptest.NewServer(r.peersHandler())
		t.Cleanup(server.Close)
		r.peers.client = server.Client()
		members = append(members, strings.TrimPrefix(server.URL, "http://"))
		rigs = append(rigs, r)
	}
	for _, r := range rigs {
		r.peers.config.Members = members
	}
	return rigs
}

// speakers are the rigs that speak for the checkout service's SLO after a round of each.
func speakers(t *testing.T, rigs []*rig) (speaking []int) {
	t.Helper()
	for _, r := range rigs {
		r.round(t.Context())
	}
	for n, r := range rigs {
		if len(r.flushed()) > 0 {
			speaking = append(speaking, n)
		}
	}
	return speaking
}

func pass(d time.Duration, rigs ...*rig) {
	for _, r := range rigs {
		r.pass(d)
	}
}

func TestOneSpeakerBeforeTheFirstCounter(t *testing.T) {
	rigs := newPeerRigs(t, 3)
	require.Empty(t, rigs[1].flushed(), "silent until it has asked its peers")
	require.Equal(t, []int{0}, speakers(t, rigs))
	require.Equal(t, "no_data", rigs[0].flushed().state(t))
}

func TestHistoryFollowsTheCounters(t *testing.T) {
	rigs := newPeerRigs(t, 2)
	old, newer := rigs[0], rigs[1]
	c := newCounter(noon)
	for n := range 24 * 60 { // a day, with errors in every third hour
		pass(time.Minute, rigs...)
		if n/60%3 == 2 {
			old.send(c.add(97, 3))
		} else {
			old.send(c.add(100, 0))
		}
	}
	require.Equal(t, []int{0}, speakers(t, rigs))
	before := old.flushed()

	pass(time.Minute, rigs...)
	newer.send(c.add(99, 1))
	newer.round(t.Context())
	require.Empty(t, old.flushed(), "the former owner is silent at once")
	require.Len(t, old.endedCounters(), 2)
	newer.requireTotal(100*24*60-3*8*60+99, 3*8*60+1)
	after := newer.flushed()
	for _, window := range []string{"5m", "1h", "6h", "1d", "30d"} {
		require.InDelta(t, before.of(t, "slo.error_ratio", window), after.of(t, "slo.error_ratio", window), 5e-3, window)
	}
	require.Equal(t, []int{1}, speakers(t, rigs))
	require.EqualValues(t, 1, newer.stats.handovers.Load(), "once")

	// All senders fall silent. The last owner says so; nobody else does.
	pass(10*time.Minute, rigs...)
	require.Equal(t, []int{1}, speakers(t, rigs))
	require.Equal(t, "no_data", newer.flushed().state(t))

	// The counters go back. What the first one remembers is older than what it missed.
	old.send(c.add(99, 1))
	require.Equal(t, []int{0}, speakers(t, rigs))
	old.requireTotal(100*24*60-3*8*60+2*99, 3*8*60+2)
}

func TestCollectorThatStopsLeavesItsHistory(t *testing.T) {
	rigs := newPeerRigs(t, 2)
	c := newCounter(noon)
	pass(time.Hour, rigs...)
	rigs[0].send(c.add(0, 100))
	pass(time.Hour, rigs...)
	rigs[0].send(c.add(100, 0))
	require.Equal(t, []int{0}, speakers(t, rigs))
	rigs[0].bequeath(t.Context())
	rigs[1].requireTotal(100, 100)
	pass(time.Minute, rigs...)
	rigs[1].send(c.add(100, 0))
	rigs[1].requireTotal(200, 100)
	pass(time.Hour, rigs...)
	rigs[1].send(c)
	rigs[1].peers.forget(rigs[1].clock.UnixNano(), 0)
	rigs[1].settle()
	require.Zero(t, rigs[1].flushed().of(t, "slo.error_ratio", "1h"), "when they happened came along")
}

func TestPeerThatIsGone(t *testing.T) {
	rigs := newPeerRigs(t, 2)
	c := newCounter(noon)
	pass(time.Minute, rigs...)
	rigs[0].send(c.add(99, 1))
	require.Equal(t, []int{0}, speakers(t, rigs))
	rigs[1].peers.config.Members = []string{"127.0.0.1:1"} // from now on it cannot be asked
	pass(10*time.Second, rigs...)
	rigs[1].round(t.Context())
	require.Empty(t, rigs[1].flushed(), "it may be back")
	require.Positive(t, rigs[1].stats.peerFailures.Load())
	pass(time.Minute, rigs...)
	rigs[1].send(c.add(99, 1))
	rigs[1].round(t.Context())
	rigs[1].requireTotal(198, 2)
	require.NotEmpty(t, rigs[1].flushed())
}

// However senders move between collectors, and whenever the collectors talk: when all has come to rest, one of them
// speaks, and its budget is that of a collector that had every counter from the beginning.
func TestMovesLoseNothing(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 7))
		rigs := newPeerRigs(t, 3)
		reference := newRig(t, checkout())
		senders := []*counter{newCounter(noon), newCounter(noon), newCounter(noon)}
		target := 0
		for n, s := range senders {
			s.instance = fmt.Sprint("agent-", n)
		}
		for range 300 {
			step := time.Duration(random.IntN(15_000)) * time.Millisecond
			pass(step, append(rigs, reference)...)
			if random.IntN(20) == 0 {
				target = random.IntN(len(rigs))
			}
			for _, s := range senders {
				s.add(float64(random.IntN(50)), float64(random.IntN(3)))
				to := target
				if random.IntN(20) == 0 { // it has not noticed the move yet
					to = random.IntN(len(rigs))
				}
				rigs[to].send(s)
				reference.send(s)
			}
			if random.IntN(3) > 0 {
				rigs[random.IntN(len(rigs))].round(t.Context())
			}
		}
		for range 10 {
			pass(5*time.Second, append(rigs, reference)...)
			for _, s := range senders {
				rigs[target].send(s)
				reference.send(s)
			}
			speakers(t, rigs)
		}
		require.Equal(t, []int{target}, speakers(t, rigs), "seed %d", seed)
		require.Equal(t, reference.total("production"), rigs[target].total("production"), "seed %d", seed)
	}
}

func TestStrangePeers(t *testing.T) {
	rigs := newPeerRigs(t, 1)
	r := rigs[0]
	pass(time.Minute, r)
	r.send(newCounter(noon).add(99, 1))
	for path, bodies := range map[string][]string{
		pathClaims:  {"", "{", `{"claims": 1}`, `[]`},
		pathLegacy:  {"\x00\xff", strings.Repeat("\xff", 100)},
		pathHistory: {"", `{"claims": [` + strings.Repeat(`{},`, maxInherited) + `{}]}`},
	} {
		for _, body := range bodies {
			w := httptest.NewRecorder()
			r.peersHandler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
			require.Equal(t, http.StatusBadRequest, w.Code, "%.20s", body)
		}
	}
	for _, answer := range []string{"", "{", "\x00\x01", `{"instance":"x","claims":[{"service":"checkout","namespace":"shop","slo":"availability","environment":"production","memory":9000000000000000000,"silence":1,"since":1,"counters":9}]}`} {
		strange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
		r.peers.config.Members = []string{strings.TrimPrefix(strange.URL, "http://")}
		r.round(t.Context())
		strange.Close()
	}
	r.requireTotal(99, 1)
	require.Empty(t, r.flushed(), "a peer that claims more is believed, and so it must prove who it is")
	for n := range 2 * maxPeers {
		r.peers.hear(message{Instance: strconv.Itoa(n)}, "", 0)
	}
	require.LessOrEqual(t, len(r.peers.rivals), maxPeers)
}

// FuzzClaims feeds a processor a peer's claims.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"instance":"x","claims":[{"service":"checkout","namespace":"shop","slo":"availability","environment":"production","memory":9,"silence":1,"since":1,"counters":9}]}`))
	f.Add([]byte(`{"instance":"","claims":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		config := shared()
		config.Peers = configoptional.Some(defaultPeers())
		r := newRigWith(t, config, noon, nil, checkout())
		r.peers.name = "me"
		for _, path := range []string{pathClaims, pathHistory} {
			w := httptest.NewRecorder()
			r.peersHandler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body))))
			if path == pathHistory && w.Code == http.StatusOK {
				_, _, err := decodeSLOs(w.Body.Bytes(), noon.UnixNano())
				require.NoError(t, err)
			}
		}
		r.flushed()
	})
}

// The order of claims is one: total, and the same seen from both sides.
func TestClaimsHaveOneOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c"}
	for range 100_000 {
		c := make([]claim, 3)
		for i := range c {
			c[i] = claim{
				Memory: time.Duration(random.IntN(3)), Silence: time.Duration(random.IntN(4)-1) * 20 * time.Second,
				Since: time.Duration(random.IntN(3)), Counters: random.IntN(3),
			}
		}
		compare := func(i, j int) int { return compareClaims(c[i], c[j], names[i], names[j], 30*time.Second) }
		require.Equal(t, compare(0, 1), -compare(1, 0), "%v", c)
		require.NotZero(t, compare(0, 1))
		if compare(0, 1) > 0 && compare(1, 2) > 0 {
			require.Positive(t, compare(0, 2), "%v", c)
		}
	}
}

// The minutes come along, those in storage too, and go into the storage of the collector that they come to.
func TestMinutesFollowTheCounters(t *testing.T) {
	archives := []*archive{archiveOf(t), archiveOf(t)} // closed after the rigs
	rigs := newPeerRigs(t, 2)
	for n, r := range rigs {
		r.config.Storage, r.archive = &fileStorage, archives[n]
		r.store = r.archive.store
		for i := range r.shards {
			r.shards[i].archive = r.archive
		}
	}
	c := newCounter(noon)
	for n := range 8 * 60 {
		pass(minute, rigs...)
		rigs[0].send(c.add(100, float64(n%7)))
		rigs[0].checkpoint(t.Context(), rigs[0].clock, false)
	}
	require.Equal(t, []int{0}, speakers(t, rigs))
	want, hour := rigs[0].history(t), noon.UnixNano()/hourLength+2
	minutes := want.minutes.hour(hour)
	require.NotEqual(t, minutes[10][bad], minutes[11][bad])

	pass(minute, rigs...)
	rigs[1].send(c)
	rigs[1].round(t.Context())
	rigs[1].requireTotal(8*60*100, want.total[bad].events())
	got := rigs[1].history(t)
	require.Equal(t, minutes, got.minutes.hour(hour))
	require.Empty(t, got.minutes.kept, "they are saved")
	require.NotEmpty(t, chunkIn(rigs[1].archive, got.minutes.id, hour))
}
