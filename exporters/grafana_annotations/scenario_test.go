// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// region is what a test expects of an annotation.
type region struct {
	id, status string
	start, end int // minutes after noon
}

func regions(g *grafanatest.Grafana) []region {
	var all []region
	for _, a := range g.Annotations() {
		r := region{start: int(a.Start().Sub(noon).Minutes()), end: int(a.End().Sub(noon).Minutes())}
		for _, tag := range a.Tags {
			if len(tag) > 10 && tag[:10] == "deploy_id:" {
				r.id = tag[10:]
			} else if len(tag) > 7 && tag[:7] == "status:" {
				r.status = tag[7:]
			}
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b region) int { return a.start - b.start })
	return all
}

// threeDeployments are the reports of a good one, one rolled back and one in canary.
func threeDeployments() []plog.Logs {
	one, two, three := deploy("one", "1.1", 0), deploy("two", "1.2", 20), deploy("three", "1.3", 40)
	one.Previous, one.Revision, one.Repository = "1.0", "0123456789abcdef0123456789abcdef01234567", "https://git.example.com/shop/checkout"
	return []plog.Logs{
		reported(one, deployment.Started, 0), reported(one, deployment.Completed, 5),
		reported(two, deployment.Started, 20), reported(two, deployment.Canary, 25), reported(two, deployment.RolledBack, 35),
		reported(three, deployment.Started, 40), reported(three, deployment.Canary, 50),
	}
}

var threeRegions = []region{{"one", "completed", 0, 5}, {"two", "rolled_back", 20, 35}, {"three", "canary", 40, 40}}

func TestThreeDeployments(t *testing.T) {
	grafana := grafanatest.New(token)
	e := running(t, configFor(serve(t, grafana)))
	for _, logs := range threeDeployments() {
		logs.MarkReadOnly()
		require.NoError(t, e.ConsumeLogs(t.Context(), logs))
	}
	require.NoError(t, e.Shutdown(t.Context()), "it sends what is in the queue")
	require.Equal(t, threeRegions, regions(grafana))
	i := slices.IndexFunc(grafana.Annotations(), func(a grafanatest.Annotation) bool { return a.Has("deploy_id:one") })
	first := grafana.Annotations()[i]
	require.Equal(t, []string{"deploy", "deploy_id:one", "status:completed", "service:checkout", "environment:production",
		"version:1.1", "namespace:shop"}, first.Tags)
	require.Equal(t, `<b>shop/checkout</b> 1.1 in production: deployment complete after 5m0s (before: 1.0)`+
		`<br>commit <a href="https://git.example.com/shop/checkout/commit/0123456789abcdef0123456789abcdef01234567" target="_blank">0123456789</a>`, first.Text)
}

// Whatever comes twice or in another order, in one process or with restarts between, the annotations are the same.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	var want []string
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 0))
		all := append(threeDeployments(), threeDeployments()...)
		if seed > 0 {
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		grafana := grafanatest.New(token)
		endpoint := serve(t, grafana)
		e, _ := started(t, configFor(endpoint))
		for _, logs := range all {
			require.NoError(t, e.push(t.Context(), logs))
			if random.IntN(3) == 0 {
				e, _ = started(t, configFor(endpoint))
			}
		}
		require.Equal(t, threeRegions, regions(grafana), "seed %d", seed)
		var got []string
		for _, a := range grafana.Annotations() {
			got = append(got, a.Text)
		}
		slices.Sort(got)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got, "seed %d", seed)
	}
}

// Requests fail in every way, then Grafana is down for a while and comes back: nothing is lost, nothing is there twice.
func TestFaultsLoseAndDoubleNothing(t *testing.T) {
	faults := []*grafanatest.Fault{
		{Status: 500}, {Status: 500, Late: true}, {Late: true}, {}, {Status: 502, Body: "<html>Bad Gateway</html>"},
		{Status: 200, Body: `{"id":`, Late: true}, {Status: 200, Body: "<html>starting</html>"}, {Status: 429, Late: true}, {Status: 408},
		{Status: 503, Header: http.Header{"Retry-After": {"0"}}},
	}
	for seed := range uint64(10) {
		grafana := grafanatest.New(token)
		var n atomic.Int64
		grafana.Intercept(func(*http.Request) *grafanatest.Fault {
			at := n.Add(1)
			if at > 60 || at%3 == 0 {
				return nil
			}
			return faults[rand.New(rand.NewPCG(seed, uint64(at))).IntN(len(faults))]
		})
		e := running(t, configFor(serve(t, grafana)))
		for _, logs := range threeDeployments() {
			require.NoError(t, e.ConsumeLogs(t.Context(), logs))
		}
		require.Eventually(t, func() bool { return slices.Equal(threeRegions, regions(grafana)) }, 20*time.Second, time.Millisecond, "seed %d", seed)
		require.NoError(t, e.Shutdown(t.Context()))
		require.Equal(t, threeRegions, regions(grafana), "seed %d", seed)
	}
}

