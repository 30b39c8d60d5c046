// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

var checkout = deployment.Service{Name: "checkout"}

// A bench is a tracker on a clock that is set by hand.
type bench struct {
	*Tracker
	at time.Time
}

func newBench(config Config) *bench {
	b := &bench{at: epoch}
	b.Tracker = New(config, func() time.Time { return b.at })
	return b
}

// settle lets the version be seen on the instance for half a minute.
func (b *bench) settle(key deployment.Service, version, instance string) {
	for range 6 {
		b.See(Sighting{key, version, instance, b.at, 0})
		b.Due()
		b.at = b.at.Add(5 * time.Second)
	}
}

func TestServicesAreLimited(t *testing.T) {
	config := Default()
	config.MaxServices = 100
	b := newBench(config)
	b.settle(checkout, "v1", "a")
	for n := range 5000 {
		b.at = b.at.Add(time.Second)
		b.See(Sighting{checkout, "v1", "a", b.at, 0})
		b.See(Sighting{number(n), "v1", "a", b.at, 0})
	}
	stats := b.Stats()
	require.LessOrEqual(t, stats.Services, int64(100))
	require.LessOrEqual(t, stats.Instances, int64(100))
	require.Equal(t, int64(5001), stats.Services+stats.EvictedServices)
	_, ok := b.Stamp(checkout, "v1")
	require.True(t, ok, "what is seen all the time stays")
}

func TestReportsAreLimited(t *testing.T) {
	config := Default()
	config.MaxServices = 1
	b := newBench(config)
	for n := range 200 {
		err := b.Report(deployment.Deployment{Service: number(n), Version: "v1", Status: deployment.Started})
		if err != nil {
			require.ErrorContains(t, err, "1 services are tracked; there is no room for shop/service-")
			return
		}
	}
	t.Fatal("services without end were taken")
}

func TestNoTimeIsNow(t *testing.T) {
	b := newBench(Default())
	for range 3 {
		b.See(Sighting{Service: checkout, Version: "v1", Instance: "a"})
		b.at = b.at.Add(10 * time.Second)
	}
	b.Due()
	b.Running(func(_ *deployment.Deployment, instances int) { require.Equal(t, 1, instances) })
	_, ok := b.Stamp(checkout, "v1")
	require.True(t, ok)
}

func TestAHandleOutlivesItsService(t *testing.T) {
	config := Default()
	config.MaxServices = 1
	b := newBench(config)
	h := b.Handle(checkout, "v1", "a")
	h.See(b.at)
	require.False(t, b.LastSeen(checkout).IsZero())
	for n := range 200 { // one of them is in its shard
		b.at = b.at.Add(time.Second)
		b.See(Sighting{number(n), "v1", "a", b.at, 0})
	}
	require.True(t, b.LastSeen(checkout).IsZero())
	config.MaxServices = 10
	b.config = config
	b.at = b.at.Add(time.Minute)
	h.See(b.at)
	require.Equal(t, b.at.UnixNano(), b.LastSeen(checkout).UnixNano())
}

func TestVersionsAreLimited(t *testing.T) {
	b := newBench(Default())
	b.settle(checkout, "v1", "a")
	for n := range 1000 {
		b.See(Sighting{checkout, fmt.Sprint("noise-", n), "a", b.at, 0})
	}
	s := b.find(checkout)
	require.LessOrEqual(t, len(s.versions), b.config.MaxVersions)
	require.LessOrEqual(t, b.Stats().Instances, int64(b.config.MaxVersions))
	require.Empty(t, b.Due())
	// Versions that are deployed do not give way.
	config := Default()
	config.MaxVersions = 2
	b = newBench(config)
	b.settle(checkout, "v1", "a")
	for range 6 {
		b.settle(checkout, "v2", "b")
		b.See(Sighting{checkout, "v1", "a", b.at, 0})
	}
	require.Error(t, b.Report(deployment.Deployment{Service: checkout, Version: "v3", Status: deployment.Started}))
	b.See(Sighting{checkout, "v3", "c", b.at, 0})
	require.Equal(t, int64(2), b.Stats().RefusedVersions)
}

func TestPastVersionsAreLimited(t *testing.T) {
	b := newBench(Default())
	for n := range 40 {
		for range 4 {
			b.settle(checkout, fmt.Sprint("v", n), fmt.Sprint("pod-", n))
		}
	}
	s := b.find(checkout)
	require.Len(t, s.versions, b.config.History+1)
	require.Equal(t, "v39", s.newest().name)
	require.Less(t, b.Stats().Instances, int64(b.config.History+2))
}

