// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts/backtest"
)

// The incident of October pages, and the answer is as the description says, whatever the client accepts.
func TestBacktest(t *testing.T) {
	v, m := october(t)
	m.bad, m.following = map[int64]float64{time.Date(2026, time.October, 30, 9, 0, 0, 0, time.UTC).Unix() / 3600: 40}, 49
	var got backtest.Result
	require.Nil(t, v.answer("/backtest?service=shop/checkout&slo=availability&from=2026-10-29&to=2026-11-01&suggest=true", "/backtest", &got))
	require.Len(t, got.SLOs, 1)
	assert.Equal(t, 2000.0, got.SLOs[0].Bad)
	var pages []string
	for _, alert := range got.Alerts {
		if alert.Severity == "page" {
			pages = append(pages, alert.Alert)
		}
	}
	assert.ElementsMatch(t, []string{"ErrorBudgetBurnCritical", "ErrorBudgetBurnHigh"}, pages)
	assert.Equal(t, 2, got.Pages)
	assert.Less(t, float64(got.SLOs[0].BudgetLeft), 0.0)
	assert.Equal(t, 3, got.SLOs[0].Suggestion.Days)
	assert.NotEmpty(t, got.SLOs[0].Suggestion.Reason, "three days are too few")
	assert.True(t, strings.HasPrefix(v.page("/backtest?slo=availability&last=1d&to=2026-11-01", "Accept", "text/html"), "{"))
}

// What is too much, or no question, is refused with its fix, before anything is replayed.
func TestBacktestIsBounded(t *testing.T) {
	v, m := october(t)
	m.reading, m.goes = make(chan struct{}), make(chan struct{})
	for query, want := range map[string]struct {
		status int
		text   string
	}{
		"last=32d":                                {http.StatusBadRequest, "longer than 31d"},
		"last=yesterday":                          {http.StatusBadRequest, "is not a duration"},
		"last=-1d":                                {http.StatusBadRequest, "is not a duration"},
		"from=2026-11-03&last=1d":                 {http.StatusBadRequest, "both set"},
		"from=0001-01-01":                         {http.StatusBadRequest, "longer than 31d"},
		"to=2027-01-01":                           {http.StatusBadRequest, "has not come yet"},
		"from=2026-11-02&to=2026-11-02":           {http.StatusBadRequest, "is empty"},
		"suggest=perhaps":                         {http.StatusBadRequest, "neither true nor false"},
		"service=none":                            {http.StatusNotFound, "has no SLO"},
		"service=checkout&slo=%3Cb%3E":            {http.StatusNotFound, "has no SLO"},
		"slo=%FF":                                 {http.StatusBadRequest, "no UTF-8"},
		"slo=" + strings.Repeat("x", 257):         {http.StatusBadRequest, "longer than 256 bytes"},
		"from=" + url.QueryEscape("<script>\x1b"): {http.StatusBadRequest, "is not a time"},
	} {
		resp := v.do(http.MethodGet, "/backtest?"+query)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, want.status, resp.StatusCode, query)
		assert.Contains(t, string(text), want.text)
		assert.NotContains(t, string(text), "<script>")
		v.conforms(string(text), "/backtest", "400")
	}
}

// One backtest runs at a time; others are turned away at once, and the next one runs when it has ended.
func TestBacktestsRunOneAtATime(t *testing.T) {
	v, m := october(t)
	m.reading, m.goes = make(chan struct{}), make(chan struct{})
	const path = "/backtest?slo=availability&from=2026-10-30&to=2026-10-31"
	ended := make(chan int, 1)
	go func() { ended <- v.do(http.MethodGet, path).StatusCode }()
	<-m.reading
	resp := v.do(http.MethodGet, path)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.Contains(t, string(text), "Another backtest is running.")
	close(m.goes)
	for status := 0; status == 0; {
		select {
		case <-m.reading:
		case status = <-ended:
			assert.Equal(t, http.StatusOK, status)
		}
	}
	go func() { ended <- v.do(http.MethodGet, path).StatusCode }()
	for status := 0; status == 0; {
		select {
		case <-m.reading:
		case status = <-ended:
			assert.Equal(t, http.StatusOK, status)
		}
	}
}
