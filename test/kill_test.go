// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// spanRequest is a request with server spans of new IDs that ended at a time, some of which are bad.
func spanRequest(t testing.TB, service string, ended time.Time, spans int) (body []byte, good, bad float64) {
	t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	slice := rs.ScopeSpans().AppendEmpty().Spans()
	for range spans {
		span := slice.AppendEmpty()
		span.SetTraceID(pcommon.TraceID(uuid.New()))
		id := uuid.New()
		span.SetSpanID(pcommon.SpanID(id[:8]))
		span.SetKind(ptrace.SpanKindServer)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(ended.Add(-time.Millisecond)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(ended))
		good++
		if rand.IntN(20) == 0 {
			span.Status().SetCode(ptrace.StatusCodeError)
			good--
			bad++
		}
	}
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	return body, good, bad
}

// post sends a request once, and reports whether it was acknowledged.
func (c *collector) post(client *http.Client, body []byte) bool {
	response, err := client.Post("http://"+c.otlpHTTP+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}

// events are the good and bad events of the service's SLO that are counted.
func (c *collector) events(service string) [2]float64 {
	families := c.scrape()
	good, _ := sum(families, "slo_events_total", "service_name", service, "slo_outcome", "good")
	bad, _ := sum(families, "slo_events_total", "service_name", service, "slo_outcome", "bad")
	return [2]float64{good, bad}
}

// Senders are clients that send all the time. Each sends what was not acknowledged again.
type senders struct {
	t                        *testing.T
	acknowledged, unanswered atomic.Int64

	done    chan struct{}
	clients sync.WaitGroup
	lock    sync.Mutex
	sent    [2]float64 // good and bad events that were acknowledged
}

// startSenders starts n clients whose requests have server spans of the service checkout.
func startSenders(t *testing.T, c *collector, n, spans int) *senders {
	s := &senders{t: t, done: make(chan struct{})}
	for range n {
		s.clients.Go(func() {
			client := &http.Client{Timeout: 5 * time.Second}
			for {
				select {
				case <-s.done:
					return
				default:
				}
				body, good, bad := spanRequest(t, "checkout", time.Now(), spans)
				for !c.post(client, body) {
					s.unanswered.Add(1)
					time.Sleep(5 * time.Millisecond) // the process is away
				}
				s.acknowledged.Add(1)
				s.lock.Lock()
				s.sent[0] += good
				s.sent[1] += bad
				s.lock.Unlock()
			}
		})
	}
	return s
}

// more returns when n more requests are acknowledged.
func (s *senders) more(n int64) {
	s.t.Helper()
	enough := s.acknowledged.Load() + n
	require.Eventually(s.t, func() bool { return s.acknowledged.Load() >= enough }, patience, time.Millisecond)
}

// stop returns the good and bad events that were sent, when all of them are acknowledged.
func (s *senders) stop() [2]float64 {
	close(s.done)
	s.clients.Wait()
	return s.sent
}

func exactCollector(t *testing.T, role string) (counting, showing *collector) {
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos[0])})
	if role == "standalone" {
		c := newCollector(t, role, catalog, "OTELCOL_SRE_STORE=false")
		return c, c
	}
	gateway := newCollector(t, "gateway", catalog)
	return newCollector(t, role, catalog, "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true"), gateway
}

// The process that counts is killed again and again while clients send. Each client sends what was not acknowledged again. In the
// end every event was counted once: none that was acknowledged is missing, and none that was sent again counts twice.
func TestKillOfTheCountingProcess(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"standalone", "agent"} {
		t.Run(role, func(t *testing.T) {
			const kills, senders, spans = 10, 4, 100
			counting, showing := exactCollector(t, role)

			clients := startSenders(t, counting, senders, spans)
			var shown [2]float64
			for range kills {
				clients.more(200 + rand.Int64N(400))
				if now := showing.events("checkout"); now[0] > 0 {
					assert.GreaterOrEqual(t, now[0], shown[0], "no counter falls")
					assert.GreaterOrEqual(t, now[1], shown[1], "no counter falls")
					shown = now
				}
				counting.kill()
				counting.start()
			}
			sent := clients.stop()
			assert.Positive(t, clients.unanswered.Load(), "something was sent again")
			t.Logf("%d requests acknowledged, %d attempts were not, sent %v", clients.acknowledged.Load(), clients.unanswered.Load(), sent)

			same := func(when string) {
				require.EventuallyWithT(t, func(collect *assert.CollectT) {
					assert.Equal(collect, sent, showing.events("checkout"), when)
				}, patience, 100*time.Millisecond)
			}
			same("after the kills")
			counting.kill()
			counting.start()
			same("after a kill without traffic")
			counting.stop()
			counting.start()
			same("after a graceful restart")
		})
	}
}

// A request that is sent again, before and after a kill, counts once. What ended days ago or is yet to end counts apart.
func TestSentAgainLateAndFuture(t *testing.T) {
	t.Parallel()
	c, _ := exactCollector(t, "standalone")
	now := time.Now()
	body, good, bad := spanRequest(t, "checkout", now, 1000)
	late, lateGood, lateBad := spanRequest(t, "checkout", now.Add(-72*time.Hour), 500)
	future, futureGood, futureBad := spanRequest(t, "checkout", now.Add(time.Hour), 300)
	for range 2 {
		for _, request := range [][]byte{body, late, future, body} {
			require.True(t, c.post(http.DefaultClient, request))
		}
		require.EventuallyWithT(t, func(collect *assert.CollectT) {
			assert.Equal(collect, [2]float64{good, bad}, c.events("checkout"))
			apart := func(reason, outcome string) float64 {
				n, _ := sum(c.scrape(), "slo_events_late_total", "service_name", "checkout", "slo_late_reason", reason, "slo_outcome", outcome)
				return n
			}
			assert.Equal(collect, []float64{lateGood, lateBad, futureGood, futureBad},
				[]float64{apart("late", "good"), apart("late", "bad"), apart("future", "good"), apart("future", "bad")})
		}, patience, 100*time.Millisecond)
		c.kill()
		c.start()
	}
	for _, request := range [][]byte{body, late, future} {
		require.True(t, c.post(http.DefaultClient, request))
	}
	recognized, _ := sum(c.own(), "otelcol_connector_sli_events_deduplicated")
	assert.Equal(t, 1800.0, recognized)
	c.stop()
}
