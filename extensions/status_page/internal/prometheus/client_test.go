// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server counts what it is asked, and holds its answers back until it is let go.
type server struct {
	*Client
	asked, under atomic.Int64
	let          chan struct{}
	now          atomic.Int64 // seconds
}

func serve(t *testing.T, body func(*http.Request) string) *server {
	s := &server{let: make(chan struct{})}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.under.Add(1)
		defer s.under.Add(-1)
		_, _ = io.Copy(io.Discard, r.Body) // from then on the server notices who leaves
		select {
		case <-s.let:
		case <-r.Context().Done():
			return
		}
		_, _ = io.WriteString(w, body(r))
	}))
	var err error
	s.Client, err = New(Options{Endpoint: backend.URL, HTTP: backend.Client(), Timeout: time.Minute, Now: func() time.Time { return time.Unix(s.now.Load(), 0) }})
	require.NoError(t, err)
	t.Cleanup(func() {
		s.Close()
		backend.Close()
	})
	return s
}

func vector(value string) func(*http.Request) string {
	return func(*http.Request) string {
		return `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"` + value + `"]}]}}`
	}
}

func TestWhoAsksTheSameWaitsForOneAnswer(t *testing.T) {
	s := serve(t, vector("42"))
	var asking sync.WaitGroup
	for range 100 {
		asking.Go(func() {
			got, err := s.Instant(t.Context(), "up")
			assert.NoError(t, err)
			assert.InDelta(t, 42, float64(got[0].Value), 0)
		})
	}
	require.Eventually(t, func() bool { return s.under.Load() == 1 }, time.Minute, time.Millisecond)
	close(s.let)
	asking.Wait()
	assert.EqualValues(t, 1, s.asked.Load())

	s.now.Store(int64(MaxAge/time.Second) - 1)
	_, err := s.Instant(t.Context(), "up")
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.asked.Load(), "the answer is young enough")
	s.now.Store(int64(MaxAge / time.Second))
	_, err = s.Instant(t.Context(), "up")
	require.NoError(t, err)
	assert.EqualValues(t, 2, s.asked.Load(), "it is not any more")
}

// A prompt client gives what is a little old at once, and what comes of the question that it asks then to those that ask later.
func TestPromptAnswersDoNotWait(t *testing.T) {
	answers := make(chan string, 1)
	takes := time.Second
	var s *server
	s = serve(t, func(r *http.Request) string {
		defer func() { s.now.Add(int64(takes / time.Second)) }()
		return vector(<-answers)(r)
	})
	close(s.let)
	prompt := s.Prompt()
	look := func(c *Client) float64 {
		got, err := c.Instant(t.Context(), "up")
		require.NoError(t, err)
		return float64(got[0].Value)
	}
	at := func(age time.Duration) { s.now.Store(int64(age / time.Second)) }
	answers <- "1"
	assert.InDelta(t, 1, look(prompt), 0, "the first waits")
	at(MaxAge)
	assert.InDelta(t, 1, look(prompt), 0, "while it is asked again")
	assert.InDelta(t, 1, look(prompt), 0)
	require.Eventually(t, func() bool { return s.under.Load() == 1 }, time.Minute, time.Millisecond)
	assert.EqualValues(t, 2, s.asked.Load(), "once")
	answers <- "2"
	assert.InDelta(t, 2, look(s.Client), 0, "who wants it exactly waits for the same answer")
	assert.InDelta(t, 2, look(prompt), 0)
	at(2*MaxAge + Late)
	answers <- "3"
	assert.InDelta(t, 3, look(prompt), 0, "what is too old is not shown")
	assert.EqualValues(t, 3, s.asked.Load())
	takes = 0
	at(4*MaxAge + 2*Late)
	answers <- "4"
	assert.InDelta(t, 4, look(prompt), 0)
	at(5*MaxAge + 2*Late)
	answers <- "5"
	assert.InDelta(t, 5, look(prompt), 0, "what is answered at once is waited for")
}

// What costs much is kept for longer; a failure is not, so that a Prometheus that is well again is seen to be.
func TestExemplars(t *testing.T) {
	s := serve(t, func(r *http.Request) string {
		assert.Equal(t, "/api/v1/query_exemplars", r.URL.Path)
		return `{"status":"success","data":[{"seriesLabels":{},"exemplars":[{"labels":{"trace_id":"4bf9"},"value":"6","timestamp":1600096945.479}]}]}`
	})
	close(s.let)
	for range 2 {
		got, err := s.Exemplars(t.Context(), "calls_total", Period{Start: time.Unix(0, 0), End: time.Unix(60, 0)})
		require.NoError(t, err)
		assert.EqualValues(t, "4bf9", got[0].Exemplars[0].Labels["trace_id"])
	}
	assert.EqualValues(t, 1, s.asked.Load())
}

func TestKept(t *testing.T) {
	failing := true
	s := serve(t, func(r *http.Request) string {
		if failing {
			return `{"status":"error","errorType":"execution","error":"too many samples"}`
		}
		return vector("42")(r)
	})
	close(s.let)
	const age = time.Hour
	for _, step := range []struct {
		at    time.Duration
		fails bool
		asked int64
	}{{0, true, 1}, {maxFailureAge - time.Second, true, 1}, {maxFailureAge, false, 2}, {maxFailureAge + age - time.Second, false, 2}, {maxFailureAge + age, false, 3}} {
		s.now.Store(int64(step.at / time.Second))
		failing = step.fails
		_, err := s.Kept(t.Context(), "dear", age)
		assert.Equal(t, step.fails, err != nil, step.at)
		assert.Equal(t, step.asked, s.asked.Load(), step.at)
	}
}

