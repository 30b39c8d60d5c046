// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// planted is a keeper of one SLO that has a row for each minute of events; it answers as what is asked about has them.
type planted struct {
	slo  attribution.Question // the times are not looked at
	rows []plantedRow
	// asked are the questions so far.
	asked []attribution.Question
	// text takes the place of the sentence.
	text string
}

// A plantedRow is events of a minute that have the same values.
type plantedRow struct {
	at        time.Time
	values    map[string]string
	bad, good float64
}

func (p *planted) Explain(q attribution.Question) (attribution.Answer, bool) {
	p.asked = append(p.asked, q)
	if q.Namespace != p.slo.Namespace || q.Service != p.slo.Service || q.SLO != p.slo.SLO || q.Environment != "" && q.Environment != p.slo.Environment {
		return attribution.Answer{}, false
	}
	a := attribution.Answer{From: q.From, To: q.To}
	type line struct{ bad, good float64 }
	dimensions := map[string]map[string]*line{}
	for _, r := range p.rows {
		if r.at.Before(q.From) || !r.at.Before(q.To) {
			continue
		}
		a.Bad, a.Good = a.Bad+r.bad, a.Good+r.good
		for name, value := range r.values {
			if dimensions[name] == nil {
				dimensions[name] = map[string]*line{}
			}
			if dimensions[name][value] == nil {
				dimensions[name][value] = &line{}
			}
			dimensions[name][value].bad += r.bad
			dimensions[name][value].good += r.good
		}
	}
	a.Booked = a.Bad
	for name, values := range dimensions {
		d := attribution.Dimension{Name: name, Without: a.Bad}
		for value, l := range values {
			d.Without -= l.bad
			one := attribution.Line{
				Attributes: []attribution.Attribute{{Name: name, Value: value}}, Bad: l.bad, OfBad: l.bad / a.Bad, OfTraffic: (l.bad + l.good) / (a.Bad + a.Good),
				Rate: l.bad / (l.bad + l.good), RestRate: (a.Bad - l.bad) / max(1, a.Bad+a.Good-l.bad-l.good), Traces: []string{"4bf92f3577b34da6a3ce929d0e0e4736"},
			}
			if one.Rate > 2*one.RestRate {
				one.Since = q.From
				a.Causes = append(a.Causes, one)
			}
			d.Lines = append(d.Lines, one)
		}
		slices.SortFunc(d.Lines, func(x, y attribution.Line) int { return strings.Compare(x.Attributes[0].Value, y.Attributes[0].Value) })
		a.Dimensions = append(a.Dimensions, d)
	}
	slices.SortFunc(a.Dimensions, func(x, y attribution.Dimension) int { return strings.Compare(x.Name, y.Name) })
	slices.SortFunc(a.Causes, func(x, y attribution.Line) int { return strings.Compare(x.Attributes[0].Name, y.Attributes[0].Name) })
	if a.Text = p.text; a.Text == "" && len(a.Causes) > 0 {
		a.Text = fmt.Sprintf("%s: %.0f of %.0f", a.Causes[0].Attributes[0].Value, a.Causes[0].Bad, a.Bad)
	}
	return a, true
}

// eaten is a planted keeper of payment's availability, in whose last 20 minutes version 2.0.0 fails, and before which a tenant did.
func eaten(now time.Time) *planted {
	p := &planted{slo: attribution.Question{Namespace: "shop", Service: "payment", SLO: "availability", Environment: "production"}}
	for ago := 20 * 24 * time.Hour; ago > 0; ago -= time.Minute {
		if ago > 3*time.Hour && ago%(24*time.Hour) != 0 {
			continue
		}
		at := now.Add(-ago)
		old := plantedRow{at, map[string]string{"service.version": "1.0.0", "tenant": "acme"}, 0, 100}
		fresh := plantedRow{at, map[string]string{"service.version": "2.0.0", "http.route": "POST /charges"}, 0, 100}
		if ago <= 20*time.Minute {
			fresh.bad = 50
		} else {
			old.bad = 1
		}
		p.rows = append(p.rows, old, fresh)
	}
	return p
}

// payments are pages with the keeper.
func payments(t *testing.T, now time.Time, keepers ...attribution.Keeper) *visitor {
	t.Helper()
	c := parse(t, document("payment", "payments-team", 1, `  slos:
    - {name: availability, objective: 99.9, calendar: {unit: month, timeZone: UTC}, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
`))
	return openWith(t, &http.Client{Transport: refusing}, Options{Source: loaded{catalog: c}, Now: func() time.Time { return now }, Runbooks: library(""), Explainers: func() []attribution.Keeper { return keepers }})
}

