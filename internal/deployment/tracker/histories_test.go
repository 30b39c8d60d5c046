// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A line of a script, and when.
type line struct {
	at   int
	text string
}

// history is a random history in one place, without the noise of random, but with versions written in several ways, and reports of them in any
// order: before and after they are seen, in full and in part, with and without a version.
func history(r *rand.Rand, place string) (lines []line, want []string) {
	m := &model{first: true, status: map[string]deployment.Status{}, silent: map[string]bool{}, count: map[string]int{}, before: map[string]deployment.Status{}}
	running := []string{"v1"}
	at, run := 0, 0
	write := func(v string) string { // v3 in one of the ways
		return fmt.Sprintf([]string{"1.%s.0", "v1.%s.0", "release-1.%s.0", "1.%s.0+build.9"}[r.IntN(4)], v[1:])
	}
	for phase := range 5 + r.IntN(5) {
		if phase > 0 {
			running = next(r, running)
		}
		var parts []string
		for _, v := range running {
			for pod := range 1 + r.IntN(3) {
				parts = append(parts, fmt.Sprintf("%s on %s-pod%d", write(v), v, pod+3*r.IntN(3)))
			}
		}
		if len(parts) == 0 {
			parts = []string{"nothing"}
		}
		told := len(m.events)
		came := slices.DeleteFunc(slices.Clone(running), func(v string) bool { return slices.Contains(m.order, v) })
		lines = append(lines, line{at, place + strings.Join(parts, " | ")})
		m.runs(running)
		if place == "" && phase > 0 && len(came) == 1 {
			v := came[0]
			run++
			version := ""
			if r.IntN(2) == 0 {
				version = write(v)
			}
			// Seconds before and after it is seen.
			begins, ends := r.IntN(90)-50, 200+r.IntN(600)
			if version != "" {
				begins = r.IntN(300)
			}
			say := func(after int, status, version string) {
				lines = append(lines, line{at + after, fmt.Sprintf("report %s %s id=run%d actor=ada start=%ds", status, version, run, at+min(begins, after))})
			}
			if r.IntN(4) > 0 {
				say(begins, "started", version)
			}
			completes := slices.Contains(m.events[told:], fmt.Sprintf("%s %s #%d", deployment.Completed, v, m.count[v]-1))
			if completes && r.IntN(2) == 0 {
				say(ends, "completed", version)
				if r.IntN(3) == 0 {
					say(ends+10, "started", version) // out of order
				}
			}
		}
		at += 1300 + r.IntN(600)
	}
	lines = append(lines, line{at, "restart"})
	return lines, m.events
}

// outcomesOf are the steps in the words of the model: what is told again with more facts is told once.
func outcomesOf(due []deployment.Deployment, cluster string) (got []string) {
	said := map[string]bool{}
	count := map[string]int{}
	number := map[string]int{}
	for _, d := range due {
		if d.Status == deployment.Canary || d.Cluster != cluster || said[d.ID+string(d.Status)] {
			continue
		}
		said[d.ID+string(d.Status)] = true
		v := "v" + strings.Split(d.Version, ".")[1]
		if _, ok := number[d.ID]; !ok {
			number[d.ID] = count[v]
			count[v]++
		}
		got = append(got, fmt.Sprintf("%s %s #%d", d.Status, v, number[d.ID]))
	}
	return got
}

// withoutCounts leaves out which deployment of a version it is: what is there at first sight has no marker, so that those who count
// markers count one less.
func withoutCounts(events []string) (all []string) {
	for _, event := range events {
		event, _, _ = strings.Cut(event, " #")
		all = append(all, event)
	}
	return all
}

func TestRandomHistories(t *testing.T) {
	told, steps := 0, 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 7))
		where := []string{""}
		if seed%2 == 1 {
			where = clusters
		}
		var lines []line
		want := map[string][]string{}
		for _, cluster := range where {
			place := ""
			if cluster != "" {
				place = cluster + ": "
			}
			more, events := history(r, place)
			lines, want[cluster] = append(lines, more...), events
		}
		slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
		s := newScript(t, 1)
		s.every = 10 * time.Second
		var text strings.Builder
		for _, one := range lines {
			fmt.Fprintf(&text, "at %ds: %s\n", one.at, one.text)
		}
		s.follow(text.String() + fmt.Sprintf("end %ds\n", lines[len(lines)-1].at+10))
		for cluster, events := range want {
			require.Equal(t, withoutCounts(events), withoutCounts(outcomesOf(s.due, cluster)), "seed %d %s:\n%s\n%s", seed, cluster, text.String(), strings.Join(s.events, "\n"))
		}
		checkDue(t, s.due)
		for _, d := range s.due {
			steps++
			if d.Actor == "ada" {
				told++
			}
		}
	}
	require.Greater(t, steps, 2000)
	require.Greater(t, told, 500)
}
