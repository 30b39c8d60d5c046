// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/rest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/objects"
)

var services = schema.GroupVersionResource{Group: catalog.Group, Version: "v1", Resource: catalog.Plural}

func entry(name string, objective float64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": catalog.APIVersion, "kind": catalog.Kind, "metadata": map[string]any{"name": name, "namespace": "shop"},
		"spec": map[string]any{"slos": []any{map[string]any{"name": "a", "objective": objective, "sli": map[string]any{"availability": map[string]any{}}}}},
	}}
}

// connected are the objects of a source that knows the catalog's own kind only.
func connected(client dynamic.Interface) func(*Kubernetes, *zap.Logger) (*objects.Source, error) {
	return func(config *Kubernetes, logger *zap.Logger) (*objects.Source, error) {
		return objects.New(objects.Settings{
			Namespaces: config.Namespaces, Client: client, Now: time.Now, Logger: logger,
			Resources: func(groupVersion string) (*metav1.APIResourceList, error) {
				list := &metav1.APIResourceList{}
				if groupVersion == catalog.APIVersion {
					list.APIResources = []metav1.APIResource{{Name: catalog.Plural}}
				}
				return list, nil
			},
		}), nil
	}
}

func TestFoldersAndObjects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{services: "ServiceList"}, entry("mailer", 99))
	e := newEnvironment(t, byBoth, dir)
	e.config.Kubernetes = configoptional.Some(Kubernetes{Namespaces: []string{"shop"}})
	e.connect = connected(client)
	require.NoError(t, e.Start(t.Context(), e.host))
	defer func() { require.NoError(t, e.Shutdown(t.Context())) }()
	assert.Equal(t, []string{"checkout", "mailer"}, e.names(), "objects are read when Start returns")
	assert.Empty(t, e.Problems())

	shop := client.Resource(services).Namespace("shop")
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

// The last object may go, but not the last file: an unmounted folder looks the same.
func TestTheLastObjectMayGo(t *testing.T) {
	dir := t.TempDir()
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{services: "ServiceList"}, entry("mailer", 99))
	e := newEnvironment(t, byBoth, dir)
	e.config.Kubernetes = configoptional.Some(Kubernetes{Namespaces: []string{"shop"}})
	e.connect = connected(client)
	require.NoError(t, e.Start(t.Context(), e.host))
	defer func() { require.NoError(t, e.Shutdown(t.Context())) }()
	assert.Empty(t, e.Problems(), "the folder may be empty")
	require.NoError(t, client.Resource(services).Namespace("shop").Delete(t.Context(), "mailer", metav1.DeleteOptions{}))
	e.eventually(t)
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