// The page of a month says what ate the budget in the window that is asked for.
func TestSpent(t *testing.T) {
	now := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	k := eaten(now)
	v := payments(t, now, &planted{}, k)
	at := func(d time.Duration) time.Time { return now.Add(-d) }
	for query, want := range map[string]struct {
		window   string
		from, to time.Time
		bad      float64
		cause    string
	}{
		"":               {"1h", at(time.Hour), now, 20*50 + 40, "http.route=POST /charges"},
		"&window=5m":     {"5m", at(5 * time.Minute), now, 5 * 50, "http.route=POST /charges"},
		"&window=1d":     {"1d", at(24 * time.Hour), now, 20*50 + 160 + 1, "http.route=POST /charges"},
		"&since=2h":      {"", at(2 * time.Hour), now, 20*50 + 100, "http.route=POST /charges"},
		"&month=2026-10": {"", time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC), 1, "service.version=1.0.0"},
		"&window=period": {"period", time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC), now, 20*50 + 160 + 19, "http.route=POST /charges"},
		"&since=2026-11-20T11:00:00Z&until=2026-11-20T11:30:00Z": {"", at(time.Hour), at(30 * time.Minute), 30, "service.version=1.0.0"},
		"&since=1h&until=2026-12-20T11:30:00Z":                   {"", at(time.Hour), now, 20*50 + 40, "http.route=POST /charges"},
	} {
		var got ledgerBody
		v.answer("/ledger?service=shop/payment&only=spent&slo=availability"+query, "/ledger", &got)
		require.Len(t, got.Spent, 1, query)
		s := got.Spent[0]
		assert.Equal(t, want.window+" "+want.from.String()+" "+want.to.String(), s.Window+" "+s.From.String()+" "+s.To.String(), query)
		assert.InDelta(t, want.bad, s.Bad, 0, query)
		require.NotEmpty(t, s.Causes, query)
		assert.Equal(t, want.cause, s.Causes[0].Attributes[0].Name+"="+s.Causes[0].Attributes[0].Value, query)
		for _, d := range s.Dimensions {
			sum := d.Other + d.Without
			for _, l := range d.Lines {
				sum += l.Bad
			}
			assert.InDelta(t, s.Bad, sum, 0, "%s %s", query, d.Name)
		}
		assert.Empty(t, got.SLOs)
	}
	assert.Equal(t, attribution.Question{Namespace: "shop", Service: "payment", SLO: "availability", From: k.asked[0].From, To: k.asked[0].To}, k.asked[0])

	page := v.page("/ledger?service=shop/payment&slo=availability&environment=production&since=20m")
	harmless(t, "spent", page)
	for _, want := range []string{"What ate the budget", "POST /charges: 1000 of 1000", `<b>2.0.0</b> <small>service.version</small>: 100 % of what failed, 60 % of the traffic; 33.3 % of it fails, 0 % of the rest, since <time`,
		`<a href="/search?id=4bf92f3577b34da6a3ce929d0e0e4736">request</a>`, "All that failed are in the ledger.", `<small>without it</small></td><td class="number">0</td>`,
		`href="/ledger?environment=production&amp;service=shop%2Fpayment&amp;slo=availability&amp;window=5m#spent"`} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "style=")
}

func TestSpentIsRefused(t *testing.T) {
	now := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	v := payments(t, now, eaten(now))
	for _, query := range []string{"window=2h", "since=x", "since=1h&until=x", "until=1h", "since=1h&until=2h", "since=1h&window=1h", "only=x", "since=-1h"} {
		assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, "/ledger?service=payment&"+query).StatusCode, query)
	}
}

// Where nobody keeps a ledger of bad events, the section is not there, and who asks for nothing else learns why.
func TestWithoutALedgerOfBadEvents(t *testing.T) {
	v, _ := october(t)
	assert.NotContains(t, v.page("/ledger?service=checkout&month=2026-10"), "What ate the budget")
	var got ledgerBody
	problem := v.answer("/ledger?service=checkout&only=spent", "/ledger", &got)
	require.NotNil(t, problem)
	assert.Contains(t, problem.What, "no ledger of the bad events")
	assert.NotNil(t, got.Spent)
}

// Values of attributes are text, however they look and however long they are.
func TestHostileValuesAreSpent(t *testing.T) {
	now := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	values := append(slices.Clone(hostile), strings.Repeat("<b>\r\n", 200_000), "a\xffb")
	k := eaten(now)
	k.text = strings.Repeat("<script>alert(1)</script>\n", 50_000)
	for i, value := range values {
		k.rows = append(k.rows, plantedRow{now.Add(-time.Minute), map[string]string{value: value, strconv.Itoa(i) + "<i>": value, "route": value}, 1000, 1})
	}
	v := payments(t, now, k)
	page := v.page("/ledger?service=payment&slo=availability")
	harmless(t, "hostile values", page)
	assert.Less(t, len(page), 200<<10)
	var got ledgerBody
	v.answer("/ledger?service=payment&slo=availability&only=spent", "/ledger", &got)
	for _, c := range got.Spent[0].Causes {
		for _, a := range c.Attributes {
			assert.LessOrEqual(t, len([]rune(a.Value)), 200)
			assert.NotContains(t, a.Value+a.Name, "\n")
		}
	}
	assert.LessOrEqual(t, len([]rune(got.Spent[0].Text)), 500)
	text := v.page("/ledger?"+url.Values{"service": {"payment"}, "slo": {"availability"}, "only": {"spent"}}.Encode(), "Accept", "application/json")
	assert.Less(t, len(text), 200<<10)
}
