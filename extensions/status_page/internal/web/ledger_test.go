// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// memory is a keeper of one SLO with the same minutes in all environments, ten events a minute while it is measured.
type memory struct {
	of        ledger.SLO
	places    []ledger.Place
	bad       map[int64]float64 // by Unix hour, in its first minute, and in so many that follow
	following int64
	reading   chan struct{} // is written to when minutes are asked for, unless it is nil
	goes      chan struct{}
	countable func(time.Time) bool
}

func (m *memory) Places(of ledger.SLO) ([]ledger.Place, bool) {
	if of != m.of {
		return nil, false
	}
	return m.places, true
}

func (m *memory) Minutes(_ ledger.SLO, at ledger.Place, day time.Time, counted bool) (all []ledger.Minute) {
	if m.reading != nil {
		m.reading <- struct{}{}
		<-m.goes
	}
	for i := range int64(ledger.MinutesPerDay) {
		minute := day.Unix()/60 + i
		t := time.Unix(60*minute, 0)
		for _, span := range at.Measured {
			if t.Before(span.From) || !t.Before(span.To) || counted && m.countable != nil && !m.countable(t) {
				continue
			}
			one := ledger.Minute{Start: minute, Good: 10}
			if minute%60 <= m.following {
				one.Bad = m.bad[minute/60]
			}
			all = append(all, one)
		}
	}
	return all
}

// october is the page of a collector on a day in November, with an SLO that has an incident on October 13th and maintenance on the 20th.
func october(t *testing.T) (*visitor, *memory) {
	t.Helper()
	return octoberWith(t, 0)
}

// octoberWith has pages that wait only so long; 0 is as long as it takes.
func octoberWith(t *testing.T, patience time.Duration) (*visitor, *memory) {
	t.Helper()
	slos := `  maintenance: [{start: 2026-10-20T00:00:00Z, end: 2026-10-20T02:00:00Z, reason: upgrade}]
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
`
	at := func(d, h int) time.Time { return time.Date(2026, time.October, d, h, 0, 0, 0, time.UTC) }
	m := &memory{
		of: ledger.SLO{Namespace: "shop", Service: "checkout", Name: "availability"},
		places: []ledger.Place{{Environment: "production", Measured: []ledger.Span{{From: at(5, 0), To: at(36, 0)}}, Unmeasured: []ledger.Gap{
			{Span: ledger.Span{From: at(-10, 0), To: at(4, 0)}, Cause: ledger.NotFollowed}, {Span: ledger.Span{From: at(4, 0), To: at(5, 0)}, Cause: "<script>"},
			{Span: ledger.Span{From: at(20, 0), To: at(21, 12)}, Cause: ledger.Damaged}}}},
		bad:       map[int64]float64{at(13, 9).Unix() / 3600: 300, at(13, 10).Unix() / 3600: 3, at(25, 0).Unix() / 3600: 1, at(25, 1).Unix() / 3600: 2},
		countable: func(t time.Time) bool { return t.Before(at(20, 0)) || !t.Before(at(20, 2)) },
	}
	c := parse(t, document("checkout", "payments-team", 1, slos))
	now := time.Date(2026, time.November, 4, 12, 30, 0, 0, time.UTC)
	v := openWith(t, http.DefaultClient, Options{Source: loaded{catalog: c}, Now: func() time.Time { return now }, Keepers: func() []ledger.Keeper { return []ledger.Keeper{m} }, Runbooks: library(""), Patience: patience})
	return v, m
}