func TestInstancesAreLimited(t *testing.T) {
	config := Default()
	config.MaxInstances = 10
	b := newBench(config)
	var due []deployment.Deployment
	for second := range 1200 {
		b.at = b.at.Add(time.Second)
		version := "v1"
		if second >= 600 {
			version = "v2"
		}
		for n := range 30 {
			b.See(Sighting{checkout, version, fmt.Sprint(version, n), b.at, 0})
		}
		due = append(due, b.Due()...)
	}
	require.Equal(t, int64(10), b.Stats().Instances)
	require.Positive(t, b.Stats().RefusedInstances)
	require.Len(t, due, 2, "versions count although not all of their instances do")
	require.Equal(t, deployment.Completed, due[1].Status)
	b.Running(func(d *deployment.Deployment, instances int) {
		require.Equal(t, "v2", d.Version)
		require.Equal(t, 10, instances, "those that are gone give way")
	})
}

func TestWhatIsHostileIsRefused(t *testing.T) {
	b := newBench(Default())
	bad := []string{strings.Repeat("v", 10_000), "v1\x1b[2J", "v\n1", "v\xff", "v\u0085"}
	for _, text := range bad {
		b.settle(checkout, text, "a")
		b.settle(deployment.Service{Name: text}, "v1", "a")
		b.settle(deployment.Service{Name: "a", Environment: text}, "v1", "a")
		b.settle(deployment.Service{Name: "a", Namespace: text}, "v1", "a")
		for _, d := range []deployment.Deployment{
			{Service: checkout, Version: text}, {Service: deployment.Service{Name: text}, Version: "v1"},
			{Service: checkout, Version: "v1", ID: text}, {Service: checkout, Version: "v1", Status: deployment.Status(text)},
		} {
			if d.Status == "" {
				d.Status = deployment.Started
			}
			err := b.Report(d)
			require.Error(t, err)
			require.Less(t, len(err.Error()), 400)
			require.True(t, utf8.ValidString(err.Error()) && !strings.ContainsFunc(err.Error(), unicode.IsControl), err)
		}
	}
	b.settle(deployment.Service{}, "v1", "a")
	require.Equal(t, int64(1), b.Stats().Services)
	require.Zero(t, b.Stats().Instances)
	require.Equal(t, int64(6*(4*len(bad)+1)), b.Stats().Invalid)
	b.settle(checkout, "v1", strings.Repeat("\x00", 10_000))
	require.Equal(t, int64(1), b.Stats().Instances, "an instance's name is not kept")
}

func TestReportsSayWhatIsWrong(t *testing.T) {
	b := newBench(Default())
	require.EqualError(t, b.Report(deployment.Deployment{Status: deployment.Started}), "service.name is missing; say what is deployed")
	require.EqualError(t, b.Report(deployment.Deployment{Service: checkout, Version: "v1", Status: "shiny"}),
		`status "shiny" is not known; use one of ["started" "canary" "completed" "rolled_back" "failed"]`)
	require.EqualError(t, b.Report(deployment.Deployment{Service: checkout, Status: deployment.Started}),
		"service.version is missing, and no deployment of checkout is known; say which version")
	b.See(Sighting{checkout, "", "a", b.at, 0})
	require.EqualError(t, b.Report(deployment.Deployment{Service: checkout, Status: deployment.Started}),
		"service.version is missing, and no deployment of checkout is known; say which version")
	for n := range 2 * mostSteps {
		version := fmt.Sprint("v", n)
		if err := b.Report(deployment.Deployment{Service: checkout, Version: version, Status: deployment.Completed}); err != nil {
			require.ErrorIs(t, err, errBusy)
			require.GreaterOrEqual(t, n, mostSteps/2)
			require.LessOrEqual(t, len(b.Due()), mostSteps+b.config.MaxVersions)
			return
		}
	}
	t.Fatal("reports without end were taken")
}

func TestNews(t *testing.T) {
	b := newBench(Default())
	report := deployment.Deployment{Service: checkout, Version: "v1", Status: deployment.Started}
	require.NoError(t, b.Report(report))
	require.Len(t, b.Due(), 1)
	report.Revision = "abc"
	require.NoError(t, b.Report(report))
	require.Empty(t, b.Due(), "at most once a second")
	report.Actor = "ada"
	require.NoError(t, b.Report(report))
	b.at = b.at.Add(time.Second)
	due := b.Due()
	require.Len(t, due, 1)
	require.Equal(t, "abc by ada", due[0].Revision+" by "+due[0].Actor)
	require.NoError(t, b.Report(report))
	b.at = b.at.Add(time.Minute)
	require.Empty(t, b.Due(), "what is known is no news")
}