func TestQueriesAtATimeAreBounded(t *testing.T) {
	s := serve(t, vector("1"))
	var asking sync.WaitGroup
	for i := range 20 {
		asking.Go(func() {
			_, err := s.Instant(t.Context(), strconv.Itoa(i))
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return s.under.Load() == maxConcurrent }, time.Minute, time.Millisecond)
	assert.EqualValues(t, maxConcurrent, s.asked.Load())
	close(s.let)
	asking.Wait()
	assert.EqualValues(t, 20, s.asked.Load())
}

func TestTheOneWhoLeavesTakesNoAnswerAway(t *testing.T) {
	s := serve(t, vector("1"))
	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := s.Instant(leaving, "up")
		left <- err
	}()
	require.Eventually(t, func() bool { return s.under.Load() == 1 }, time.Minute, time.Millisecond)
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	close(s.let)
	_, err := s.Instant(t.Context(), "up")
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.asked.Load())
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	s := serve(t, vector("1"))
	got := make(chan error)
	go func() {
		_, err := s.Instant(context.Background(), "up")
		got <- err
	}()
	require.Eventually(t, func() bool { return s.under.Load() == 1 }, time.Minute, time.Millisecond)
	s.Close()
	require.ErrorIs(t, <-got, context.Canceled)
	_, err := s.Instant(context.Background(), "down")
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, 1, s.asked.Load())
}

func TestFailuresAreKeptToo(t *testing.T) {
	s := serve(t, func(*http.Request) string {
		return `{"status":"error","errorType":"execution","error":"too many samples"}`
	})
	close(s.let)
	for range 3 {
		_, err := s.Instant(t.Context(), "up")
		require.ErrorContains(t, err, "too many samples")
		assert.Equal(t, "too many samples", Reason(err))
	}
	assert.EqualValues(t, 1, s.asked.Load())
}

func TestOddAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":    "<html>",
		"other type": `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`,
		"nothing":    "",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(*http.Request) string { return body })
			close(s.let)
			_, err := s.Instant(t.Context(), "up")
			require.Error(t, err)
			_, err = s.Range(t.Context(), "up", LastOf(time.Hour, 60, time.Unix(1e9, 0)))
			require.Error(t, err)
		})
	}
}

func TestAnAnswerHasAnEnd(t *testing.T) {
	body := &boundedBody{io.NopCloser(endless{}), 1000}
	n, err := io.Copy(io.Discard, body)
	require.ErrorContains(t, err, "longer than 64 MiB")
	assert.EqualValues(t, 1000, n)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Those who ask within one step ask the same.
func TestLastOf(t *testing.T) {
	at := time.Unix(1_800_000_010, 0)
	p := LastOf(6*time.Hour, 120, at)
	assert.Equal(t, 3*time.Minute, p.Step)
	assert.False(t, p.End.Before(at))
	assert.Equal(t, p, LastOf(6*time.Hour, 120, at.Add(time.Second)))
	assert.Equal(t, time.Second, LastOf(time.Second, 120, at).Step)
}

// A store that is minutes old fills its pictures.
func TestSince(t *testing.T) {
	p := Period{time.Unix(0, 0), time.Unix(7200, 0), time.Minute}
	of := func(seconds ...int64) (m model.Matrix) {
		for _, s := range seconds {
			m = append(m, &model.SampleStream{Values: []model.SamplePair{{Timestamp: model.TimeFromUnix(s)}}})
		}
		return m
	}
	assert.EqualValues(t, 0, p.Since(of(0, 3600)).Start.Unix())
	assert.EqualValues(t, 3540, p.Since(of(4000), of(5000, 3600)).Start.Unix())
	assert.EqualValues(t, 6600, p.Since(of(7190)).Start.Unix())
	assert.EqualValues(t, 6600, p.Since().Start.Unix())
}

func TestFiner(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := LastOf(6*time.Hour, 60, now)
	known := func(length time.Duration) Period { return Period{p.End.Add(-length), p.End, p.Step} }
	finer, ok := p.Finer(known(leastShown), 60, now)
	assert.True(t, ok)
	assert.Equal(t, LastOf(leastShown, 60, now), finer)
	finer, ok = p.Finer(known(30*time.Minute), 60, now)
	assert.True(t, ok)
	assert.Equal(t, LastOf(time.Hour, 60, now), finer)
	for _, enough := range []Period{known(2 * time.Hour), p} {
		_, ok = p.Finer(enough, 60, now)
		assert.False(t, ok)
	}
	short := LastOf(15*time.Minute, 60, now)
	_, ok = short.Finer(short, 60, now)
	assert.False(t, ok, "there is nothing to gain")
}

func TestReasonIsALine(t *testing.T) {
	reason := Reason(errors.New("Post \"http://x\": dial tcp: refused\n\x1b[31m" + strings.Repeat("x", 1000)))
	assert.True(t, strings.HasPrefix(reason, "dial tcp: refused"), reason)
	assert.NotContains(t, reason, "\x1b")
	assert.LessOrEqual(t, len([]rune(reason)), maxReason+1)
	assert.Equal(t, "no answer in time", Reason(fmt.Errorf("post: %w", context.DeadlineExceeded)))
}
