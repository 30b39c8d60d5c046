// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/objects"
)

var services = schema.GroupVersionResource{Group: catalog.Group, Version: "v1", Resource: catalog.Plural}

// lists are the kinds of lists of the catalog's own objects.
var lists = map[schema.GroupVersionResource]string{services: "ServiceList", services.GroupVersion().WithResource(catalog.PluralDefaults): "DefaultsList"}

func entry(name string, objective float64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": catalog.APIVersion, "kind": catalog.Kind, "metadata": map[string]any{"name": name, "namespace": "shop"},
		"spec": map[string]any{"slos": []any{map[string]any{"name": "a", "objective": objective, "sli": map[string]any{"availability": map[string]any{}}}}},
	}}
}

// connected are the objects of a source that knows the catalog's own kinds only.
func connected(client dynamic.Interface) func(*Kubernetes, *zap.Logger) (*objects.Source, error) {
	return func(config *Kubernetes, logger *zap.Logger) (*objects.Source, error) {
		return objects.New(objects.Settings{
			Namespaces: config.Namespaces, Client: client, Now: time.Now, Logger: logger,
			Resources: func(groupVersion string) (*metav1.APIResourceList, error) {
				list := &metav1.APIResourceList{}
				if groupVersion == catalog.APIVersion {
					list.APIResources = []metav1.APIResource{{Name: catalog.Plural}, {Name: catalog.PluralDefaults}}
				}
				return list, nil
			},
		}), nil
	}
}

func TestFoldersAndObjects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, entry("mailer", 99))
	e := newEnvironment(t, byBoth, dir)
	e.config.Kubernetes = configoptional.Some(Kubernetes{Namespaces: []string{"shop"}})
	e.connect = connected(client)
	require.NoError(t, e.Start(t.Context(), e.host))
	defer func() { require.NoError(t, e.Shutdown(t.Context())) }()
	assert.Equal(t, []string{"checkout", "mailer"}, e.names(), "objects are read when Start returns")
	assert.Empty(t, e.Problems())

	shop := client.Resource(services).Namespace("shop")
	watched(t, client, catalog.Plural)
	_, err := shop.Create(t.Context(), entry("broken", 100), metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return e.Reading().Errors == 1 }, 10*time.Second, 5*time.Millisecond)
	assert.Equal(t, "kubernetes:shop/services.catalog.otelcol-sre.dev/broken", e.Problems()[0].File)
	assert.True(t, e.Reading().Partial)

	_, err = shop.Create(t.Context(), entry("payment", 99), metav1.CreateOptions{})
	require.NoError(t, err)
	e.eventually(t, "checkout", "mailer", "payment")
	require.NoError(t, shop.Delete(t.Context(), "mailer", metav1.DeleteOptions{}))
	e.eventually(t, "checkout", "payment")
	replace(t, dir, "a.yaml", service("shipping"))
	e.eventually(t, "payment", "shipping")
	replace(t, dir, "a.yaml", broken("shipping"))
	require.Eventually(t, func() bool { return e.Reading().Refused }, 10*time.Second, 5*time.Millisecond)
	replace(t, dir, "a.yaml", service("shipping"))
	require.NoError(t, shop.Delete(t.Context(), "broken", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool { return e.Reading().Errors == 0 }, 10*time.Second, 5*time.Millisecond)
}

// A collector that restarts while the API server is away keeps its SLOs, and has those of its folder.
func TestRestartWithoutTheAPIServer(t *testing.T) {
	dir, storage := t.TempDir(), component.MustNewID("file_storage")
	write(t, dir, "a.yaml", service("checkout"))
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = t.TempDir()
	keeper, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, keeper.Start(t.Context(), nil))
	defer func() { require.NoError(t, keeper.Shutdown(context.Background())) }()
	start := func(connect func(*Kubernetes, *zap.Logger) (*objects.Source, error)) *environment {
		e := newEnvironment(t, byBoth, dir)
		e.config.Kubernetes = configoptional.Some(Kubernetes{Namespaces: []string{"shop"}, Storage: &storage})
		e.connect, e.host.extensions = connect, map[component.ID]component.Component{storage: keeper}
		assert.Equal(t, []component.ID{storage}, e.Dependencies())
		require.NoError(t, e.Start(t.Context(), e.host))
		return e
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, entry("mailer", 99))
	e := start(connected(client))
	assert.Equal(t, []string{"checkout", "mailer"}, e.names())
	require.NoError(t, e.Shutdown(t.Context()))

	e = start(func(config *Kubernetes, logger *zap.Logger) (*objects.Source, error) {
		return objects.New(objects.Settings{
			Namespaces: config.Namespaces, Client: client, Now: time.Now, Logger: logger,
			Resources: func(string) (*metav1.APIResourceList, error) { return nil, errors.New("connection refused") },
		}), nil
	})
	defer func() { require.NoError(t, e.Shutdown(t.Context())) }()
	assert.Equal(t, []string{"checkout", "mailer"}, e.names())
	assert.True(t, e.Reading().Partial)
	assert.Contains(t, e.Problems().String(), "its objects are as they were when this collector read them last")
}

