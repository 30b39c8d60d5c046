// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

var sloth, pyrra = kinds[2], kinds[3]

// service is an object of the catalog's own kind, of a generation.
func service(name string, generation int64, spec map[string]any) *unstructured.Unstructured {
	if spec == nil {
		spec = map[string]any{}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": catalog.APIVersion, "kind": catalog.Kind,
		"metadata": map[string]any{
			"name": name, "namespace": "shop", "uid": "uid-" + name, "generation": generation, "resourceVersion": "1",
			"creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": []any{map[string]any{"manager": "kubectl"}},
			"labels": map[string]any{"app.kubernetes.io/managed-by": "Helm", "catalog.otelcol-sre.dev/team": "a"},
		},
		"spec": spec,
	}}
}

func objective(percent float64) map[string]any {
	return map[string]any{"slos": []any{map[string]any{"name": "availability", "objective": percent, "sli": map[string]any{"availability": map[string]any{}}}}}
}

func object(t *testing.T, from *unstructured.Unstructured) *Object {
	o, err := newObject(place{ownServices, "shop"}, from)
	require.NoError(t, err)
	return o
}

func named(c *catalog.Catalog) []string {
	names := []string{}
	for _, s := range c.Services {
		names = append(names, s.Name)
		for _, slo := range s.SLOs {
			names[len(names)-1] += fmt.Sprintf(" %v", slo.Objective)
		}
	}
	return names
}

func TestNamesAndLabelsOfOwnObjects(t *testing.T) {
	from := service("checkout", 1, nil)
	from.SetAnnotations(map[string]string{"catalog.otelcol-sre.dev/service": "Check Out", "catalog.otelcol-sre.dev/namespace": "web", "other": "a"})
	c, problems := catalog.LoadWith([]catalog.Text{{Name: "a", Text: object(t, from).text}})
	require.Empty(t, problems)
	assert.Equal(t, "Check Out", c.Services[0].Name)
	assert.Equal(t, "web", c.Services[0].Namespace)
	assert.Equal(t, map[string]string{"team": "a"}, c.Services[0].Labels)

	c, problems = catalog.LoadWith([]catalog.Text{{Name: "a", Text: object(t, service("checkout", 1, nil)).text}})
	require.Empty(t, problems)
	assert.Equal(t, "checkout", c.Services[0].Name)
	assert.Empty(t, c.Services[0].Namespace, "that of telemetry, which is another one than that of the object")
}

func TestObjectsAreCut(t *testing.T) {
	o := object(t, service("big", 1, map[string]any{"description": strings.Repeat("x", 3<<20)}))
	assert.Len(t, o.text, maxSize+1)
	r := accepted{}.read([]*Object{o}, nil)
	assert.Contains(t, r.problems().String(), "is longer than")
}

