// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A model is the rules for one who sees everything at once, and for versions that stay as they are for long.
type model struct {
	first  bool     // nothing was seen yet
	order  []string // present, oldest first
	status map[string]deployment.Status
	silent map[string]bool
	count  map[string]int
	before map[string]deployment.Status // of the deployment before, of versions that came back
	events []string
}

func (m *model) say(version string, status deployment.Status) {
	m.status[version] = status
	m.events = append(m.events, fmt.Sprintf("%s %s #%d", status, version, m.count[version]-1))
}

// runs takes in what runs from now on; it says how that ends.
func (m *model) runs(versions []string) {
	if len(versions) == 0 {
		return
	}
	runs := func(v string) bool { return slices.Contains(versions, v) }
	for _, v := range versions {
		if slices.Contains(m.order, v) {
			continue
		}
		m.before[v] = m.status[v]
		m.count[v]++
		if m.first {
			m.silent[v], m.status[v] = true, deployment.Completed
		} else {
			m.silent[v] = false
			m.say(v, deployment.Started)
		}
		m.order = append(m.order, v)
	}
	m.first = false
	for n := 0; n < len(m.order); n++ {
		v := m.order[n]
		older := m.order[:n]
		if m.status[v] != deployment.Started || !runs(v) || slices.ContainsFunc(older, runs) {
			continue
		}
		for _, o := range older {
			if m.status[o] == deployment.Started || m.before[v] == deployment.Completed && !m.silent[o] && m.status[o] == deployment.Completed {
				m.say(o, deployment.RolledBack)
			}
		}
		m.order = m.order[n:]
		m.say(v, deployment.Completed)
		n = 0
	}
	for _, v := range slices.Clone(m.order) {
		if runs(v) || !slices.ContainsFunc(m.order, runs) {
			continue
		}
		if m.status[v] == deployment.Started {
			m.say(v, deployment.RolledBack)
		}
		m.order = slices.DeleteFunc(m.order, func(o string) bool { return o == v })
	}
}

// random makes a script of phases that last, and says what the model makes of them. Between and in them is what must not matter:
// other instances, late telemetry, skewed clocks, restarts.
func random(r *rand.Rand) (text string, want []string) {
	m := &model{first: true, status: map[string]deployment.Status{}, silent: map[string]bool{}, count: map[string]int{}, before: map[string]deployment.Status{}}
	var b strings.Builder
	running := []string{"v1"}
	var pods, gone []string
	at := 0
	for phase := range 6 + r.IntN(6) {
		if phase > 0 {
			running = next(r, running)
		}
		pods, gone = nil, pods
		parts := make([]string, len(running))
		for n, v := range running {
			first := r.IntN(30)
			parts[n] = fmt.Sprintf("%s on %s-pod[%d-%d]", v, v, first, first+r.IntN(8))
			pods = append(pods, fmt.Sprintf("%s on %s-pod%d", v, v, first))
		}
		if len(running) == 0 {
			parts = []string{"nothing"}
		}
		fmt.Fprintf(&b, "at %ds: %s\n", at, strings.Join(parts, " | "))
		m.runs(running)
		for noise := 60; noise < 1100; noise += 60 + r.IntN(300) {
			kinds := []string{
				"restart",
				fmt.Sprintf("late %dm v%d on x%d", 2+r.IntN(40), 1+r.IntN(5), at+noise), // never seen
				fmt.Sprintf("late 20m..%dm v%d on x%d", 2+r.IntN(18), 1+r.IntN(5), at+noise),
			}
			if len(pods) > 0 {
				kinds = append(kinds, fmt.Sprintf("late 20m..%dm %s", 2+r.IntN(18), pods[r.IntN(len(pods))]))
			}
			if len(gone) > 0 { // from before it went
				kinds = append(kinds, fmt.Sprintf("late %ds..%ds %s", noise+300+r.IntN(600), noise+r.IntN(300), gone[r.IntN(len(gone))]))
			}
			fmt.Fprintf(&b, "at %ds: %s\n", at+noise, kinds[r.IntN(len(kinds))])
		}
		at += 1200 + r.IntN(600)
	}
	fmt.Fprintf(&b, "end %ds\n", at)
	return b.String(), m.events
}

// next is what runs after what does: a version comes, some go, or all do.
func next(r *rand.Rand, running []string) []string {
	running = slices.Clone(running)
	if r.IntN(8) == 0 {
		return nil
	}
	if v := fmt.Sprint("v", 1+r.IntN(5)); len(running) == 0 || r.IntN(3) > 0 && !slices.Contains(running, v) {
		running = append(running, v)
	}
	for len(running) > 1 && r.IntN(2) == 0 {
		n := r.IntN(len(running))
		running = slices.Delete(running, n, n+1)
	}
	return running
}

func TestRandomScenarios(t *testing.T) {
	for seed := range uint64(40) {
		text, want := random(rand.New(rand.NewPCG(seed, 1)))
		s := newScript(t, 1)
		s.follow(text)
		var got []string
		for n, d := range s.due {
			if d.Status != deployment.Canary {
				words := strings.Fields(s.events[n])
				got = append(got, strings.Join(words[1:4], " "))
			}
		}
		require.Equal(t, want, got, "seed %d:\n%s\n%s", seed, text, strings.Join(s.events, "\n"))
		checkDue(t, s.due)
		again := newScript(t, 1)
		again.follow(text)
		require.Equal(t, s.events, again.events)
	}
}

// checkDue checks what holds whatever happened.
func checkDue(t *testing.T, due []deployment.Deployment) {
	t.Helper()
	last := map[string]deployment.Deployment{}
	open := map[deployment.Service]map[string]string{}
	for _, d := range due {
		require.False(t, d.Start.IsZero())
		require.NotEmpty(t, d.ID)
		require.NotEqual(t, d.Version, d.Previous)
		require.Equal(t, d.Status.Over(), !d.End.IsZero())
		require.False(t, d.Status.Over() && d.End.Before(d.Start), "%+v", d)
		if before, ok := last[d.ID]; ok {
			require.GreaterOrEqual(t, rank(d.Status), rank(before.Status), "%v after %v", d, before)
			require.False(t, rank(before.Status) == rank(d.Status) && before.Status != d.Status)
			require.Equal(t, before.Version, d.Version)
			require.Equal(t, before.Start, d.Start)
			require.True(t, before.End.IsZero() || before.End.Equal(d.End))
		}
		last[d.ID] = d
		of := open[d.Service]
		if of == nil {
			of = map[string]string{}
			open[d.Service] = of
		}
		if other, ok := of[d.Version]; ok && other != d.ID {
			require.True(t, last[other].Status.Over(), "%v is open beside %v", other, d)
		}
		if !d.Status.Over() {
			of[d.Version] = d.ID
		}
	}
}
