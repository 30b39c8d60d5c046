// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A world is a tracker with a clock, and what it has said.
type world struct {
	*Tracker
	clock time.Time
	said  []string
	last  []change.Change
}

func newWorld(config Config) *world {
	w := &world{clock: time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)}
	w.Tracker = New(config, func() time.Time { return w.clock })
	return w
}

// look lets time go on to the next look.
func (w *world) look(after time.Duration) {
	w.clock = w.clock.Add(after)
	due := w.Due()
	for i := range due {
		w.said = append(w.said, due[i].Service.Name+" "+due[i].Sentence())
	}
	w.last = append(w.last, due...)
	w.Announced(due)
}

var payment = deployment.Service{Name: "payment", Namespace: "shop", Environment: "production"}

// ask evaluates a flag so many times in each of so many steps of 5 s.
func (w *world) ask(of deployment.Service, key string, steps, times int, given func(n int) string) {
	for range steps {
		for n := range times {
			w.give(of, key, given(n))
		}
		w.look(5 * time.Second)
	}
}

// give lets a service be given a variant once.
func (w *world) give(of deployment.Service, key, given string) {
	w.Evaluate(of, []Evaluation{{Flag: key, Given: given, Count: 1, First: w.clock, Last: w.clock}}, w.clock)
}

func always(variant string) func(int) string { return func(int) string { return variant } }

func TestFlipIsSeen(t *testing.T) {
	w := newWorld(Default())
	w.ask(payment, "new-card-check", 20, 3, always("off"))
	require.Empty(t, w.said, "what a flag gives at first is no change")
	flip := w.clock
	w.ask(payment, "new-card-check", 20, 3, always("on"))
	require.Equal(t, []string{"payment feature flag new-card-check: off → on"}, w.said)
	require.Equal(t, flip, w.last[0].Start, "the first evaluation that gave the new variant")
	w.ask(payment, "new-card-check", 20, 3, always("off"))
	require.Equal(t, []string{"payment feature flag new-card-check: off → on", "payment feature flag new-card-check: on → off"}, w.said)
	require.NotEqual(t, w.last[0].ID, w.last[1].ID)
}

// A flag that has been known for some seconds can flip.
func TestFlipOfAYoungFlag(t *testing.T) {
	w := newWorld(Default())
	w.ask(payment, "new-card-check", 3, 20, always("off"))
	w.ask(payment, "new-card-check", 3, 20, always("on"))
	require.Equal(t, []string{"payment feature flag new-card-check: off → on"}, w.said)
}

func TestFlipAtOneEvaluationAMinute(t *testing.T) {
	w := newWorld(Default())
	slowly := func(minutes int, given string) {
		for range minutes {
			w.ask(payment, "banner", 1, 1, always(given))
			w.look(55 * time.Second)
		}
	}
	slowly(120, "off")
	slowly(15, "on")
	require.Equal(t, []string{"payment feature flag banner: off → on"}, w.said)
}

// How long after a flip it is known, by evaluations per second; docs/decisions/0042-changes-besides-deployments.md has the figures.
func TestDetectionTimes(t *testing.T) {
	for _, one := range []struct {
		name    string
		perStep int // evaluations in 5 s
		percent int // of them that give the new variant
		most    time.Duration
	}{
		{"3 a second, all", 15, 100, 5 * time.Second},
		{"1 in 5 s, all", 1, 100, time.Minute},
		{"40 a second, 1 %", 200, 1, 2 * time.Minute},
		{"40 a second, 10 %", 200, 10, 10 * time.Second},
	} {
		t.Run(one.name, func(t *testing.T) {
			w := newWorld(Default())
			w.ask(payment, "f", 120, one.perStep, always("off"))
			flip := w.clock
			for n := 0; len(w.said) == 0 && n < 1000; n++ {
				w.ask(payment, "f", 1, one.perStep, func(n int) string {
					if n%100 < one.percent {
						return "on"
					}
					return "off"
				})
			}
			require.LessOrEqual(t, w.clock.Sub(flip), one.most)
			require.Len(t, w.said, 1)
		})
	}
}

