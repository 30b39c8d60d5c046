// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incidents

import (
	"context"
	"errors"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"

	statuspage "github.com/otelcol-sre/otelcol-sre/extensions/status_page"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/receivers/incidents/internal/metadata"
)

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		keys map[string]any
		want string
	}{
		"default":      {nil, ""},
		"interval":     {map[string]any{"interval": "0s"}, "interval: 0s is too short; use 1s or more"},
		"no address":   {map[string]any{"page_url": "sre.example.com"}, "page_url: is not a base URL"},
		"a password":   {map[string]any{"page_url": "https://a:b@sre.example.com"}, "page_url: is not a base URL without a password"},
		"another page": {map[string]any{"status_page": "status_page/2", "storage": "file_storage"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			config := createDefaultConfig()
			require.NoError(t, confmap.NewFromStringMap(test.keys).Unmarshal(config))
			err := confmap.Validate(config)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
	require.ErrorContains(t, (&Config{Interval: time.Hour, PageURL: "https://a"}).Validate(), "status_page: is empty")
}

func TestEveryKeyIsDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for field := range reflect.TypeFor[Config]().Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" {
			assert.Contains(t, string(readme), "\n| `"+key+"` | ")
		}
	}
}

// known are the incidents of a page.
type known struct {
	mu      sync.Mutex
	history book.History
}

func (k *known) History(context.Context, time.Duration) book.History {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.history
}

// says changes what the page says: from when on it has read the record, and an error.
func (k *known) says(since time.Time, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history.Since, k.history.Err = since, err
}

func (k *known) set(state incident.State, services ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now().UTC()
	one := incident.Incident{ID: "20261121-030200-0a1b2c3d", State: state, Page: true, Start: now.Add(-3 * time.Minute), Alerted: now}
	for _, name := range services {
		one.Services = append(one.Services, incident.Affected{Service: incident.Service{Name: name, Environment: "production"}})
	}
	if state == incident.Resolved {
		one.End = now
	}
	k.history.Incidents, k.history.Read = []incident.Incident{one}, now
}

// A sink refuses for as long as it is told to.
type sink struct {
	consumertest.LogsSink
	refuses atomic.Bool
}

func (s *sink) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	if s.refuses.Load() {
		return errors.New("full")
	}
	return s.LogsSink.ConsumeLogs(ctx, logs)
}

func (s *sink) names() (all []string) {
	for _, logs := range s.AllLogs() {
		for _, rl := range logs.ResourceLogs().All() {
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				all = append(all, record.EventName())
			}
		}
	}
	return all
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

func withStorage(t *testing.T) (host, component.ID) {
	t.Helper()
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = t.TempDir()
	extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), nil))
	t.Cleanup(func() { require.NoError(t, extension.Shutdown(context.Background())) })
	id := component.MustNewID("file_storage")
	return host{id: extension}, id
}

func begin(t *testing.T, h host, storage component.ID, page statuspage.Incidents, next *sink) *announcer {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.Storage, config.PageURL = &storage, "https://sre.example.com/"
	set := receivertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	a, err := newAnnouncer(set, config, next)
	require.NoError(t, err)
	require.NoError(t, a.begin(t.Context(), h, page))
	return a
}

// An event that is refused comes again, none comes twice, and a restart goes on where it was.
func TestAnnounces(t *testing.T) {
	h, storage := withStorage(t)
	synctest.Test(t, func(t *testing.T) {
		page := &known{}
		next := &sink{}
		wait := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		a := begin(t, h, storage, page, next)
		wait(time.Minute)
		assert.Empty(t, next.names(), "nothing was read yet")
		page.says(time.Now(), nil)
		page.set(incident.Open, "payment")
		wait(time.Minute)
		assert.Empty(t, next.names(), "older days are being read")
		long := time.Now().Add(-2 * book.Length)
		page.says(long, errors.New("down"))
		wait(time.Minute)
		assert.Empty(t, next.names())
		next.refuses.Store(true)
		page.says(long, nil)
		wait(time.Minute)
		assert.Empty(t, next.names())
		next.refuses.Store(false)
		wait(time.Minute)
		require.Equal(t, []string{"incident.started"}, next.names())
		rl := next.AllLogs()[0].ResourceLogs().At(0)
		assert.Equal(t, map[string]any{"service.name": "payment", "deployment.environment.name": "production"}, rl.Resource().Attributes().AsRaw())
		link, _ := rl.ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("incident.url")
		assert.Equal(t, "https://sre.example.com/incidents/20261121-030200-0a1b2c3d", link.Str())
		require.NoError(t, a.Shutdown(t.Context()))

		a = begin(t, h, storage, page, next)
		wait(time.Minute)
		assert.Equal(t, []string{"incident.started"}, next.names(), "a restart is not news")
		page.set(incident.Open, "payment", "checkout")
		wait(time.Minute)
		require.NoError(t, a.Shutdown(t.Context()))
		page.set(incident.Resolved, "payment", "checkout")
		a = begin(t, h, storage, page, next)
		wait(time.Minute)
		require.NoError(t, a.Shutdown(t.Context()))
		assert.Equal(t, []string{"incident.started", "incident.updated", "incident.resolved"}, next.names())
	})
}

// What was saved and makes no sense is set aside; what is open is announced again.
func TestDamagedState(t *testing.T) {
	h, storage := withStorage(t)
	synctest.Test(t, func(t *testing.T) {
		page, next := &known{}, &sink{}
		for range 2 {
			a := begin(t, h, storage, page, next)
			page.says(time.Now().Add(-2*book.Length), nil)
			page.set(incident.Open, "payment")
			time.Sleep(time.Minute)
			synctest.Wait()
			a.loop.Stop()
			require.NoError(t, a.save(t.Context(), []byte("no JSON")))
			require.NoError(t, a.store.Close(t.Context()))
		}
		assert.Equal(t, []string{"incident.started", "incident.started"}, next.names())
	})
}

func TestStart(t *testing.T) {
	start := func(h component.Host, page string) error {
		config := createDefaultConfig().(*Config)
		if page != "" {
			config.StatusPage = component.MustNewIDWithName("status_page", page)
		}
		a, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), config, consumertest.NewNop())
		require.NoError(t, err)
		if err := a.Start(t.Context(), h); err != nil {
			return err
		}
		return a.Shutdown(t.Context())
	}
	require.NoError(t, start(componenttest.NewNopHost(), ""), "without a page there are no incidents")
	require.ErrorContains(t, start(componenttest.NewNopHost(), "2"), `status_page: no extension "status_page/2" is running; add it`)
	id := component.MustNewID("status_page")
	require.ErrorContains(t, start(host{id: nil}, ""), `status_page: extension "status_page" is not a status page`)

	factory := statuspage.NewFactory()
	config := factory.CreateDefaultConfig().(*statuspage.Config)
	config.ServerConfig.NetAddr.Endpoint = "localhost:0"
	page, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, page.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, start(host{id: page}, ""))
	require.NoError(t, page.Shutdown(t.Context()))
}