func TestStorageThatIsNotThere(t *testing.T) {
	storage := component.MustNewID("file_storage")
	e := newEnvironment(t, byBoth, t.TempDir())
	e.config.Kubernetes = configoptional.Some(Kubernetes{Namespaces: []string{"shop"}, Storage: &storage})
	e.connect = connected(fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists))
	require.ErrorContains(t, e.Start(t.Context(), e.host), `no extension "file_storage" is running`)
	require.NoError(t, e.Shutdown(t.Context()))
}

// The last object may go, but not the last file: an unmounted folder looks the same.
func TestTheLastObjectMayGo(t *testing.T) {
	dir := t.TempDir()
	byDefault := entry("all", 99)
	byDefault.SetKind(catalog.KindDefaults)
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, entry("mailer", 99))
	defaults := client.Resource(services.GroupVersion().WithResource(catalog.PluralDefaults)).Namespace("shop")
	_, err := defaults.Create(t.Context(), byDefault, metav1.CreateOptions{})
	require.NoError(t, err)
	e := newEnvironment(t, byBoth, dir)
	e.config.Kubernetes = configoptional.Some(Kubernetes{Namespaces: []string{"shop"}})
	e.connect = connected(client)
	require.NoError(t, e.Start(t.Context(), e.host))
	defer func() { require.NoError(t, e.Shutdown(t.Context())) }()
	assert.Empty(t, e.Problems(), "the folder may be empty")
	assert.Len(t, e.Catalog().Defaults, 1)
	watched(t, client, catalog.Plural, catalog.PluralDefaults)
	require.NoError(t, client.Resource(services).Namespace("shop").Delete(t.Context(), "mailer", metav1.DeleteOptions{}))
	e.eventually(t)
	require.NoError(t, defaults.Delete(t.Context(), "all", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool { return len(e.Catalog().Defaults) == 0 }, 10*time.Second, 5*time.Millisecond)
	assert.Empty(t, e.Problems().Errors())
}

// watched waits until resources are watched: the fake API server forgets what changes between their list and their watch.
func watched(t *testing.T, client *fake.FakeDynamicClient, resources ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		actions := client.Actions()
		return !slices.ContainsFunc(resources, func(resource string) bool {
			return !slices.ContainsFunc(actions, func(a clienttesting.Action) bool { return a.Matches("watch", resource) })
		})
	}, 10*time.Second, 5*time.Millisecond)
}

func TestNotInACluster(t *testing.T) {
	for name, test := range map[string]struct {
		err error
		fix string
	}{
		"no pod":   {rest.ErrNotInCluster, "run the collector in a pod with automountServiceAccountToken: true"},
		"no token": {fmt.Errorf("token: %w", errors.New("is gone")), "correct this and restart the collector"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "a.yaml", service("checkout"))
			e := newEnvironment(t, byBoth, dir)
			e.config.Kubernetes = configoptional.Some(Kubernetes{})
			e.connect = func(*Kubernetes, *zap.Logger) (*objects.Source, error) { return nil, test.err }
			require.NoError(t, e.Start(t.Context(), e.host))
			assert.Equal(t, []string{"checkout"}, e.names(), "the folder is read")
			assert.Contains(t, e.Problems().String(), "objects are not read: "+test.err.Error()+"; "+test.fix)
			require.NoError(t, e.Shutdown(t.Context()))
		})
	}
}

func TestKubernetesIsOffUnlessItIsThere(t *testing.T) {
	for name, test := range map[string]struct {
		config map[string]any
		want   bool
	}{
		"absent": {map[string]any{}, false},
		"empty":  {map[string]any{"kubernetes": map[string]any{}}, true},
		"own":    {map[string]any{"kubernetes": map[string]any{"namespaces": "", "write_status": true}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			config := createDefaultConfig().(*Config)
			require.NoError(t, confmap.NewFromStringMap(test.config).Unmarshal(config))
			require.Equal(t, test.want, config.Kubernetes.HasValue())
			if test.want {
				assert.True(t, config.Kubernetes.Get().WriteStatus)
				assert.Empty(t, config.Kubernetes.Get().Namespaces)
			}
		})
	}
}