// Of a rollout to some users, the first share and each larger one is a change.
func TestShareChanges(t *testing.T) {
	w := newWorld(Default())
	share := func(percent int) func(int) string {
		return func(n int) string {
			if n%100 < percent {
				return "on"
			}
			return "off"
		}
	}
	for _, percent := range []int{0, 1, 25, 25, 60, 100, 100} {
		w.ask(payment, "rollout", 60, 200, share(percent))
	}
	var order []string // of changes, each with what was said of it last
	values := map[string]string{}
	for _, c := range w.last {
		if _, known := values[c.ID]; !known {
			order = append(order, c.ID)
		}
		values[c.ID] = c.Value
	}
	var last []string
	for _, id := range order {
		last = append(last, values[id])
	}
	require.Equal(t, []string{"off 99 %, on 1 %", "off 75 %, on 25 %", "on 60 %, off 40 %", "on"}, last, w.said)
	require.Equal(t, "off", w.last[0].Previous)
}

// Instances that get the new value one after another are one change.
func TestInstancesOneAfterAnother(t *testing.T) {
	w := newWorld(Default())
	for at := range 60 {
		w.ask(payment, "checkout-v2", 1, 10, func(n int) string {
			if at >= 30 && n < 2*(at-29) {
				return "on"
			}
			return "off"
		})
	}
	require.NotEmpty(t, w.said)
	require.Len(t, ids(w.last), 1, w.said)
	assert.Equal(t, "on", w.last[len(w.last)-1].Value)
}

func ids(changes []change.Change) map[string]bool {
	all := map[string]bool{}
	for _, c := range changes {
		all[c.ID] = true
	}
	return all
}

// Flags that give each user always the same say nothing, whoever asks how often: 500 random ones for two hours.
func TestNoFlipOfFlagsThatDoNotChange(t *testing.T) {
	flipped := 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(Default())
		share := r.Float64()
		if seed%3 == 0 {
			share = 0
		}
		users := 20 + r.IntN(2000)
		perStep := 1 + r.IntN(30)
		sticky := func(user int) string {
			if rand.New(rand.NewPCG(uint64(user), seed)).Float64() < share {
				return "on"
			}
			return "off"
		}
		for range 24 * 60 { // two hours
			for range 1 + r.IntN(perStep) {
				user := r.IntN(users)
				for range 1 + r.IntN(3) {
					w.give(payment, "flag", sticky(user))
				}
			}
			w.look(5 * time.Second)
		}
		if len(w.said) > 0 {
			flipped++
			t.Log(seed, share, users, perStep, w.said)
		}
	}
	assert.Zero(t, flipped, "of 500 flags in two hours")
}

func TestReportAndEvaluationsAreOneChange(t *testing.T) {
	said := Report{Change: change.Change{Kind: change.FeatureFlag, Name: "new-card-check", Value: "on", Actor: "Ada", URL: "https://flags.example.com/1", ID: "ld-1"}}
	for name, reportFirst := range map[string]bool{"report first": true, "evaluations first": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(Default())
			w.ask(payment, "new-card-check", 20, 3, always("off"))
			if reportFirst {
				w.Take(said)
				w.look(5 * time.Second)
			}
			w.ask(payment, "new-card-check", 5, 3, always("on"))
			if !reportFirst {
				w.Take(said)
			}
			w.ask(payment, "new-card-check", 5, 3, always("on"))
			require.Len(t, ids(w.last), 1, w.said)
			last := w.last[len(w.last)-1]
			assert.Equal(t, "Ada", last.Actor)
			assert.Equal(t, "https://flags.example.com/1", last.URL)
			assert.Equal(t, "off", last.Previous)
			assert.Equal(t, "on", last.Value)
			assert.Equal(t, payment, last.Service)
		})
	}
	t.Run("nobody asks", func(t *testing.T) {
		w := newWorld(Default())
		w.Take(said)
		w.look(time.Second)
		require.Equal(t, []string{" feature flag new-card-check: on"}, w.said, "it is said of all services")
	})
}

func TestTwoServicesAndClustersAreApart(t *testing.T) {
	w := newWorld(Default())
	east, west := payment, payment
	east.Cluster, west.Cluster = "east", "west"
	for range 20 {
		w.ask(east, "f", 1, 3, always("off"))
		w.ask(west, "f", 1, 3, always("off"))
	}
	for range 20 {
		w.ask(east, "f", 1, 3, always("on"))
		w.ask(west, "f", 1, 3, always("off"))
	}
	require.Len(t, w.last, 1)
	assert.Equal(t, "east", w.last[0].Cluster)
}

// A state is a change when it is something else; watchers repeat themselves, and begin with all that there is.
func TestStates(t *testing.T) {
	w := newWorld(Default())
	config := func(value string, at time.Time) {
		w.Take(Report{State: true, Change: change.Change{Service: payment, Kind: change.Configuration, Name: "ConfigMap payment", Value: value, Start: at}})
		w.look(time.Second)
	}
	long := w.clock.Add(-24 * time.Hour)
	config("a", long)
	config("a", long)
	require.Empty(t, w.said)
	config("b", w.clock)
	config("b", w.clock)
	config("a", long) // an old one comes late
	require.Equal(t, []string{"payment configuration ConfigMap payment: a → b"}, w.said)
}

