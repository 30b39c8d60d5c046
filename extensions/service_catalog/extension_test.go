// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/metadatatest"
)

// An environment is a running extension and all it says.
type environment struct {
	*serviceCatalog
	host      *recordingHost
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
}

// A mode is a way in which changes are noticed.
type mode struct {
	pollInterval time.Duration
	newEvents    func() (*fsnotify.Watcher, error)
}

var (
	byEvents = mode{time.Hour, fsnotify.NewWatcher}
	byPoll   = mode{10 * time.Millisecond, func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }}
	byBoth   = mode{50 * time.Millisecond, fsnotify.NewWatcher}
)

// inEveryMode runs the test with file events only and with polling only.
func inEveryMode(t *testing.T, test func(t *testing.T, m mode)) {
	t.Run("events", func(t *testing.T) { test(t, byEvents) })
	t.Run("polling", func(t *testing.T) { test(t, byPoll) })
}

func newEnvironment(t testing.TB, m mode, directories ...string) *environment {
	t.Helper()
	e := &environment{host: &recordingHost{}, telemetry: componenttest.NewTelemetry()}
	settings := metadatatest.NewSettings(e.telemetry)
	var core zapcore.Core
	core, e.logs = observer.New(zap.DebugLevel)
	settings.Logger = zap.New(core)
	config := &Config{Directory: directories, PollInterval: m.pollInterval}
	require.NoError(t, config.Validate())
	var err error
	e.serviceCatalog, err = newServiceCatalog(settings, config)
	require.NoError(t, err)
	e.newEvents = m.newEvents
	e.reporter.now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	return e
}

// start starts an extension that the end of the test stops.
func start(t testing.TB, m mode, directories ...string) *environment {
	t.Helper()
	e := newEnvironment(t, m, directories...)
	require.NoError(t, e.Start(t.Context(), e.host))
	t.Cleanup(func() {
		require.NoError(t, e.Shutdown(context.Background()))
		require.NoError(t, e.telemetry.Shutdown(context.Background()))
	})
	return e
}

func (e *environment) names() []string {
	names := []string{}
	for _, s := range e.Catalog().Services {
		names = append(names, s.Name)
	}
	return names
}

func (e *environment) eventually(t testing.TB, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return fmt.Sprint(e.names()) == fmt.Sprint(want) }, 10*time.Second, 5*time.Millisecond,
		"want %v", want)
}

// outcomes waits until readings with these outcomes were logged, and no others. A slow disk may
// be read more than once with the same outcome: repetitions count once.
func (e *environment) outcomes(t testing.TB, want ...outcome) {
	t.Helper()
	got := func() (all []outcome) {
		for _, entry := range e.logs.FilterFieldKey("outcome").All() {
			all = append(all, outcome(entry.ContextMap()["outcome"].(string)))
		}
		return all
	}
	require.Eventually(t, func() bool { return slices.Equal(slices.Compact(got()), want) }, 10*time.Second, 5*time.Millisecond,
		"want %v", want)
}

// A recordingHost keeps the statuses that were reported.
type recordingHost struct {
	extensions map[component.ID]component.Component
	mu         sync.Mutex
	reported   []*componentstatus.Event
}

func (h *recordingHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

func (h *recordingHost) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reported = append(h.reported, e)
}

func (h *recordingHost) statuses() []componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []componentstatus.Status{}
	for _, e := range h.reported {
		all = append(all, e.Status())
	}
	return all
}

// eventually waits until these statuses were reported, and no others. Repetitions count once.
func (h *recordingHost) eventually(t testing.TB, want ...componentstatus.Status) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Equal(slices.Compact(h.statuses()), want) }, 10*time.Second, 5*time.Millisecond,
		"want %v", want)
}

func TestReadyWhenStartReturns(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "checkout.yaml", service("checkout"))
	write(t, dir, "team/payment.yml", service("payment"))
	e := newEnvironment(t, byEvents, dir)
	require.NotNil(t, e.Catalog(), "there is a catalog before Start, if an empty one")
	require.NoError(t, e.Start(t.Context(), e.host))
	assert.ElementsMatch(t, []string{"checkout", "payment"}, e.names())
	assert.Empty(t, e.host.statuses(), "the collector itself reports OK after Start")
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Len(t, e.Catalog().Services, 2, "the catalog outlives the extension")
	require.NoError(t, e.telemetry.Shutdown(t.Context()))
}

func TestSeveralFolders(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	write(t, one, "checkout.yaml", service("checkout"))
	write(t, two, "payment.yaml", service("payment"))
	e := start(t, byEvents, one, two)
	assert.Equal(t, []string{"checkout", "payment"}, e.names())
	write(t, two, "payment.yaml", service("shipping"))
	e.eventually(t, "checkout", "shipping")
}