// TestAnObjectTakesNothingElseWithIt: with an error, it counts as before or not at all.
func TestAnObjectTakesNothingElseWithIt(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.yaml"),
		[]byte("apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: of-folder}\n"), 0o600))
	a := accepted{}
	read := func(objects ...*unstructured.Unstructured) reading {
		var all []*Object
		for _, o := range objects {
			all = append(all, object(t, o))
		}
		slices.SortFunc(all, older)
		return a.read(all, []string{folder})
	}
	good, better, bad := service("checkout", 1, objective(99)), service("checkout", 3, objective(99.5)), service("checkout", 2, objective(100))
	other := service("mailer", 1, nil)

	r := read(bad, other)
	assert.Equal(t, []string{"mailer", "of-folder"}, named(r.catalog), "was never good")
	assert.Empty(t, r.folders)
	assert.Len(t, r.problems().Errors(), 1)

	r = read(good, other)
	assert.Equal(t, []string{"checkout 99", "mailer", "of-folder"}, named(r.catalog))
	assert.Empty(t, r.problems())

	r = read(bad, service("mailer", 2, objective(98)))
	assert.Equal(t, []string{"checkout 99", "mailer 98", "of-folder"}, named(r.catalog), "the others change")
	assert.Contains(t, r.problems().String(), "kubernetes:shop/services.catalog.otelcol-sre.dev/checkout: error: spec.slos[0].objective: ")

	r = read(bad)
	assert.Equal(t, []string{"checkout 99", "of-folder"}, named(r.catalog), "the others go")

	r = read(better)
	assert.Equal(t, []string{"checkout 99.5", "of-folder"}, named(r.catalog))
	assert.Empty(t, r.problems())

	r = read()
	assert.Equal(t, []string{"of-folder"}, named(r.catalog))
	r = read(bad)
	assert.Equal(t, []string{"of-folder"}, named(r.catalog), "it was another object")

	r = read(service("of-folder", 1, objective(90)))
	assert.Equal(t, []string{"of-folder"}, named(r.catalog), "the folder keeps its services")
	assert.Empty(t, r.folders)
	assert.Contains(t, r.problems().String(), "is also defined at "+folder)

	younger := service("another", 1, objective(90))
	younger.SetCreationTimestamp(metav1.NewTime(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)))
	younger.SetAnnotations(map[string]string{"catalog.otelcol-sre.dev/service": "checkout"})
	r = read(younger, good)
	assert.Equal(t, []string{"checkout 99", "of-folder"}, named(r.catalog), "the older object keeps its service")
	assert.Contains(t, r.problems().String(), "services.catalog.otelcol-sre.dev/another: error: ")
}

// TestReadAgainstReference: whatever objects come, change and go, each counts as it was last without an error, and no other has a say.
func TestReadAgainstReference(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	a, now, reference := accepted{}, map[string]*Object{}, map[string]string{}
	for range 300 {
		name := fmt.Sprintf("service-%d", random.IntN(5))
		percent := []float64{100, 97, 98, 99}[random.IntN(4)]
		if random.IntN(4) == 0 {
			delete(now, name)
			delete(reference, name)
		} else {
			now[name] = object(t, service(name, 1, objective(percent)))
			if percent < 100 {
				reference[name] = fmt.Sprintf("%s %v", name, percent)
			}
		}
		var all []*Object
		for _, o := range now {
			all = append(all, o)
		}
		slices.SortFunc(all, older)
		var want []string
		for _, text := range reference {
			want = append(want, text)
		}
		require.ElementsMatch(t, want, named(a.read(all, nil).catalog))
	}
}

func TestLimits(t *testing.T) {
	s := newStore()
	young := service("young", 1, nil)
	young.SetCreationTimestamp(metav1.NewTime(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)))
	s.put(object(t, young))
	for i := range maxObjects {
		s.put(object(t, service(fmt.Sprintf("service-%d", i), 1, nil)))
	}
	now := s.snapshot()
	assert.Len(t, now.objects, maxObjects)
	require.Len(t, now.further, 1)
	assert.Equal(t, "young", now.further[0].name)
	assert.Contains(t, now.problems.String(), "services.catalog.otelcol-sre.dev/young: error: 1 objects, this one and newer ones, are left out; a collector reads at most 5000 objects and 32 MiB")
	verdicts := reading{catalog: &catalog.Catalog{}}.verdicts(now)
	assert.Equal(t, catalog.ReasonTooMany, verdicts[now.further[0]].reason)

	s = newStore()
	for i := range maxBytes>>20 + 1 {
		s.put(object(t, service(fmt.Sprintf("service-%d", i), 1, map[string]any{"description": strings.Repeat("x", 1<<20)})))
	}
	assert.Len(t, s.snapshot().objects, maxBytes>>20-1)
}

