// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// drive lets time pass, and returns what is announced.
func drive(total, every time.Duration, declared bool, send func(see func(version, instance string), at time.Duration)) (events []string, b *bench) {
	b = newBench(Default())
	b.Fleets(func(deployment.Service) bool { return declared })
	for at := time.Duration(0); at < total; at += time.Second {
		b.at = epoch.Add(at)
		if at%every == 0 {
			send(func(version, instance string) {
				b.See(Sighting{Service: checkout, Version: version, Instance: instance, Time: b.at})
			}, at)
		}
		if at%(5*time.Second) != 0 {
			continue
		}
		for _, d := range b.Due() {
			events = append(events, fmt.Sprintf("%s %s %d", d.Status, d.Version, d.Adoption))
		}
	}
	return events, b
}

func TestReleasesToAFleet(t *testing.T) {
	for _, versions := range []int{17, 60, 300} {
		for _, declared := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d old versions, declared %v", versions, declared), func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, 3))
				var told time.Duration
				events, b := drive(150*time.Minute, 5*time.Second, declared, func(see func(string, string), at time.Duration) {
					for range 40 {
						version := fmt.Sprintf("5.%d", r.IntN(versions))
						// It grows to half of the users in 90 minutes.
						if at > 30*time.Minute && r.IntN(5400) < min(int(at.Seconds())-1800, 5400)/2 {
							version = "9.0"
						}
						see(version, fmt.Sprint("session", r.IntN(5000)))
					}
				})
				require.Equal(t, []string{"started 9.0 0", "started 9.0 10", "started 9.0 50"}, first(events, 3))
				require.LessOrEqual(t, len(events), 3)
				b.Running(func(d *deployment.Deployment, _ int) {
					if d.Version == "9.0" {
						told = b.at.Sub(d.Start)
					}
				})
				require.Positive(t, told)
				require.LessOrEqual(t, len(b.find(checkout).versions), mostClients)
				require.Zero(t, b.Stats().Instances)
			})
		}
	}
}

func first(all []string, n int) []string { return all[:min(n, len(all))] }

func TestTabsThatStayOpen(t *testing.T) {
	for _, declared := range []bool{true, false} {
		r := rand.New(rand.NewPCG(3, 3))
		events, _ := drive(12*time.Hour, 10*time.Second, declared, func(see func(string, string), at time.Duration) {
			current := int(at / (30 * time.Minute))
			for range 15 {
				back := 0
				if r.IntN(3) == 0 {
					back = r.IntN(20)
				}
				see(fmt.Sprintf("c%03d", max(current-back, 0)), fmt.Sprint("tab", r.IntN(20_000)))
			}
		})
		started := map[string]int{}
		var order []string
		for _, event := range events {
			var status, version string
			var adoption int
			_, err := fmt.Sscan(event, &status, &version, &adoption)
			require.NoError(t, err)
			require.Equal(t, "started", status, event)
			if adoption == 0 {
				started[version]++
				order = append(order, version)
			}
		}
		require.Len(t, order, 23, "one marker a release: %v", order)
		require.IsIncreasing(t, order)
	}
}

func TestAFleetIsSaved(t *testing.T) {
	b := newBench(Default())
	b.Fleets(func(deployment.Service) bool { return true })
	send := func(minutes int, versions ...string) (events []string) {
		for range minutes * 12 {
			for n, version := range versions {
				b.See(Sighting{Service: checkout, Version: version, Instance: strconv.Itoa(n), Time: b.at})
			}
			for _, d := range b.Due() {
				events = append(events, fmt.Sprintf("%s %s %d", d.Status, d.Version, d.Adoption))
			}
			b.at = b.at.Add(5 * time.Second)
		}
		return events
	}
	require.Empty(t, send(30, "1.0", "1.1"))
	require.Equal(t, []string{"started 2.0 0", "started 2.0 10"}, send(5, "1.0", "1.1", "2.0"))
	again := New(b.config, b.now)
	for n, record := range records(t, b.Tracker, true) {
		require.NoError(t, again.Restore(n, record))
	}
	b.Tracker = again
	require.Equal(t, []string{"started 2.0 50", "started 2.0 90"}, send(30, "2.0"))
}

func TestFewVersionsAreNoFleet(t *testing.T) {
	events, b := drive(time.Hour, 5*time.Second, false, func(see func(string, string), at time.Duration) {
		for n := range 7 {
			if at >= time.Duration(n)*2*time.Minute {
				see(fmt.Sprint("v", n), fmt.Sprint("pod", n))
			}
		}
	})
	require.False(t, b.find(checkout).fleet)
	require.NotEmpty(t, events)
}