func TestAliasesAreLimited(t *testing.T) {
	b := newBench(Default())
	for n := range 100 {
		require.NoError(t, b.Report(deployment.Deployment{Service: checkout, Version: "v1", ID: fmt.Sprint("id-", n), Status: deployment.Started}))
	}
	due := b.Due()
	require.Len(t, due, 1)
	require.Equal(t, "id-0", due[0].ID)
	require.Len(t, b.find(checkout).version("v1").latest.aliases, mostAliases)
}

func TestStamp(t *testing.T) {
	b := newBench(Default())
	_, ok := b.Stamp(checkout, "v1")
	require.False(t, ok)
	b.settle(checkout, "v1", "a")
	want := Stamp{ID: deployment.NewID(checkout, "v1", 0)}
	stamp, ok := b.Stamp(checkout, "v1")
	require.True(t, ok)
	require.Equal(t, want, stamp, "what was there at first sight is not recent")
	_, ok = b.Stamp(checkout, "v2")
	require.False(t, ok)

	require.NoError(t, b.Report(deployment.Deployment{Service: checkout, Version: "v2", Revision: "abc", Status: deployment.Started}))
	stamp, ok = b.Stamp(checkout, "v2")
	require.True(t, ok)
	require.Equal(t, Stamp{ID: deployment.NewID(checkout, "v2", 0), Revision: "abc", Recent: true}, stamp)
	for range 4 {
		b.settle(checkout, "v2", "b")
	}
	stamp, _ = b.Stamp(checkout, "v1")
	require.Equal(t, want, stamp, "late telemetry of v1 is still of its deployment")
	b.at = b.at.Add(b.config.Recent)
	stamp, _ = b.Stamp(checkout, "v2")
	require.False(t, stamp.Recent)
}

func TestRunning(t *testing.T) {
	b := newBench(Default())
	running := func() (all []string) {
		b.Running(func(d *deployment.Deployment, instances int) {
			all = append(all, fmt.Sprint(d.Version, " ", d.Status, " ", instances, " since ", short(d.Start.Sub(epoch))))
		})
		return all
	}
	b.settle(checkout, "v1", "a")
	b.settle(checkout, "v1", "b")
	require.Equal(t, []string{"v1 completed 2 since 0s"}, running())
	b.settle(checkout, "v2", "c")
	require.Equal(t, []string{"v1 completed 2 since 0s", "v2 started 1 since 1m"}, running())
	b.settle(checkout, "v2", "c")
	b.settle(checkout, "v2", "c")
	require.Equal(t, []string{"v2 completed 1 since 1m"}, running())
	b.at = b.at.Add(b.config.InstanceTTL)
	require.Equal(t, []string{"v2 completed 0 since 1m"}, running())
}

// Whoever reads the states of versions and no events sees that one was rolled back.
func TestUndoneIsShownForAWhile(t *testing.T) {
	b := newBench(Default())
	undone := func() (all []string) {
		b.Running(func(d *deployment.Deployment, instances int) {
			if d.Version == "v2" {
				all = append(all, fmt.Sprint(d.Status, " ", instances))
			}
		})
		return all
	}
	b.settle(checkout, "v1", "a")
	b.settle(checkout, "v2", "b")
	require.Equal(t, []string{"started 1"}, undone())
	for gone := b.at; b.at.Sub(gone) < b.config.InstanceTTL+2*b.config.Settle; {
		b.settle(checkout, "v1", "a")
	}
	b.Due()
	require.Equal(t, []string{"rolled_back 0"}, undone())
	b.at = b.at.Add(b.config.Recent)
	require.Empty(t, undone())
}

func TestLastSeen(t *testing.T) {
	b := newBench(Default())
	require.True(t, b.LastSeen(checkout).IsZero())
	b.See(Sighting{Service: checkout, Time: b.at})
	require.True(t, b.LastSeen(checkout).Equal(b.at))
	b.at = b.at.Add(time.Minute)
	b.See(Sighting{Service: checkout})
	require.True(t, b.LastSeen(checkout).Equal(b.at))
}

func TestConcurrency(t *testing.T) {
	config := Default()
	config.MaxServices = 30
	tracker := New(config, time.Now)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := range 3000 {
				key := number(n % 50)
				tracker.See(Sighting{key, fmt.Sprint("v", n%3), strconv.Itoa(worker), time.Now().Add(time.Duration(n) * time.Second), 0})
				tracker.Stamp(key, "v1")
				switch n % 100 {
				case 0:
					tracker.Due()
				case 1:
					_ = tracker.Report(deployment.Deployment{Service: key, Version: "v1", Status: deployment.Completed})
				case 2:
					tracker.Running(func(*deployment.Deployment, int) {})
				case 3:
					_ = tracker.Save(n%200 == 3, func(int, []byte) error { return nil })
				}
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, tracker.Stats().Services, int64(30+Records))
}