func TestVerdicts(t *testing.T) {
	s := newStore()
	for _, o := range []*unstructured.Unstructured{
		service("good", 1, objective(99)), service("bad", 2, objective(100)), service("warned", 3, map[string]any{"dependsOn": []any{"nothing"}}),
	} {
		s.put(object(t, o))
	}
	now := s.snapshot()
	got := map[string]condition{}
	none := accepted{}
	for o, c := range none.read(now.objects, nil).verdicts(now) {
		got[o.name] = c
	}
	assert.Equal(t, condition{status: "True", reason: "Accepted", message: "Service good, SLOs: 1.", generation: 1}, got["good"])
	assert.Equal(t, "False", got["bad"].status)
	assert.Equal(t, "Invalid", got["bad"].reason)
	assert.EqualValues(t, 2, got["bad"].generation)
	assert.True(t, strings.HasPrefix(got["bad"].message, "spec.slos[0].objective: "), got["bad"].message)
	assert.Equal(t, `Service warned, SLOs: 0. | warning: spec.dependsOn[0]: there is no service "nothing" in the catalog; add its file, or correct the name`, got["warned"].message)
}

func TestMessagesAreBounded(t *testing.T) {
	long := "\x1b[2J\n\u202e" + strings.Repeat("x", 1000)
	text := message("", slices.Repeat(catalog.Problems{{Position: catalog.Position{File: long}, Path: long, Message: long, Fix: long}}, 100))
	assert.LessOrEqual(t, len(text), maxMessage+3)
	assert.NotContains(t, text, "\x1b")
	assert.NotContains(t, text, "\n")
	assert.NotContains(t, text, "\u202e")
	assert.Contains(t, message("", slices.Repeat(catalog.Problems{{Message: "a"}}, 100)), "| 90 more")
}

// An applier has the statuses that were written.
type applier struct {
	mu      sync.Mutex
	written []string
	fails   error
}

func (a *applier) apply(_ context.Context, o *Object, status *unstructured.Unstructured) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fails != nil {
		return a.fails
	}
	c := conditionOf(status)
	a.written = append(a.written, fmt.Sprintf("%s %s %d since %s", o.name, c.status, c.generation, c.since))
	return nil
}

func TestStatusIsWrittenOnlyIfItDiffers(t *testing.T) {
	var a applier
	logger, logs := observer.New(zap.WarnLevel)
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := newScribe(a.apply, func() time.Time { return now }, zap.New(logger))
	verdict := func(o *Object, status string) map[*Object]condition {
		return map[*Object]condition{o: {status: status, reason: "r", message: "m", generation: o.generation}}
	}
	write := func(verdicts map[*Object]condition) []string {
		a.written = nil
		s.write(t.Context(), verdicts)
		return a.written
	}
	first := object(t, service("checkout", 1, nil))
	assert.Equal(t, []string{"checkout True 1 since 2026-03-01T00:00:00Z"}, write(verdict(first, "True")))
	assert.Empty(t, write(verdict(first, "True")), "is written")

	theirs := *first
	theirs.found = condition{"True", "r", "of another version", 1, "2026-02-01T00:00:00Z"}
	assert.Empty(t, write(verdict(&theirs, "True")), "another collector's text stays")

	again := newScribe(a.apply, s.now, zap.New(logger))
	same := *first
	same.found = condition{"True", "r", "m", 1, "2026-02-01T00:00:00Z"}
	a.written = nil
	again.write(t.Context(), verdict(&same, "True"))
	assert.Empty(t, a.written, "another collector has written it")

	changed := same
	changed.generation = 2
	assert.Equal(t, []string{"checkout True 2 since 2026-02-01T00:00:00Z"}, write(verdict(&changed, "True")), "still true")
	assert.Equal(t, []string{"checkout False 2 since 2026-03-01T00:00:00Z"}, write(verdict(&changed, "False")))

	a.fails = errors.New("no answer")
	assert.Empty(t, write(verdict(&changed, "True")))
	write(verdict(&changed, "True"))
	assert.Len(t, logs.All(), 1, "once")
	a.fails = nil
	assert.Len(t, write(verdict(&changed, "True")), 1)
	a.fails = apierrors.NewNotFound(ownServices.GroupResource(), "checkout")
	write(verdict(&changed, "False"))
	assert.Len(t, logs.All(), 1, "an object that is gone")
	write(nil)
	assert.Empty(t, s.written, "nothing is kept of objects that are gone")
}

func TestStatusIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &applier{fails: errors.New("no answer")}
		s := newScribe(a.apply, time.Now, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.run(ctx)
		}()
		o := object(t, service("checkout", 1, nil))
		s.publish(map[*Object]condition{o: {status: "False"}})
		s.publish(map[*Object]condition{o: {status: "True"}})
		synctest.Wait()
		a.mu.Lock()
		a.fails = nil
		a.mu.Unlock()
		time.Sleep(again)
		synctest.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		assert.Len(t, a.written, 1)
		assert.Contains(t, a.written[0], "checkout True")
		cancel()
		<-done
	})
}

// A server is an API server that is played.
type server struct {
	mu      sync.Mutex
	missing map[string]bool // group versions
	away    error
	client  *fake.FakeDynamicClient
	applied []string
	texts   []string
}

func newServer(objects ...runtime.Object) *server {
	lists := map[schema.GroupVersionResource]string{}
	for _, kind := range kinds {
		lists[kind] = "List"
	}
	s := &server{missing: map[string]bool{}}
	s.client = fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
	for _, object := range objects {
		o, resource := object.(*unstructured.Unstructured), ""
		for _, kind := range kinds { // the client would guess that those of Defaults are defaultses
			if kind.GroupVersion().String() == o.GetAPIVersion() && strings.HasPrefix(kind.Resource, strings.ToLower(o.GetKind())) {
				resource = kind.Resource
			}
		}
		group := o.GroupVersionKind().GroupVersion()
		if err := s.client.Tracker().Create(group.WithResource(resource), o, o.GetNamespace()); err != nil {
			panic(err)
		}
	}
	s.client.PrependReactor("patch", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		patch := action.(clienttesting.PatchAction)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.applied = append(s.applied, fmt.Sprintf("%s %s/%s %s", patch.GetPatchType(), patch.GetNamespace(), patch.GetName(), patch.GetSubresource()))
		s.texts = append(s.texts, patch.GetResource().Resource+" "+string(patch.GetPatch()))
		return true, &unstructured.Unstructured{}, nil
	})
	return s
}

func (s *server) resources(groupVersion string) (*metav1.APIResourceList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return nil, s.away
	}
	if s.missing[groupVersion] {
		return nil, apierrors.NewNotFound(schema.GroupResource{}, groupVersion)
	}
	list := &metav1.APIResourceList{}
	for _, kind := range kinds {
		if kind.GroupVersion().String() == groupVersion {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: kind.Resource})
		}
	}
	return list, nil
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) source(status bool, namespaces ...string) *Source {
	return New(Settings{Namespaces: namespaces, WriteStatus: status, Client: s.client, Resources: s.resources, Now: time.Now, Logger: zap.NewNop()})
}

// running runs the source until the end of the bubble's test.
func running(t *testing.T, source *Source, test func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		source.Run(ctx)
	}()
	synctest.Wait()
	test()
	cancel()
	<-done
}

func isReady(s *Source) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}

func TestObjectsComeChangeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elsewhere := service("elsewhere", 1, nil)
		elsewhere.SetNamespace("other")
		s := newServer(service("checkout", 1, objective(99)), elsewhere)
		source := s.source(true, "shop")
		running(t, source, func() {
			require.True(t, isReady(source))
			read := func() []string {
				synctest.Wait()
				c, problems := source.Read(nil)
				require.Empty(t, problems)
				return named(c)
			}
			assert.Equal(t, []string{"checkout 99"}, read())
			services := s.client.Resource(ownServices).Namespace("shop")
			_, err := services.Create(t.Context(), service("mailer", 1, nil), metav1.CreateOptions{})
			require.NoError(t, err)
			assert.Equal(t, []string{"checkout 99", "mailer"}, read())
			_, err = services.Update(t.Context(), service("checkout", 2, objective(98)), metav1.UpdateOptions{})
			require.NoError(t, err)
			assert.Equal(t, []string{"checkout 98", "mailer"}, read())
			changes := source.Changes()
			written := service("checkout", 2, objective(98))
			require.NoError(t, unstructured.SetNestedSlice(written.Object, []any{map[string]any{"type": "Accepted", "status": "True"}}, "status", "conditions"))
			_, err = services.Update(t.Context(), written, metav1.UpdateOptions{})
			require.NoError(t, err)
			synctest.Wait()
			assert.Equal(t, changes, source.Changes(), "a status is no change of the catalog")
			require.NoError(t, services.Delete(t.Context(), "checkout", metav1.DeleteOptions{}))
			assert.Equal(t, []string{"mailer"}, read())
			synctest.Wait()
			s.set(func() { assert.Contains(t, s.applied, string(types.ApplyPatchType)+" shop/mailer status") })
		})
	})
}

func TestKindsThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		level := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "sloth.slok.dev/v1", "kind": "PrometheusServiceLevel", "metadata": map[string]any{"name": "a", "namespace": "shop"},
			"spec": map[string]any{"service": "checkout", "slos": []any{map[string]any{
				"name": "requests", "objective": 99.9, "alerting": map[string]any{"name": "A"},
				"sli": map[string]any{"raw": map[string]any{"errorRatioQuery": "sum(rate(a[{{.window}}]))"}},
			}}},
		}}
		s := newServer(level)
		s.missing[sloth.GroupVersion().String()] = true
		source := s.source(false, "shop")
		running(t, source, func() {
			require.True(t, isReady(source))
			c, _ := source.Read(nil)
			assert.Empty(t, c.Services)
			s.set(func() { s.missing = map[string]bool{} })
			time.Sleep(lookEvery)
			synctest.Wait()
			c, problems := source.Read(nil)
			require.NoError(t, problems.Err())
			assert.Equal(t, []string{"checkout 99.9"}, named(c))

			s.set(func() { s.missing = map[string]bool{sloth.GroupVersion().String(): true} })
			time.Sleep(lookEvery)
			synctest.Wait()
			c, _ = source.Read(nil)
			assert.Len(t, c.Services, 1, "may be known again")
			time.Sleep(lookEvery)
			synctest.Wait()
			c, _ = source.Read(nil)
			assert.Empty(t, c.Services)
		})
	})
}

func TestAPIServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(service("checkout", 1, nil))
		s.away = errors.New("connection refused")
		source := s.source(false, "shop")
		running(t, source, func() {
			assert.False(t, isReady(source))
			c, problems := source.Read(nil)
			assert.Empty(t, c.Services)
			assert.Contains(t, problems.String(), "kubernetes:API server: error: the API server does not answer, so its objects are not in the catalog; check ")
			s.set(func() { s.away = nil })
			time.Sleep(lookAgain)
			synctest.Wait()
			assert.True(t, isReady(source))
			c, problems = source.Read(nil)
			assert.Empty(t, problems)
			assert.Equal(t, []string{"checkout"}, named(c))

			s.set(func() { s.away = errors.New("connection refused") })
			time.Sleep(10 * lookEvery)
			synctest.Wait()
			c, problems = source.Read(nil)
			assert.Empty(t, problems)
			assert.Equal(t, []string{"checkout"}, named(c), "what was read last goes on")
		})
	})
}

// defaults are an object of that kind.
func defaults(name string, spec map[string]any) *unstructured.Unstructured {
	o := service(name, 1, spec)
	o.SetKind(catalog.KindDefaults)
	o.SetAnnotations(map[string]string{"catalog.otelcol-sre.dev/service": "not a service", "catalog.otelcol-sre.dev/namespace": "x"})
	return o
}

func TestDefaultsAreObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(service("checkout", 1, objective(99)), defaults("all", objective(99.5)), defaults("wrong", map[string]any{"slos": []any{map[string]any{
			"name": "a", "objective": 99.0, "sli": map[string]any{"prometheus": map[string]any{"errorRatio": "avg_over_time(a[{{.window}}])"}}}}}))
		source := s.source(true, "shop")
		running(t, source, func() {
			c, problems := source.Read(nil)
			require.Len(t, c.Defaults, 1)
			assert.Equal(t, "all", c.Defaults[0].Name)
			assert.Equal(t, []string{"checkout 99"}, named(c))
			assert.InDelta(t, 99.5, c.ByDefault("web", "mailer").SLOs[0].Objective, 0)
			require.Len(t, problems.Errors(), 1)
			assert.Contains(t, problems.String(), "kubernetes:shop/defaults.catalog.otelcol-sre.dev/wrong: error: spec.slos[0].sli.prometheus")
			synctest.Wait()
			s.set(func() {
				all := strings.Join(s.texts, "\n")
				for _, want := range []string{`"kind":"Defaults"`, `"kind":"Service"`, "Defaults all, SLOs: 1.", "Service checkout, SLOs: 1.", "defaults {", "services {"} {
					assert.Contains(t, all, want)
				}
			})
		})
	})
}

// memoryOf is a store in contrib's file_storage.
func memoryOf(t *testing.T, folder string) *checkpoint.Store {
	t.Helper()
	factory, id := filestorage.NewFactory(), component.MustNewID("file_storage")
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = folder
	extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), nil))
	t.Cleanup(func() { require.NoError(t, extension.Shutdown(context.Background())) })
	store, err := checkpoint.Open(t.Context(), hostOf{id: extension}, &id, component.KindExtension, component.MustNewID("service_catalog"), MemoryVersion)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.Background())) })
	return store
}

type hostOf map[component.ID]component.Component

func (h hostOf) GetExtensions() map[component.ID]component.Component { return h }

// A collector that starts while the API server is away has the objects of before, as they were without an error last.
func TestObjectsOfAnEarlierRun(t *testing.T) {
	store := memoryOf(t, t.TempDir())
	level := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sloth.slok.dev/v1", "kind": "PrometheusServiceLevel", "metadata": map[string]any{"name": "a", "namespace": "shop", "uid": "uid-a"},
		"spec": map[string]any{"service": "by-sloth", "slos": []any{map[string]any{
			"name": "requests", "objective": 99.9, "alerting": map[string]any{"name": "A"},
			"sli": map[string]any{"raw": map[string]any{"errorRatioQuery": "sum(rate(a[{{.window}}]))"}},
		}}},
	}}
	run := func(s *server, namespace string, test func(source *Source, read func() (string, catalog.Problems))) {
		synctest.Test(t, func(t *testing.T) {
			source := s.source(true, namespace)
			require.NoError(t, source.Recall(t.Context(), store))
			running(t, source, func() {
				test(source, func() (string, catalog.Problems) {
					synctest.Wait()
					c, problems := source.Read(nil)
					all := named(c)
					for _, d := range c.Defaults {
						all = append(all, "defaults "+d.Name)
					}
					synctest.Wait()
					return strings.Join(all, ", "), problems
				})
			})
		})
	}
	const everything = "by-sloth 99.9, checkout 99, mailer, defaults all"
	away := errors.New("connection refused")

	first := newServer(service("checkout", 1, objective(99)), service("mailer", 1, nil), service("never-good", 1, objective(100)), defaults("all", objective(99.5)), level)
	run(first, "shop", func(_ *Source, read func() (string, catalog.Problems)) {
		got, _ := read()
		assert.Equal(t, everything, got)
		_, err := first.client.Resource(ownServices).Namespace("shop").Update(t.Context(), service("checkout", 2, objective(100)), metav1.UpdateOptions{})
		require.NoError(t, err)
		got, problems := read()
		assert.Equal(t, everything, got, "as it was")
		assert.Len(t, problems.Errors(), 2)
	})

	second := newServer(service("checkout", 2, objective(100)), service("payment", 1, objective(90)), defaults("all", objective(99.5)), level)
	second.away = away
	run(second, "shop", func(source *Source, read func() (string, catalog.Problems)) {
		got, problems := read()
		assert.Equal(t, everything, got, "those of before, without the one that never was good")
		require.Len(t, problems, 1)
		assert.Equal(t, "the API server does not answer, so its objects are as they were when this collector read them last", problems[0].Message)
		assert.False(t, isReady(source))
		assert.Empty(t, second.applied, "nothing is known of their status")
		second.set(func() { second.away = nil })
		time.Sleep(lookAgain)
		got, problems = read()
		assert.Equal(t, "by-sloth 99.9, checkout 99, payment 90, defaults all", got, "what was deleted meanwhile is gone; what is wrong now counts as before")
		assert.Len(t, problems.Errors(), 1)
		second.set(func() { assert.Len(t, second.applied, 3, "one of each own object: %v", second.applied) })
	})

	third := newServer()
	third.away = away
	run(third, "other", func(_ *Source, read func() (string, catalog.Problems)) {
		got, problems := read()
		assert.Empty(t, got, "of a namespace that is not read any more")
		assert.Contains(t, problems.String(), "are not in the catalog")
	})
	run(third, "shop", func(_ *Source, read func() (string, catalog.Problems)) {
		got, _ := read()
		assert.Empty(t, got, "nothing was kept of it then")
	})
}