func TestNodePool(t *testing.T) {
	w := newWorld(Default())
	node := func(name, image string, at time.Time, gone bool) {
		w.Take(Report{State: true, Member: name, Gone: gone, Change: change.Change{Kind: change.Infrastructure, Name: "node pool web", Value: image, Start: at}})
		w.look(10 * time.Second)
	}
	for n := range 5 {
		node(fmt.Sprint("old-", n), "v1.30", w.clock.Add(-40*24*time.Hour), false)
	}
	node("old-5", "v1.30", w.clock, false) // a scale-out of the same image is none
	require.Empty(t, w.said)
	for n := range 6 {
		node(fmt.Sprint("new-", n), "v1.31", w.clock, false)
		node(fmt.Sprint("old-", n), "v1.30", w.clock, true)
	}
	require.Equal(t, []string{
		" infrastructure node pool web: v1.30 → v1.31 (started)",
		" infrastructure node pool web: v1.30 → v1.31 (completed)",
	}, w.said)
	require.Len(t, ids(w.last), 1)
}

// An autoscaler that flaps is one change for as long as it does.
func TestSeries(t *testing.T) {
	w := newWorld(Default())
	for n := range 100 {
		w.Take(Report{Series: true, Change: change.Change{Service: payment, Kind: change.Infrastructure, Name: "autoscaling payment", Value: strconv.Itoa(3 + n%2)}})
		w.look(5 * time.Minute)
	}
	require.Len(t, ids(w.last), 1)
	w.look(2 * time.Hour)
	w.Take(Report{Series: true, Change: change.Change{Service: payment, Kind: change.Infrastructure, Name: "autoscaling payment", Value: "9"}})
	w.look(time.Second)
	require.Len(t, ids(w.last), 2)
}

func TestLongAgoIsNoNews(t *testing.T) {
	w := newWorld(Default())
	w.Take(Report{Change: change.Change{Kind: change.Incident, Name: "INC-1", Start: w.clock.Add(-time.Hour)}})
	w.look(time.Second)
	require.Empty(t, w.said)
}

func TestWhatIsNotAnnouncedComesAgain(t *testing.T) {
	w := newWorld(Default())
	w.Take(Report{Change: change.Change{Kind: change.Incident, ID: "i", Name: "INC-1", Status: change.Started}})
	first := w.Due()
	require.Len(t, first, 1)
	require.Equal(t, first, w.Due())
	w.Take(Report{Change: change.Change{Kind: change.Incident, ID: "i", Name: "INC-1", Status: change.Resolved}})
	w.Announced(first)
	require.Len(t, w.Due(), 1, "more is known than was announced")
	w.Announced(w.Due())
	require.Empty(t, w.Due())
}

func TestStateSurvives(t *testing.T) {
	w := newWorld(Default())
	w.ask(payment, "f", 20, 3, always("off"))
	w.Take(Report{State: true, Change: change.Change{Service: payment, Kind: change.Configuration, Name: "c", Value: "a"}})
	w.Take(Report{Change: change.Change{Service: payment, Kind: change.Incident, ID: "i", Name: "INC-1", Status: change.Started}})
	record, err := w.Save(false)
	require.NoError(t, err)
	require.NotEmpty(t, record)
	again, err := w.Save(false)
	require.NoError(t, err)
	require.Nil(t, again)

	next := newWorld(Default())
	next.clock = w.clock.Add(time.Minute)
	require.NoError(t, next.Restore(record))
	next.look(time.Second)
	require.Equal(t, []string{"payment incident INC-1 (started)"}, next.said, "it was not announced")
	next.ask(payment, "f", 5, 3, always("on"))
	next.Take(Report{State: true, Change: change.Change{Service: payment, Kind: change.Configuration, Name: "c", Value: "b"}})
	next.look(time.Second)
	require.Equal(t, []string{"payment incident INC-1 (started)", "payment feature flag f: off → on", "payment configuration c: a → b"}, next.said)

	require.Error(t, New(Default(), time.Now).Restore([]byte("{")))
	require.Error(t, New(Default(), time.Now).Restore([]byte(`{"format": 9}`)))
}

