// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// Notes are taken where clients have authenticated, or are on this machine.
func TestWhereNotesAreTaken(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:8686": true, "[::1]:8686": true, "0.0.0.0:8686": false, "[::]:8686": false, "10.1.2.3:8686": false} {
		at, err := net.ResolveTCPAddr("tcp", address)
		require.NoError(t, err)
		c := createDefaultConfig().(*Config)
		assert.Equal(t, want, c.writable(at), address)
		c.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: component.MustNewID("basicauth")}})
		assert.True(t, c.writable(at), address)
	}
	assert.True(t, createDefaultConfig().(*Config).writable(&net.UnixAddr{Name: "/run/page"}))
}

// stored is a host with contrib's file_storage, its files in a folder.
func stored(t *testing.T, folder string) host {
	t.Helper()
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = folder
	extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, extension.Shutdown(t.Context())) })
	return host{component.MustNewID("file_storage"): extension}
}

// A note is kept at once: a collector that is killed after it has it when it starts again.
func TestNotesAreKept(t *testing.T) {
	id := component.MustNewID("file_storage")
	folder := t.TempDir()
	one := &incident.Incident{ID: "20261121-030200-0a1b2c3d"}
	h := stored(t, folder)
	first := create(t, func(c *Config) { c.Storage = &id })
	require.NoError(t, first.Start(t.Context(), h))
	n, err := book.NewNote("Ada", "rolled back", time.Now())
	require.NoError(t, err)
	require.NoError(t, first.book.AddNote(one, n))
	left, leave := context.WithCancel(t.Context())
	leave()
	require.NoError(t, first.keepNotes(left))
	payload, err := first.store.Load(t.Context(), notesKey) // what is on the disk then
	require.NoError(t, err)
	assert.Contains(t, string(payload), "rolled back")
	require.NoError(t, first.Shutdown(t.Context()))

	second := create(t, func(c *Config) { c.Storage = &id })
	second.id = first.id
	require.NoError(t, second.Start(t.Context(), h))
	history := second.book.History(t.Context(), time.Hour)
	assert.Equal(t, []book.Note{{At: n.At, Author: "Ada", Text: "rolled back"}}, history.Notes(one))
	require.NoError(t, second.Shutdown(t.Context()))
}

// Damaged notes are set aside, and the pages are there.
func TestDamagedNotes(t *testing.T) {
	id := component.MustNewID("file_storage")
	h := stored(t, t.TempDir())
	first := create(t, func(c *Config) { c.Storage = &id })
	require.NoError(t, first.Start(t.Context(), h))
	require.NoError(t, first.store.Save(t.Context(), checkpoint.Record{Key: notesKey, Payload: []byte(`{"one": []}`)}))
	require.NoError(t, first.Shutdown(t.Context()))
	second := create(t, func(c *Config) { c.Storage = &id })
	second.id = first.id
	require.NoError(t, second.Start(t.Context(), h))
	payload, err := second.store.Load(t.Context(), notesKey)
	require.NoError(t, err)
	assert.Nil(t, payload)
	status, _ := second.get(t, "/runbooks/")
	assert.Equal(t, http.StatusOK, status)
	require.NoError(t, second.Shutdown(t.Context()))
}

// The server takes a form from this machine, and none from a page of another origin.
func TestFormsAreGuarded(t *testing.T) {
	s := create(t, func(*Config) {})
	require.NoError(t, s.Start(t.Context(), host{}))
	send := func(header ...string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.server.Address.String()+"/incidents/one/notes", strings.NewReader(url.Values{"author": {"Ada"}, "text": {"x"}}.Encode()))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(text)
	}
	status, text := send()
	assert.Equal(t, http.StatusServiceUnavailable, status, text) // Prometheus does not answer, so no incident is known
	status, _ = send("Origin", "https://evil.example.com")
	assert.Equal(t, http.StatusForbidden, status)
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, s.Shutdown(t.Context()))
}

type silent struct{}

func (silent) Explain(attribution.Question) (attribution.Answer, bool) {
	return attribution.Answer{}, false
}

// Keepers may come at any time.
func TestKeepAttribution(t *testing.T) {
	s := create(t, func(*Config) {})
	before := s.explainers.all()
	var shelf attribution.Shelf = s
	shelf.KeepAttribution(silent{})
	shelf.KeepAttribution(silent{})
	assert.Empty(t, before)
	assert.Len(t, s.explainers.all(), 2)
	require.NoError(t, s.Shutdown(t.Context()))
}
