// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts/backtest"
)

// counting answers a range query with the time of each step, if it asks for few enough.
func counting(t *testing.T, most int) (*Server, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		number := func(name string) float64 {
			v, err := strconv.ParseFloat(r.FormValue(name), 64)
			assert.NoError(t, err)
			return v
		}
		start, end, step := number("start"), number("end"), number("step")
		w.Header().Set("Content-Type", "application/json")
		var points []string
		for at := start; at <= end; at += step {
			points = append(points, fmt.Sprintf(`[%.3f,"%.0f"]`, at, at))
		}
		if len(points) > most {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[%s]}]}}`, strings.Join(points, ","))
	}))
	t.Cleanup(server.Close)
	s, err := New("prometheus", server.URL)
	require.NoError(t, err)
	return s, &requests
}

// Each step is answered once, however many requests it takes; what was answered is not asked again.
func TestRange(t *testing.T) {
	first := time.Date(2026, 3, 16, 7, 0, 20, 250e6, time.UTC)
	last := first.Add(100 * time.Hour)
	for _, most := range []int{11_000, 500} {
		s, requests := counting(t, most)
		matrix, err := s.Range(t.Context(), "x", first, last, time.Minute)
		require.NoError(t, err)
		require.Len(t, matrix, 1)
		require.Len(t, matrix[0].Floats, 100*60+1, "%d", most)
		for i, p := range matrix[0].Floats {
			require.Equal(t, first.Add(time.Duration(i)*time.Minute).UnixMilli(), p.T)
		}
		asked := requests.Load()
		_, err = s.Range(t.Context(), "x", first.Add(30*time.Hour), last, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, asked, requests.Load())
		s.Forget()
		_, err = s.Range(t.Context(), "x", last, last, time.Minute)
		require.NoError(t, err)
		assert.Greater(t, requests.Load(), asked)
	}
}

// A query that fails over any time fails, after few requests.
func TestRangeFails(t *testing.T) {
	s, requests := counting(t, 1)
	_, err := s.Range(t.Context(), "x", time.Unix(0, 0), time.Unix(3600, 0), time.Minute)
	require.ErrorContains(t, err, "does not answer: ")
	require.ErrorContains(t, err, "too many samples")
	assert.Less(t, requests.Load(), int64(10))
}

func TestBounds(t *testing.T) {
	now := time.Date(2026, 3, 16, 7, 0, 20, 0, time.UTC)
	for _, c := range []struct {
		times    Times
		from, to string
	}{
		{Times{}, "2026-03-09T07:00:00Z", "2026-03-16T07:00:00Z"},
		{Times{backtest.Times{Last: "1d"}}, "2026-03-15T07:00:00Z", "2026-03-16T07:00:00Z"},
		{Times{backtest.Times{From: "2026-03-01", To: "2026-03-02T01:00:00+01:00"}}, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
	} {
		from, to, err := c.times.Bounds(now, 366*24*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, c.from, from.Format(time.RFC3339))
		assert.Equal(t, c.to, to.Format(time.RFC3339))
	}
}