func TestGrafanaRestarts(t *testing.T) {
	grafana := grafanatest.New(token)
	server := httptest.NewServer(grafana)
	e := running(t, configFor(server.URL))
	all := threeDeployments()
	require.NoError(t, e.ConsumeLogs(t.Context(), all[0]))
	require.Eventually(t, func() bool { return len(grafana.Annotations()) == 1 }, 10*time.Second, time.Millisecond)
	server.Close()
	for _, logs := range all[1:] {
		require.NoError(t, e.ConsumeLogs(t.Context(), logs))
	}
	listener, err := net.Listen("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	again := &http.Server{Handler: grafana, ReadHeaderTimeout: time.Second}
	var served sync.WaitGroup
	served.Go(func() { _ = again.Serve(listener) })
	require.Eventually(t, func() bool { return slices.Equal(threeRegions, regions(grafana)) }, 20*time.Second, time.Millisecond)
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, again.Close())
	served.Wait()
}

// What could not be sent before the collector stopped is sent by the next one.
func TestQueueSurvives(t *testing.T) {
	factory := filestorage.NewFactory()
	storageID := component.NewID(factory.Type())
	storageConfig := factory.CreateDefaultConfig().(*filestorage.Config)
	storageConfig.Directory = t.TempDir()
	grafana := grafanatest.New(token)
	var down atomic.Bool
	down.Store(true)
	grafana.Intercept(func(*http.Request) *grafanatest.Fault {
		if down.Load() {
			return &grafanatest.Fault{Status: 500}
		}
		return nil
	})
	config := configFor(serve(t, grafana))
	config.QueueConfig.Get().StorageID = &storageID
	live := func(during func(consume func(plog.Logs))) {
		storage, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), storageConfig)
		require.NoError(t, err)
		require.NoError(t, storage.Start(t.Context(), componenttest.NewNopHost()))
		h := withAuth(t)
		h.extensions[storageID] = storage
		set, _ := settingsWith(nil)
		e, err := NewFactory().CreateLogs(t.Context(), set, config)
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), h))
		during(func(logs plog.Logs) { require.NoError(t, e.ConsumeLogs(t.Context(), logs)) })
		require.NoError(t, e.Shutdown(t.Context()))
		require.NoError(t, storage.Shutdown(t.Context()))
	}
	live(func(consume func(plog.Logs)) {
		for _, logs := range threeDeployments() {
			consume(logs)
		}
		require.Eventually(t, func() bool { return len(grafana.Requests()) > 0 }, 10*time.Second, time.Millisecond)
	})
	require.Empty(t, grafana.Annotations())
	down.Store(false)
	live(func(func(plog.Logs)) {
		require.Eventually(t, func() bool { return slices.Equal(threeRegions, regions(grafana)) }, 20*time.Second, time.Millisecond)
	})
}

// Many at once report the same deployments: in one process they wait for each other.
func TestWorkersOfOneProcess(t *testing.T) {
	grafana := grafanatest.New(token)
	e, _ := started(t, configFor(serve(t, grafana)))
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for _, logs := range threeDeployments() {
				if err := e.push(t.Context(), logs); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	require.Equal(t, threeRegions, regions(grafana))
	for _, r := range grafana.Requests() {
		require.NotEqual(t, http.MethodDelete, r.Method)
	}
}

// Two collectors look the deployment up before either has created it: the slower one takes its own annotation back, and goes
// on with the other's.
func TestTwoProcesses(t *testing.T) {
	grafana := grafanatest.New(token)
	var gets atomic.Int64
	both := make(chan struct{})
	grafana.Intercept(func(r *http.Request) *grafanatest.Fault {
		if r.Method == http.MethodGet {
			switch gets.Add(1) {
			case 1:
				<-both
			case 2:
				close(both)
			}
		}
		return nil
	})
	endpoint := serve(t, grafana)
	d := deploy("one", "1.1", 0)
	var collectors sync.WaitGroup
	for range 2 {
		e, _ := started(t, configFor(endpoint))
		collectors.Go(func() {
			for _, logs := range []plog.Logs{reported(d, deployment.Started, 0), reported(d, deployment.Completed, 5)} {
				if err := e.push(t.Context(), logs); err != nil {
					t.Error(err)
				}
			}
		})
	}
	collectors.Wait()
	require.Equal(t, []region{{"one", "completed", 0, 5}}, regions(grafana))
	posts := 0
	for _, r := range grafana.Requests() {
		if r.Method == http.MethodPost {
			posts++
		}
	}
	require.Equal(t, 2, posts, "the test made them meet")
}