func TestMonth(t *testing.T) {
	v, _ := october(t)
	at := func(d, h int) time.Time { return time.Date(2026, time.October, d, h, 0, 0, 0, time.UTC) }
	var got ledgerBody
	require.Nil(t, v.answer("/ledger?service=shop/checkout&month=2026-10", "/ledger", &got))
	require.Len(t, got.SLOs, 1, "nothing of the other was counted")
	s := got.SLOs[0]
	assert.Equal(t, "production", s.Environment)
	const measured = 27*24*60 - 120
	assert.Equal(t, 306.0, s.Bad)
	assert.Equal(t, 10.0*measured+306, s.Events)
	assert.InDelta(t, 306/(0.001*s.Events), float64(s.Spent), 1e-9)
	assert.InDelta(t, (measured-34*60)/(31.*24*60), s.Measured, 1e-9, "without what is lost by damage")
	assert.Equal(t, []gapOf{
		{at(1, 0), at(4, 0), ledger.NotFollowed}, {at(4, 0), at(5, 0), ""}, {at(20, 2), at(21, 12), ledger.Damaged},
	}, s.Unmeasured, "maintenance is not missing")
	assert.Equal(t, 7200.0, s.MaintenanceSeconds)
	assert.True(t, *s.Kept)
	assert.Len(t, s.Hours, 31*24)
	require.NotEmpty(t, s.WorstHours)
	assert.Equal(t, "2026-10-13T09:00:00Z", s.WorstHours[0].Start.Format(time.RFC3339))
	assert.Equal(t, 300.0, s.WorstHours[0].Bad)

	page := v.page("/ledger?service=shop/checkout&slo=availability&month=2026-10")
	harmless(t, "month", page)
	assert.NotContains(t, page, "style=")
	assert.Equal(t, 31, strings.Count(page, `<tr><th scope="row"`))
	assert.Contains(t, page, `title="Tue 13 09:00: `)
	assert.Contains(t, page, "<td>Tue 13 09:00</td>")
	assert.Contains(t, page, "<td>Thu 1 00:00</td><td>Sun 4 00:00</td><td>before the first counter arrived</td>")
	assert.Contains(t, page, "<td>the cause is not known</td>")
	assert.Equal(t, 4, strings.Count(page, `<td class="blank" colspan="24"><i>not counted</i></tr>`), "until the 5th")
	assert.Equal(t, 1, strings.Count(page, `<td class="blank" colspan="2"><i>not counted</i><td class="l0">`), "two hours of maintenance")
	assert.Equal(t, 5, strings.Count(page, `<td class="blank"`))
	hours := 0
	calendar, _, _ := strings.Cut(page, "heat-legend")
	for _, cell := range regexp.MustCompile(`<td class="[a-z0-9]+"( colspan="(\d+)")?`).FindAllStringSubmatch(calendar, -1) {
		n, err := strconv.Atoi(cmp.Or(cell[2], "1"))
		require.NoError(t, err)
		hours += n
	}
	assert.Equal(t, 31*24, hours)
	assert.Less(t, len(page), 25_000)
	assert.Contains(t, page, "month=2026-11")
	assert.Contains(t, page, "month=2026-09")

	// Where the clock is set back, two hours have one cell.
	require.Nil(t, v.answer("/ledger?service=checkout&month=2026-10&time-zone=Europe%2FMadrid", "/ledger", &got))
	assert.Len(t, got.SLOs[0].Hours, 31*24+1)
	page = v.page("/ledger?service=checkout&month=2026-10&time-zone=Europe%2FMadrid")
	assert.Contains(t, page, "Sun 25 02:00: ")
	assert.Contains(t, page, "3 of 1\u202f203 failed")

	var now ledgerBody
	require.Nil(t, v.answer("/ledger?service=checkout", "/ledger", &now))
	assert.Equal(t, "2026-11", now.Month)
	assert.True(t, now.Running)
	assert.NotContains(t, v.page("/ledger?service=checkout"), "month=2026-12")

	for path, status := range map[string]int{
		"/ledger": 404, "/ledger?service=none": 404, "/ledger?service=checkout&slo=none": 404, "/ledger?service=checkout&month=2027-01": 400,
		"/ledger?service=checkout&month=%3Cscript%3E": 400, "/ledger?service=checkout&time-zone=Mars": 400, "/ledger?service=checkout&time-zone=../../etc/passwd": 400,
	} {
		resp := v.do(http.MethodGet, path, "Accept", "application/json")
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, status, resp.StatusCode, path)
		v.conforms(string(body), "/ledger", "400")
	}
	got = ledgerBody{}
	p := v.answer("/ledger?service=checkout&slo=latency", "/ledger", &got)
	require.NotNil(t, p)
	assert.Contains(t, p.What, "no minute history")
	assert.Empty(t, got.SLOs)
}

