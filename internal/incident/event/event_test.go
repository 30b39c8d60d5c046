// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

var night = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func at(minute int) time.Time { return night.Add(time.Duration(minute) * time.Minute) }

func one(id string, state incident.State, alerted int, services ...string) incident.Incident {
	i := incident.Incident{ID: id, State: state, Page: true, Start: at(alerted - 2), Alerted: at(alerted)}
	for n, name := range services {
		i.Services = append(i.Services, incident.Affected{Service: incident.Service{Namespace: "shop", Name: name, Environment: "production"}, SLOs: []string{"availability"}, Origin: n == 0})
	}
	if state == incident.Resolved {
		i.End = at(alerted + 30)
	}
	return i
}

func names(events []Event) string {
	var all []string
	for _, e := range events {
		text := strings.TrimPrefix(string(e.Name), "incident.") + " " + e.ID
		if e.PartOf != "" {
			text += " in " + e.PartOf
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestLifeOfAnIncident(t *testing.T) {
	var said Announced
	step := func(now int, want string, all ...incident.Incident) []Event {
		t.Helper()
		events, next := said.Next(all, at(now))
		assert.Equal(t, want, names(events))
		again, _ := next.Next(all, at(now))
		assert.Empty(t, again, "what was said is not said again")
		text, err := json.Marshal(next) // a restart
		require.NoError(t, err)
		said = Announced{}
		require.NoError(t, json.Unmarshal(text, &said))
		return events
	}
	old := one("old", incident.Resolved, -500, "search")
	step(0, "", old)
	events := step(3, "started a", one("a", incident.Open, 2, "payment"), old)
	assert.Equal(t, at(2), events[0].At)
	assert.Equal(t, []string{"shop/payment"}, events[0].Services)
	step(4, "updated a", one("a", incident.Open, 2, "payment", "checkout"), old)
	changed := one("a", incident.Open, 2, "payment", "checkout")
	changed.Change = &incident.Suspect{Change: incident.Change{Service: changed.Services[0].Service, Kind: incident.Deployment, Version: "1.1.0"}, Probability: 0.93}
	events = step(5, "updated a", changed, old)
	assert.Equal(t, "Incident goes on: shop/payment in production, payment/availability, checkout/availability, since 2026-11-21 03:00 UTC. Likely change: payment 1.1.0 (93 %)", events[0].Sentence())
	changed.Suspects = []incident.Suspect{*changed.Change}
	changed.Change.Probability = 0.97
	changed.State = incident.Settling
	step(6, "", changed, old)

	// A second one turns out to be a part of the first, which has another ID since.
	step(8, "started b", one("b", incident.Open, 7, "cart"), changed, old)
	whole := changed
	whole.ID, whole.Formerly = "c", []string{"a", "b"}
	events = step(9, "resolved b in a", whole, old)
	assert.Equal(t, at(9), events[0].At)

	over := whole
	over.State, over.End = incident.Resolved, at(40)
	events = step(56, "resolved a", over, old)
	assert.Equal(t, at(40), events[0].At)
	assert.Equal(t, 40*time.Minute, events[0].End.Sub(events[0].Start))
	step(60, "", over, old)
	step(61, "updated a", whole, old) // a late record
	step(62, "resolved a", over, old)

	// One that came and went while nobody looked is told whole; one of long ago that is read late is not.
	began := one("d", incident.Resolved, 70, "cart")
	events = step(200, "started d, resolved d", began, over, one("older", incident.Resolved, -300, "cart"), old)
	assert.Zero(t, events[0].End)
	assert.Equal(t, incident.Open, events[0].State)
	step(60*24*60, "")
	assert.Empty(t, said.Known)
}

// Whatever incidents do, and whenever it looks, each that is announced starts once, before all else, and is over once at the end.
func TestEachStartsOnceAndEnds(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		type life struct{ from, to int }
		var lives []life
		for from := 1; from < 500; from += 1 + random.IntN(120) {
			lives = append(lives, life{from, from + 1 + random.IntN(100)})
		}
		var said Announced
		state := map[string]Name{}
		quiet := int(incident.Quiet.Minutes())
		first := -1 // look of which the events were accepted
		for now := 0; now < 1000; now += 1 + random.IntN(40) {
			var all []incident.Incident
			for _, l := range slices.Backward(lives) {
				if l.from > now {
					continue
				}
				i := one(at(l.from).Format(time.RFC3339), incident.Open, l.from, "payment", "checkout")
				i.Services = i.Services[:1+random.IntN(2)]
				if l.to+quiet < now {
					i.State, i.End = incident.Resolved, at(l.to)
				}
				all = append(all, i)
			}
			events, next := said.Next(all, at(now))
			if random.IntN(4) == 0 && now < 700 {
				continue // the events were not accepted
			}
			if said = next; first < 0 {
				first = now
			}
			for _, e := range events {
				switch before := state[e.ID]; e.Name {
				case Started:
					require.Empty(t, before, "seed %d", seed)
				default:
					require.NotContains(t, []Name{"", Resolved}, before, "seed %d", seed)
				}
				state[e.ID] = e.Name
			}
		}
		for _, l := range lives {
			if l.to+quiet >= first {
				require.Equal(t, Resolved, state[at(l.from).Format(time.RFC3339)], "seed %d", seed)
			} else {
				require.Empty(t, state[at(l.from).Format(time.RFC3339)], "seed %d", seed)
			}
		}
	}
}

func TestReadIsTheWayBack(t *testing.T) {
	i := one("a", incident.Resolved, 2, "payment", "checkout")
	i.Change = &incident.Suspect{Change: incident.Change{Kind: "feature_flag", Subject: "fast", Previous: "off", Value: "on"}, Probability: 0.9}
	e := of(&i, Resolved, "a", at(32))
	e.Failed, e.URL, e.PartOf = 12, "https://sre.example.com/incidents/a", "b"
	logs := Logs([]Event{e}, pcommon.NewInstrumentationScope(), at(33))
	rl := logs.ResourceLogs().At(0)
	record := rl.ScopeLogs().At(0).LogRecords().At(0)
	assert.True(t, Is(record))
	got, err := Read(rl.Resource().Attributes(), record)
	require.NoError(t, err)
	assert.Equal(t, &e, got)
	assert.Equal(t, "Incident is over: shop/payment in production, payment/availability, checkout/availability, since 2026-11-21 03:00 UTC, for 32m. Likely change: feature flag fast: off → on (90 %). It is a part of b", record.Body().Str())

	record.Attributes().PutStr("incident.start_time", "yesterday")
	record.Attributes().Remove("incident.id")
	assert.False(t, Is(record))
	_, err = Read(rl.Resource().Attributes(), record)
	require.ErrorContains(t, err, "incident.id is missing")
	require.ErrorContains(t, err, `incident.start_time is "yesterday"; write it as`)
	_, err = Read(rl.Resource().Attributes(), plog.NewLogRecord())
	require.ErrorContains(t, err, `use one of ["incident.started"`)
}

func FuzzRead(f *testing.F) {
	f.Add("incident.started", "a", "2026-11-21T03:00:00Z", "payment")
	f.Fuzz(func(t *testing.T, name, id, start, service string) {
		record := plog.NewLogRecord()
		record.SetEventName(name)
		record.Attributes().PutStr("incident.id", id)
		record.Attributes().PutStr("incident.start_time", start)
		resource := pcommon.NewMap()
		resource.PutStr("service.name", service)
		if e, err := Read(resource, record); err == nil && (e.ID != id || e.Origin.Name != service) {
			t.Errorf("%+v", e)
		}
	})
}
