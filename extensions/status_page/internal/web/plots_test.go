// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// burnt is a shop in which a fiftieth of the events failed for ten minutes, three quarters of an hour ago, after payment was deployed.
func burnt(t *testing.T, now time.Time) *visitor {
	t.Helper()
	s := startStore(t, rules)
	payment := attributes{"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production", "deployment.status": "completed"}
	var total, bad float64
	for ago := time.Hour; ago >= 0; ago -= time.Minute {
		b := trouble(now, ago)
		total += 600
		if ago >= 40*time.Minute && ago < 50*time.Minute {
			bad += 12
		}
		event := attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "slo.name": "availability"}
		b.counter("slo.events", "{event}", total-bad, event.and("slo.outcome", "good"))
		b.counter("slo.events", "{event}", bad, event.and("slo.outcome", "bad"))
		b.gauge("deployment.start_time", "s", float64(now.Add(-30*24*time.Hour).Unix()), payment.and("service.version", "1.0.0"))
		if ago <= 50*time.Minute {
			b.gauge("deployment.start_time", "s", float64(now.Add(-50*time.Minute).Unix()), payment.and("service.version", "1.1.0"))
			b.gauge("change.time", "s", float64(now.Add(-45*time.Minute).Unix()), attributes{
				"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production", "change.kind": "feature_flag", "change.name": "new-ledger",
			})
		}
		b.push(t, s)
	}
	c := parse(t, document("checkout", "payments-team", 1, checkoutSLOs)+document("payment", "payments-team", 2, paymentSLOs))
	return openAt(t, s.client, c, "", func() time.Time { return now })
}

// The page of a time that is over shows that time: the SLI, the traffic, and what changed in a dependency.
func TestAnotherTime(t *testing.T) {
	now := time.Now().Truncate(time.Minute)
	v := burnt(t, now)
	at := func(ago time.Duration) string { return now.Add(-ago).UTC().Format(time.RFC3339) }
	address := "/services/checkout?" + url.Values{"from": {at(55 * time.Minute)}, "to": {at(20 * time.Minute)}}.Encode()
	var got struct {
		Window *struct{ From, To time.Time }
		SLOs   []struct {
			SLO     string
			SLI     graphOf `json:"sli_history"`
			Traffic graphOf `json:"traffic_history"`
		}
	}
	require.Nil(t, v.answer(address, "/services/{slug}", &got))
	require.NotNil(t, got.Window)
	assert.Equal(t, at(55*time.Minute), got.Window.From.Format(time.RFC3339))
	require.Equal(t, "availability", got.SLOs[0].SLO)
	points := got.SLOs[0].SLI.Lines[0].Points
	assert.Greater(t, len(points), 60, "finer than the usual range has it")
	var least float64 = 1
	for _, p := range points {
		second := time.Unix(int64(*p[0]), 0)
		assert.False(t, second.Before(now.Add(-55*time.Minute)) || second.After(now.Add(-20*time.Minute)), second)
		least = min(least, *p[1])
	}
	assert.InDelta(t, 0.98, least, 1e-6)
	assert.Equal(t, 1, int(*points[0][1]), "before it failed")
	assert.InDelta(t, 10, *got.SLOs[0].Traffic.Lines[0].Points[30][1], 1e-6)

	page := v.page(address)
	assert.Contains(t, page, "payment: 1.1.0")
	assert.Contains(t, page, "payment: feature flag new-ledger")
	assert.NotContains(t, page, "1.0.0,", "what ran first was not deployed")
	assert.NotContains(t, page, "data-live")
	assert.Contains(t, page, "change of a dependency")
	assert.Contains(t, page, "100 % at the end, from 98 %")
	for _, link := range regexp.MustCompile(`<a href="([^"]*)">(earlier|later|wider)</a>`).FindAllStringSubmatch(page, -1) {
		assert.Equal(t, http.StatusOK, v.do(http.MethodGet, html.UnescapeString(link[1])).StatusCode, link[2])
	}
	assert.Contains(t, v.page("/services/checkout"), "data-live")
	assert.Contains(t, v.page("/services/checkout?from=2026-01-01T00%3A00&to=2026-01-01T01%3A00"), `value="2026-01-01T00:00"`, "as a form has it")
}

type graphOf struct {
	Lines []struct{ Points [][2]*float64 }
}

func TestTimesThatCannotBeShown(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for query, want := range map[string]span{
		"":                          {length: usualRange},
		"range=15m":                 {length: 15 * time.Minute},
		"from=2026-03-01T10:00:00Z": {2 * time.Hour, now},
		"from=2026-03-01T10:00&to=2026-03-01T11:30":         {90 * time.Minute, now.Add(-30 * time.Minute)},
		"from=2026-03-01T11:00:00Z&to=2027-01-01T00:00:00Z": {time.Hour, now},
		"to=2026-03-01T06:30:00Z":                           {30 * time.Minute, now.Add(-330 * time.Minute)},
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		got, err := timeOf(values, now)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
		again, err := timeOf(got.values(), now)
		require.NoError(t, err)
		assert.Equal(t, want, again, query)
	}
	for _, query := range []string{
		"range=2h", "range=%00", "from=yesterday", "from=2026-03-01T11:59:30Z", "from=2026-01-01T00:00:00Z", "from=2026-03-01T11:00:00Z&to=2026-03-01T10:00:00Z", "from=2027-01-01T00:00:00Z",
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = timeOf(values, now)
		assert.Error(t, err, query)
	}
	wide := span{20 * 24 * time.Hour, now.Add(-time.Hour)}.wider(now)
	assert.Equal(t, span{greatestRange, now}, wide)
	assert.Equal(t, span{time.Hour, now}, span{time.Hour, now.Add(-10 * time.Minute)}.moved(1, now), "not into the future")
	assert.Equal(t, span{time.Hour, now.Add(-time.Hour)}, span{time.Hour, now.Add(-30 * time.Minute)}.moved(-1, now))
}