func TestMinutes(t *testing.T) {
	v, m := october(t)
	query := func(more ...string) string {
		values := url.Values{"namespace": {"shop"}, "service": {"checkout"}, "slo": {"availability"}}
		for i := 0; i < len(more); i += 2 {
			values.Set(more[i], more[i+1])
		}
		return "/ledger/minutes?" + values.Encode()
	}
	days, events := 0, 0.0
	read := func(text string) error {
		days, events = 0, 0
		return ledger.Read(strings.NewReader(text), func(slo string, at ledger.Place) error {
			assert.Equal(t, "availability", slo)
			assert.Equal(t, m.places[0].Measured, at.Measured)
			return nil
		}, func(day []ledger.Minute) error {
			days++
			for _, one := range day {
				events += one.Good + one.Bad
			}
			return nil
		})
	}
	require.NoError(t, read(v.page(query())))
	assert.Equal(t, 31, days)
	assert.Equal(t, 31.*24*60*10+306, events, "all events, also of times that do not count")
	require.NoError(t, read(v.page(query("from", "2026-10-13T05:00:00Z", "to", "2026-10-14T00:00:00Z"))))
	assert.Equal(t, 2, days)

	assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, query("from", "yesterday")).StatusCode)
	assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, query("from", "2026-10-13T05:00:00Z", "to", "2026-10-12T05:00:00Z")).StatusCode)
	none := v.do(http.MethodGet, query("slo", "none"))
	assert.Equal(t, http.StatusNotFound, none.StatusCode)
	assert.NotEmpty(t, none.Header.Get(ledger.Unknown))
	without := openWith(t, http.DefaultClient, Options{Source: loaded{catalog: &catalog.Catalog{}}, Now: time.Now, Runbooks: library("")})
	assert.Equal(t, http.StatusNotFound, without.do(http.MethodGet, query()).StatusCode)
}

// Two read at a time: others wait, and are turned away when their patience is over.
func TestReadersTakeTurns(t *testing.T) {
	v, m := octoberWith(t, time.Millisecond)
	m.reading, m.goes = make(chan struct{}), make(chan struct{})
	status := make(chan int)
	const asked = "/ledger/minutes?namespace=shop&service=checkout&slo=availability&from=2026-11-04T00:00:00Z"
	for range readers {
		go func() { status <- v.do(http.MethodGet, asked).StatusCode }()
		<-m.reading
	}
	resp := v.do(http.MethodGet, asked)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	assert.Equal(t, http.StatusServiceUnavailable, v.do(http.MethodGet, "/ledger?service=checkout").StatusCode)
	close(m.goes)
	for range readers {
		assert.Equal(t, http.StatusOK, <-status)
	}
}

// Environments and groups are whatever telemetry says.
func TestMonthOfHostileNames(t *testing.T) {
	v, m := october(t)
	const name = "\x1b\u202e</table><script>alert(1)</script><img src=x onerror=alert(1)>\" onclick=\"alert(1)"
	m.places = []ledger.Place{{Environment: name, Group: map[string]string{name: name}, Measured: m.places[0].Measured}}
	for range 20 {
		m.places = append(m.places, m.places[0])
	}
	page := v.page("/ledger?service=checkout&month=2026-10")
	harmless(t, "month", page)
	assert.NotContains(t, page, "<script>")
	assert.Equal(t, maxCalendars, strings.Count(page, `<table class="heat">`))
	assert.Contains(t, page, "9 more are not shown")
}

func TestMostly(t *testing.T) {
	at := func(h int) time.Time { return time.Unix(int64(3600*h), 0) }
	gap := func(from, to int, cause ledger.Cause) ledger.Gap {
		return ledger.Gap{Span: ledger.Span{From: at(from), To: at(to)}, Cause: cause}
	}
	in := ledger.Span{From: at(100), To: at(200)}
	assert.Empty(t, mostly(nil, in))
	assert.Empty(t, mostly([]ledger.Gap{gap(100, 120, ""), gap(0, 101, ledger.NotFollowed)}, in))
	assert.Equal(t, ledger.Stopped.Text(), mostly([]ledger.Gap{gap(0, 105, ledger.NotFollowed), gap(110, 114, ledger.Stopped), gap(150, 152, ledger.Stopped)}, in))
	for _, c := range []ledger.Cause{ledger.Stopped, ledger.NoCounters, ledger.NotFollowed, ledger.Filling, ledger.NotFilled, ledger.Damaged} {
		assert.Equal(t, c, c.Sound())
		assert.NotEqual(t, ledger.Cause("").Text(), c.Text())
	}
}
