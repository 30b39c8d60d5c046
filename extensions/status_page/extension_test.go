// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/extension/extensiontest"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// create makes an extension that asks a Prometheus that is not there.
func create(t *testing.T, change func(*Config)) *statusPage {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.ServerConfig.NetAddr.Endpoint = "localhost:0"
	config.Prometheus.Endpoint = "http://localhost:1"
	change(config)
	require.NoError(t, config.Validate())
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(NewFactory().Type()), config)
	require.NoError(t, err)
	return e.(*statusPage)
}

func (s *statusPage) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + s.server.Address.String() + path)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// catalogs are extensions of one service each.
func catalogs(t *testing.T, services map[string]string) host {
	h := host{component.MustNewID("file_storage"): nil}
	for id, service := range services {
		directory := t.TempDir()
		text := fmt.Sprintf("apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: %s}\nspec: {owner: x, slos: [{name: availability, objective: 99, sli: {availability: {}}}]}\n", service)
		require.NoError(t, os.WriteFile(filepath.Join(directory, "service.yaml"), []byte(text), 0o600))
		factory := servicecatalog.NewFactory()
		config := factory.CreateDefaultConfig().(*servicecatalog.Config)
		config.Directory = []string{directory}
		e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, e.Shutdown(context.Background())) })
		var name component.ID
		require.NoError(t, name.UnmarshalText([]byte(id)))
		h[name] = e
	}
	return h
}

func TestServesTheCatalogThatRuns(t *testing.T) {
	h := catalogs(t, map[string]string{"service_catalog": "checkout", "service_catalog/other": "payment"})
	other := component.MustNewIDWithName("service_catalog", "other")
	for service, change := range map[string]func(*Config){
		"checkout": func(*Config) {},
		"payment":  func(c *Config) { c.Catalog = &other },
	} {
		s := create(t, change)
		require.NoError(t, s.Start(t.Context(), h))
		status, body := s.get(t, "/catalog")
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, body, `href="/services/`+service+`"`)
		status, body = s.get(t, "/")
		assert.Equal(t, http.StatusOK, status, "without a Prometheus")
		assert.Contains(t, body, "Some queries to Prometheus at http://localhost:1 failed")
		require.NoError(t, s.Shutdown(t.Context()))
	}
}

func TestSaysWhatIsWrongWithTheCatalog(t *testing.T) {
	s := create(t, func(*Config) {})
	require.NoError(t, s.Start(t.Context(), catalogs(t, map[string]string{"service_catalog": "checkout, color: red"})))
	_, body := s.get(t, "/catalog")
	assert.Contains(t, body, "has 1 error.")
	assert.Contains(t, body, "service.yaml:3:", "the line of the key that is not known")
	require.NoError(t, s.Shutdown(t.Context()))
}

// What an Alertmanager is asked with is what the configuration says.
func TestClientOfTheAlertmanager(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer server.Close()
	s := create(t, func(c *Config) {
		c.Alertmanager.Endpoint = server.URL
		c.Alertmanager.Headers = configopaque.MapList{{Name: "Authorization", Value: "Bearer secret"}}
	})
	require.NoError(t, s.Start(t.Context(), host{}))
	resp, err := s.silences.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "Bearer secret", got)
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestStartWithoutACatalog(t *testing.T) {
	s := create(t, func(*Config) {})
	require.NoError(t, s.Start(t.Context(), host{}))
	_, body := s.get(t, "/catalog")
	assert.Contains(t, body, "No service is loaded.")
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	first := create(t, func(*Config) {})
	require.NoError(t, first.Start(t.Context(), host{}))
	missing, storage := component.MustNewIDWithName("service_catalog", "missing"), component.MustNewID("file_storage")
	for want, change := range map[string]func(*Config){
		`catalog: no extension "service_catalog/missing" is running`:  func(c *Config) { c.Catalog = &missing },
		`catalog: extension "file_storage" is not a service catalog`:  func(c *Config) { c.Catalog = &storage },
		"endpoint: cannot listen on " + first.server.Address.String(): func(c *Config) { c.ServerConfig.NetAddr.Endpoint = first.server.Address.String() },
		"prometheus: failed to load TLS config":                       func(c *Config) { c.Prometheus.Endpoint, c.Prometheus.TLS.CAFile = "https://x", "/missing" },
	} {
		s := create(t, change)
		require.ErrorContains(t, s.Start(t.Context(), catalogs(t, nil)), want)
		require.NoError(t, s.Shutdown(t.Context()), "what started ends")
	}
	require.NoError(t, first.Shutdown(t.Context()))
}