func TestChangesComeIntoUse(t *testing.T) {
	inEveryMode(t, func(t *testing.T, m mode) {
		dir := t.TempDir()
		write(t, dir, "a.yaml", service("checkout"))
		e := start(t, m, dir)

		write(t, dir, "b.yaml", service("payment"))
		e.eventually(t, "checkout", "payment")
		replace(t, dir, "b.yaml", service("shipping"))
		e.eventually(t, "checkout", "shipping")
		require.NoError(t, os.Remove(filepath.Join(dir, "a.yaml")))
		e.eventually(t, "shipping")
		write(t, dir, "new/folder/c.yaml", service("z-inventory"))
		e.eventually(t, "shipping", "z-inventory")
		write(t, dir, "new/folder/c.yaml", service("z-stock"))
		e.eventually(t, "shipping", "z-stock")
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "new")))
		e.eventually(t, "shipping")
	})
}

func TestConfigMapSwap(t *testing.T) {
	inEveryMode(t, func(t *testing.T, m mode) {
		mount := &configMap{dir: t.TempDir()}
		mount.publish(t, map[string]string{"a.yaml": service("checkout")})
		e := start(t, m, mount.dir)
		assert.Equal(t, []string{"checkout"}, e.names(), "a file is read once, by its link")

		mount.publish(t, map[string]string{"a.yaml": service("checkout"), "b.yaml": service("payment")})
		e.eventually(t, "checkout", "payment")
		mount.publish(t, map[string]string{"a.yaml": service("checkout"), "b.yaml": broken("payment")})
		e.host.eventually(t, componentstatus.StatusRecoverableError)
		assert.Equal(t, []string{"checkout", "payment"}, e.names())
		mount.publish(t, map[string]string{"a.yaml": service("checkout"), "b.yaml": service("shipping")})
		e.eventually(t, "checkout", "shipping")
		e.host.eventually(t, componentstatus.StatusRecoverableError, componentstatus.StatusOK)
		mount.publish(t, map[string]string{"b.yaml": service("inventory")})
		e.eventually(t, "inventory")
	})
}

// A ConfigMap that is published again with the same files changes every link and every time.
func TestSameContentIsNoChange(t *testing.T) {
	mount := &configMap{dir: t.TempDir()}
	files := map[string]string{"a.yaml": service("checkout")}
	mount.publish(t, files)
	e := start(t, byBoth, mount.dir)
	calls := 0
	cancel := e.Subscribe(func(*catalog.Catalog) { calls++ })
	for range 5 {
		mount.publish(t, files)
		replace(t, mount.dir, "notes.txt", "not of the catalog")
	}
	// A change that does matter shows that the ones before have been looked at.
	files["b.yaml"] = service("payment")
	mount.publish(t, files)
	e.eventually(t, "checkout", "payment")
	cancel()
	assert.Equal(t, 2, calls, "at once, and for the change that matters")
	e.outcomes(t, swapped)
}

// The folder is itself a link that a deploy moves from one release to the next.
func TestLinkedFolderIsSwapped(t *testing.T) {
	base := t.TempDir()
	write(t, base, "v1/a.yaml", service("checkout"))
	write(t, base, "v2/a.yaml", service("payment"))
	link(t, "v1", base, "current")
	e := start(t, byBoth, filepath.Join(base, "current"))
	link(t, "v2", base, "next")
	require.NoError(t, os.Rename(filepath.Join(base, "next"), filepath.Join(base, "current")))
	e.eventually(t, "payment")
	write(t, base, "v2/a.yaml", service("shipping"))
	e.eventually(t, "shipping")
}

// While a file is written in pieces no service is lost, whatever is read of it in between;
// TestLook shows that pieces which follow each other are not read at all.
func TestPartialWrites(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	e := start(t, byBoth, dir)
	cancel := e.Subscribe(func(c *catalog.Catalog) { assert.Equal(t, "checkout", c.Services[0].Name) })
	f, err := os.Create(filepath.Join(dir, "b.yaml"))
	require.NoError(t, err)
	for _, b := range []byte(service("payment")) {
		_, err := f.Write([]byte{b})
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	e.eventually(t, "checkout", "payment")
	cancel()
}

// A file that stays half written is refused until it is whole.
func TestHalfAFile(t *testing.T) {
	dir := t.TempDir()
	text := service("checkout")
	write(t, dir, "a.yaml", text)
	e := start(t, byBoth, dir)
	replace(t, dir, "a.yaml", text[:len(text)-10])
	e.outcomes(t, swapped, refused)
	assert.Equal(t, []string{"checkout"}, e.names())
	replace(t, dir, "a.yaml", text)
	e.outcomes(t, swapped, refused, unchanged)
	e.host.eventually(t, componentstatus.StatusRecoverableError, componentstatus.StatusOK)
}

func TestErrorsAtRunTimeKeepTheLastGood(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	e := start(t, byBoth, dir)
	good := e.Catalog()
	calls := 0
	cancel := e.Subscribe(func(*catalog.Catalog) { calls++ })

	replace(t, dir, "b.yaml", broken("payment"))
	e.outcomes(t, swapped, refused)
	assert.Same(t, good, e.Catalog())
	replace(t, dir, "b.yaml", service("payment"))
	e.outcomes(t, swapped, refused, swapped)
	cancel()
	assert.Equal(t, 2, calls)
	e.host.eventually(t, componentstatus.StatusRecoverableError, componentstatus.StatusOK)
}

func TestErrorsAtStartDoNotTakeDownTheOthers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	write(t, dir, "b.yaml", broken("payment"))
	e := start(t, byBoth, dir)
	assert.Equal(t, []string{"checkout"}, e.names())
	e.outcomes(t, partial)
	e.host.eventually(t, componentstatus.StatusRecoverableError)
	replace(t, dir, "b.yaml", service("payment"))
	e.eventually(t, "checkout", "payment")
	e.outcomes(t, partial, swapped)
	e.host.eventually(t, componentstatus.StatusRecoverableError, componentstatus.StatusOK)
}

func TestFolderMissingAtStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	e := start(t, byBoth, dir)
	assert.Empty(t, e.names())
	e.host.eventually(t, componentstatus.StatusRecoverableError)
	write(t, dir, "a.yaml", service("checkout"))
	e.eventually(t, "checkout")
	replace(t, dir, "a.yaml", service("payment"))
	e.eventually(t, "payment")
	e.host.eventually(t, componentstatus.StatusRecoverableError, componentstatus.StatusOK)
}

func TestFolderGoesAndComesBack(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+".old") },
		"emptied": func(dir string) error { return os.Remove(filepath.Join(dir, "a.yaml")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "catalog")
			write(t, dir, "a.yaml", service("checkout"))
			e := start(t, byBoth, dir)
			require.NoError(t, remove(dir))
			e.host.eventually(t, componentstatus.StatusRecoverableError)
			assert.Equal(t, []string{"checkout"}, e.names())
			write(t, dir, "a.yaml", service("payment"))
			e.eventually(t, "payment")
			e.host.eventually(t, componentstatus.StatusRecoverableError, componentstatus.StatusOK)
		})
	}
}

// After a folder was replaced by another, file events arrive for the new one.
func TestEventsOfAFolderThatCameBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "catalog")
	write(t, dir, "sub/a.yaml", service("checkout"))
	e := start(t, byEvents, filepath.Dir(dir))
	require.NoError(t, os.Rename(dir, filepath.Join(t.TempDir(), "elsewhere")))
	write(t, dir, "sub/a.yaml", service("payment"))
	e.eventually(t, "payment")
	write(t, dir, "sub/a.yaml", service("shipping"))
	e.eventually(t, "shipping")
}

// A subscriber that is slow does not make the extension miss a change.
func TestSlowSubscriber(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	e := start(t, byBoth, dir)
	entered, proceed := make(chan string), make(chan struct{})
	e.Subscribe(func(c *catalog.Catalog) {
		if name := c.Services[0].Name; name != "checkout" {
			entered <- name
			<-proceed
		}
	})
	write(t, dir, "a.yaml", service("payment"))
	assert.Equal(t, "payment", <-entered)
	write(t, dir, "a.yaml", service("shipping"))
	proceed <- struct{}{}
	assert.Equal(t, "shipping", <-entered)
	proceed <- struct{}{}
}

// Subscribers come and go while files change, and all of them end with the last catalog.
func TestManySubscribersWhileFilesChange(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("v0"))
	e := start(t, mode{time.Millisecond, fsnotify.NewWatcher}, dir)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			seen := make(chan string, 1000)
			defer e.Subscribe(func(c *catalog.Catalog) { seen <- c.Services[0].Name })()
			for name := range seen {
				if name == "v3" {
					return
				}
			}
		})
	}
	for _, name := range []string{"v1", "v2", "v3"} {
		replace(t, dir, "a.yaml", service(name))
		e.eventually(t, name)
	}
	all.Wait()
}

func TestShutdown(t *testing.T) {
	t.Run("without a start", func(t *testing.T) {
		e := newEnvironment(t, byEvents, t.TempDir())
		require.NoError(t, e.Shutdown(t.Context()))
	})
	t.Run("twice", func(t *testing.T) {
		e := newEnvironment(t, byEvents, t.TempDir())
		require.NoError(t, e.Start(t.Context(), e.host))
		require.NoError(t, e.Shutdown(t.Context()))
		require.NoError(t, e.Shutdown(t.Context()))
	})
	t.Run("ends the calls", func(t *testing.T) {
		dir := t.TempDir()
		e := newEnvironment(t, mode{time.Millisecond, fsnotify.NewWatcher}, dir)
		require.NoError(t, e.Start(t.Context(), e.host))
		over := false
		e.Subscribe(func(*catalog.Catalog) { assert.False(t, over) })
		write(t, dir, "a.yaml", service("checkout"))
		require.NoError(t, e.Shutdown(t.Context()))
		over = true
		write(t, dir, "a.yaml", service("payment"))
	})
}

func TestFactory(t *testing.T) {
	factory := NewFactory()
	config := factory.CreateDefaultConfig()
	config.(*Config).Directory = []string{t.TempDir()}
	created, err := factory.Create(t.Context(), metadatatest.NewSettings(componenttest.NewTelemetry()), config)
	require.NoError(t, err)
	require.Implements(t, (*Source)(nil), created)
	require.NoError(t, created.Shutdown(t.Context()))
	assert.Equal(t, component.StabilityLevelAlpha, factory.Stability())
}