func TestBounds(t *testing.T) {
	config := Default()
	config.MaxChanges, config.MaxFlags, config.MaxStates = 10, 20, 30
	w := newWorld(config)
	for n := range 1000 {
		w.Take(Report{Change: change.Change{Kind: change.Business, Name: fmt.Sprint("sale-", n)}})
		w.Take(Report{State: true, Change: change.Change{Kind: change.Configuration, Name: fmt.Sprint("c-", n), Value: "a"}})
		w.give(payment, fmt.Sprint("flag-", n), "on")
		w.give(payment, "flag", fmt.Sprint("variant-", n))
	}
	assert.LessOrEqual(t, len(w.changes), 10)
	assert.LessOrEqual(t, len(w.flags), 20)
	assert.LessOrEqual(t, len(w.states), 30)
	assert.LessOrEqual(t, len(w.counts), 30)
	assert.LessOrEqual(t, len(w.flags[flagKey{payment, "flag"}].variants), mostVariants+1)
	assert.Positive(t, w.Left())
}

func TestEvaluateDoesNotAllocate(t *testing.T) {
	w := newWorld(Default())
	w.give(payment, "f", "on")
	require.Zero(t, testing.AllocsPerRun(100, func() { w.give(payment, "f", "on") }))
}

func BenchmarkEvaluate(b *testing.B) {
	w := newWorld(Default())
	b.ReportAllocs()
	for b.Loop() {
		w.give(payment, "f", "on")
	}
}

// A ConfigMap into which an operator writes its state is one change that does not grow series without end.
func TestWhatChangesOftenIsOneChange(t *testing.T) {
	w := newWorld(Default())
	for n := range 500 {
		w.Take(Report{State: true, Change: change.Change{Service: payment, Kind: change.Configuration, Name: "ConfigMap status", Value: strconv.Itoa(n), Start: w.clock}})
		w.look(10 * time.Second)
	}
	require.Len(t, ids(w.last), 1)
	require.LessOrEqual(t, len(w.said), mostRenewals+2)
	require.Equal(t, Often, w.last[len(w.last)-1].Value)
}

func TestSumTellsNothingOfTheContent(t *testing.T) {
	a, b := newWorld(Default()), newWorld(Default())
	first, second := a.Sum([]byte("1234")), a.Sum([]byte("1234"))
	require.Equal(t, first, second)
	require.NotEqual(t, a.Sum([]byte("1234")), a.Sum([]byte("1235")))
	require.NotEqual(t, a.Sum([]byte("1234")), b.Sum([]byte("1234")), "nobody can try all contents")
	a.Take(Report{State: true, Change: change.Change{Kind: change.Configuration, Name: "Secret card", Value: a.Sum([]byte("1234"))}})
	record, err := a.Save(false)
	require.NoError(t, err)
	require.NoError(t, b.Restore(record))
	require.Equal(t, a.Sum([]byte("1234")), b.Sum([]byte("1234")), "a restart is no change")
}

// Whenever a flag flips, between looks or at one, young or long known, slow or fast: it is seen, once.
func TestFlipAtAnyMoment(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		w := newWorld(Default())
		perSecond := 1 + r.IntN(30)
		look := time.Duration(1+r.IntN(5)) * time.Second
		known := time.Duration(10+r.IntN(600)) * time.Second
		begin := w.clock
		next := begin.Add(look)
		give := func(given string, until time.Duration) {
			for w.clock.Sub(begin) < until {
				w.give(payment, "f", given)
				w.clock = w.clock.Add(time.Second / time.Duration(perSecond))
				if !w.clock.Before(next) {
					w.look(0)
					next = next.Add(look)
				}
			}
		}
		give("off", known)
		flip := w.clock
		give("on", known+2*time.Minute)
		require.Len(t, ids(w.last), 1, "seed %d: %d a second, looks every %v, after %v: %q", seed, perSecond, look, known, w.said)
		last := w.last[len(w.last)-1]
		require.True(t, strings.HasPrefix(last.Previous, "off"), "seed %d: %q", seed, w.said)
		require.Equal(t, "on", last.Value, "seed %d: %q", seed, w.said)
		require.WithinDuration(t, flip, last.Start, 15*time.Second, "seed %d: %d a second", seed, perSecond)
		give("off", known+4*time.Minute)
		require.Len(t, ids(w.last), 2, "seed %d: %q", seed, w.said)
		last = w.last[len(w.last)-1]
		require.True(t, strings.HasPrefix(last.Previous, "on"), "seed %d: %q", seed, w.said)
		require.Equal(t, "off", last.Value, "seed %d: %q", seed, w.said)
	}
}
