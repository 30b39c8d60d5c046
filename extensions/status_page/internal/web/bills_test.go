// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// plantedMinutes are the minutes of what is planted.
type plantedMinutes struct{ *planted }

func (p plantedMinutes) Places(of ledger.SLO) ([]ledger.Place, bool) {
	return []ledger.Place{{Environment: p.slo.Environment}, {Environment: "another"}}, of == ledger.SLO{Namespace: p.slo.Namespace, Service: p.slo.Service, Name: p.slo.SLO}
}

func (p plantedMinutes) Minutes(_ ledger.SLO, at ledger.Place, day time.Time, _ bool) (all []ledger.Minute) {
	for _, r := range p.rows {
		if at.Environment == p.slo.Environment && !r.at.Before(day) && r.at.Before(day.Add(ledger.Day)) {
			all = append(all, ledger.Minute{Start: r.at.Unix() / 60, Good: r.good, Bad: r.bad})
		}
	}
	return all
}

// The page of a month says what each incident spent, and each version; both add up.
func TestWhatIncidentsSpent(t *testing.T) {
	var k *planted
	v, now, start := outage(t, func(o *Options) {
		k = &planted{slo: attribution.Question{Namespace: "shop", Service: "payment", SLO: "availability", Environment: "production"}}
		o.Explainers = func() []attribution.Keeper { return []attribution.Keeper{k} }
		o.Keepers = func() []ledger.Keeper { return []ledger.Keeper{plantedMinutes{k}} }
	})
	before := now.Add(-7*24*time.Hour + time.Hour).Truncate(time.Minute)
	for version, at := range map[string]time.Time{"2.0.0": start.Add(5 * time.Minute), "1.0.0": before.Add(2 * time.Minute), "0.9.0": before.Add(-time.Hour)} {
		bad := float64(10*len(k.rows) + 10)
		k.rows = append(k.rows, plantedRow{at.Truncate(time.Minute), map[string]string{"service.version": version}, bad, 100})
	}
	badOf := func(version string) (sum float64) {
		for _, r := range k.rows {
			if r.values["service.version"] == version {
				sum += r.bad
			}
		}
		return sum
	}
	var got ledgerBody
	v.answer("/ledger?service=shop/payment&only=spent&slo=availability&window=period", "/ledger", &got)
	require.Len(t, got.Spent, 1)
	s := got.Spent[0]
	require.Len(t, s.ByIncident, 2)
	spentIn := map[bool]float64{}
	for _, one := range s.ByIncident {
		spentIn[one.From.After(now.Add(-time.Hour))] = one.Bad
		assert.InDelta(t, one.Bad/60, one.OfBad, 1e-9)
		assert.Equal(t, http.StatusOK, v.do(http.MethodGet, one.Path).StatusCode)
	}
	assert.Equal(t, map[bool]float64{true: badOf("2.0.0"), false: badOf("1.0.0")}, spentIn)
	assert.InDelta(t, badOf("0.9.0"), s.Outside, 0)
	assert.Zero(t, s.Others)

	page := v.page("/ledger?service=shop/payment&slo=availability&window=period")
	harmless(t, "spent", page)
	for _, want := range []string{`aria-label="What failed of availability by incident"`, `<small>outside of incidents</small></td><td class="number">` + strconv.FormatFloat(badOf("0.9.0"), 'f', -1, 64), `aria-label="What failed of availability by version"`, `<td class="name">2.0.0</td>`} {
		assert.Contains(t, page, want)
	}
	k.rows = append(k.rows, plantedRow{start.Add(7 * time.Minute), map[string]string{"service.version": "1.0.0"}, badOf("2.0.0"), 100})
	for _, one := range s.ByIncident {
		var of struct {
			Change *struct{ Version string }
			Share  *float64 `json:"change_share_of_bad"`
		}
		v.answer(one.Path, "/incidents/{id}", &of)
		if one.From.Before(start.Add(-time.Hour)) {
			assert.Nil(t, of.Share)
			continue
		}
		require.NotNil(t, of.Share)
		assert.InDelta(t, 0.5, *of.Share, 1e-9)
		assert.Regexp(t, `<dt>Of what failed in the incident</dt><dd>50`, v.page(one.Path))
	}
	v.answer("/ledger?service=shop/payment&only=spent&slo=availability&window=period&environment=other", "/ledger", &got)
	assert.Empty(t, got.Spent)
}

// What incidents spent, what those did that are not listed, and what was spent outside of all is what failed, whatever overlaps.
func TestBillsAddUp(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		from := time.Date(2026, 11, 1, r.IntN(24), 0, 0, 0, time.UTC)
		in := ledger.Span{From: from, To: from.Add(5 * ledger.Day)}
		var known []incident.Incident
		for i := range r.IntN(60) {
			one := incident.Incident{ID: strconv.Itoa(i), Start: from.Add(time.Duration(r.IntN(8*24*60)-24*60) * time.Minute), Spells: []incident.Spell{{Service: incident.Service{Name: "payment"}, SLO: "availability"}}}
			if r.IntN(8) > 0 {
				one.End = one.Start.Add(time.Duration(r.IntN(300)) * time.Minute)
			}
			if r.IntN(5) == 0 {
				one.Spells[0].SLO = "latency"
			}
			known = append(known, one)
		}
		minutes := map[time.Time]float64{}
		of := &spentOf{}
		for at := in.From; at.Before(in.To); at = at.Add(time.Duration(1+r.IntN(20)) * time.Minute) {
			minutes[at] = float64(r.IntN(5))
			of.Bad += minutes[at]
		}
		outside := 0.0
		for at, bad := range minutes {
			inside := false
			for i := range known {
				inside = inside || known[i].Spells[0].SLO == "availability" && !at.Before(known[i].Start) && (known[i].End.IsZero() || at.Before(known[i].End))
			}
			if !inside {
				outside += bad
			}
		}
		got := billsOf(of, incidentsOf(known, &catalog.Service{Name: "payment"}, "availability", "", in), func(day time.Time) (all []ledger.Minute) {
			for at, bad := range minutes {
				if !at.Before(day) && at.Before(day.Add(ledger.Day)) {
					all = append(all, ledger.Minute{Start: at.Unix() / 60, Bad: bad})
				}
			}
			return all
		})
		sum := got.Others + got.Outside
		for _, one := range got.ByIncident {
			sum += one.Bad
		}
		assert.LessOrEqual(t, len(got.ByIncident), maxBills)
		assert.InDelta(t, of.Bad, sum, 0)
		assert.InDelta(t, outside, got.Outside, 0)
	}
}