// A kind that the API server does not know any more takes its objects with it, also those of an earlier run.
func TestKindsThatWentWhileTheCollectorWasAway(t *testing.T) {
	store := memoryOf(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		source := newServer(service("checkout", 1, nil)).source(false, "shop")
		require.NoError(t, source.Recall(t.Context(), store))
		running(t, source, func() { source.Read(nil) })

		none := newServer()
		none.missing[ownServices.GroupVersion().String()] = true
		source = none.source(false, "shop")
		require.NoError(t, source.Recall(t.Context(), store))
		running(t, source, func() {
			c, _ := source.Read(nil)
			assert.Equal(t, []string{"checkout"}, named(c), "may be known again")
			time.Sleep(lookEvery)
			synctest.Wait()
			c, _ = source.Read(nil)
			assert.Empty(t, c.Services)
		})
	})
}

// A damaged record does not take the others with it.
func TestDamagedRecords(t *testing.T) {
	store := memoryOf(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s := newServer(service("checkout", 1, nil), service("mailer", 1, nil))
		source := s.source(false, "shop")
		require.NoError(t, source.Recall(t.Context(), store))
		running(t, source, func() { source.Read(nil) })
		require.NoError(t, store.Save(t.Context(), checkpoint.Record{Key: "kubernetes:shop/services.catalog.otelcol-sre.dev/mailer", Payload: []byte("{")}))
		s.away = errors.New("connection refused")
		source = s.source(false, "shop")
		require.Error(t, source.Recall(t.Context(), store))
		c, _ := source.Read(nil)
		assert.Equal(t, []string{"checkout"}, named(c))

		require.NoError(t, store.Save(t.Context(), checkpoint.Record{Key: keyNames, Payload: []byte("{")}))
		source = s.source(false, "shop")
		require.Error(t, source.Recall(t.Context(), store))
		c, _ = source.Read(nil)
		assert.Empty(t, c.Services)
	})
}

func TestForbiddenKindsAreProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(service("checkout", 1, nil))
		s.client.PrependReactor("list", pyrra.Resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, &apierrors.StatusError{ErrStatus: metav1.Status{
				Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: `User "a" cannot list resource "servicelevelobjectives"`,
			}}
		})
		source := s.source(false, "shop")
		running(t, source, func() {
			assert.True(t, isReady(source), "the start does not wait for what is refused")
			c, problems := source.Read(nil)
			assert.Equal(t, []string{"checkout"}, named(c))
			assert.Equal(t, `kubernetes:shop/servicelevelobjectives.pyrra.dev: error: cannot be read: User "a" cannot list resource "servicelevelobjectives"; `+
				"apply the Role of deploy/kustomize/components/catalog-objects in this namespace; what was read before stays in use\n", problems.String())
			assert.True(t, IsObject(problems[0].Position))
		})
	})
}
