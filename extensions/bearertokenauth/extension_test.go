// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package bearertokenauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-sre/otelcol-sre/extensions/bearertokenauth/internal/metadatatest"
)

// A running extension with a file. Tests read the file, not the clock, unless they set an interval.
type running struct {
	*tokens
	t         *testing.T
	path      string
	telemetry *componenttest.Telemetry
}

func start(t *testing.T, text string, keys map[string]any) running {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	config := createDefaultConfig().(*Config)
	config.ReloadInterval = time.Hour
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"filename": path}).Unmarshal(config))
	require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	telemetry := componenttest.NewTelemetry()
	set := extensiontest.NewNopSettings(NewFactory().Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := NewFactory().Create(t.Context(), set, config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		require.NoError(t, e.Shutdown(ctx))
		require.NoError(t, telemetry.Shutdown(ctx))
	})
	return running{e.(*tokens), t, path, telemetry}
}

// valid reports whether a client with a token is let in, over HTTP and over gRPC.
func (r running) valid(token string) bool {
	_, http := r.Authenticate(r.t.Context(), map[string][]string{"Authorization": {"Bearer " + token}})
	_, grpc := r.Authenticate(r.t.Context(), map[string][]string{"authorization": {"Bearer " + token}})
	require.Equal(r.t, http == nil, grpc == nil)
	return http == nil
}

func (r running) write(text string) { require.NoError(r.t, os.WriteFile(r.path, []byte(text), 0o600)) }

// However the file is replaced, its tokens are the valid ones.
func TestFileIsReadAgain(t *testing.T) {
	r := start(t, "one for checkout\n\n two\n", nil)
	assert.True(t, r.valid("one"))
	assert.True(t, r.valid("two"))
	for _, token := range []string{"", "for", "One", "one two", "three"} {
		assert.False(t, r.valid(token), token)
	}
	for name, replace := range map[string]func(){
		"written": func() { r.write("new\n") },
		"removed and created again": func() {
			require.NoError(t, os.Remove(r.path))
			r.reload()
			assert.True(t, r.valid("one"), "while there is no file")
			r.write("new\n")
		},
		"renamed": func() {
			require.NoError(t, os.WriteFile(r.path+".new", []byte("new\n"), 0o600))
			require.NoError(t, os.Rename(r.path+".new", r.path))
		},
		"a link, as Kubernetes mounts it": func() {
			require.NoError(t, os.WriteFile(r.path+".data", []byte("new"), 0o600))
			require.NoError(t, os.Remove(r.path))
			require.NoError(t, os.Symlink(r.path+".data", r.path))
		},
	} {
		replace()
		r.reload()
		assert.True(t, r.valid("new"), name)
		assert.False(t, r.valid("one"), name)
		require.NoError(t, os.Remove(r.path))
		r.write("one\n")
		r.reload()
		assert.True(t, r.valid("one"), name)
	}
}

// An empty file revokes everything, but not one that is being written.
func TestEmptyFileRevokes(t *testing.T) {
	r := start(t, "one\n", nil)
	r.write("")
	r.reload()
	assert.True(t, r.valid("one"), "it may be in the middle of being written")
	r.write("two\n")
	r.reload()
	assert.True(t, r.valid("two"))
	assert.False(t, r.valid("one"))

	r.write("\n  \n")
	r.reload()
	r.reload()
	assert.False(t, r.valid("two"))
	assert.False(t, r.valid(""))
	_, err := r.Authenticate(t.Context(), map[string][]string{"Authorization": {"Bearer two"}})
	require.ErrorContains(t, err, "no token is valid: the file of tokens is empty")
	r.reload()
	require.NoError(t, os.Remove(r.path))
	r.reload()
	assert.False(t, r.valid("two"), "what was revoked stays revoked")
	r.write("three\n")
	r.reload()
	assert.True(t, r.valid("three"))
	metadatatest.AssertEqualExtensionBearertokenauthReloads(t, r.telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("outcome", "changed")), Value: 2},
		{Attributes: attribute.NewSet(attribute.String("outcome", "revoked")), Value: 1},
		{Attributes: attribute.NewSet(attribute.String("outcome", "failed")), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
}

func TestStartsEmpty(t *testing.T) {
	r := start(t, "", nil)
	assert.False(t, r.valid(""))
	r.write("one")
	r.reload()
	assert.True(t, r.valid("one"))
}

func TestLargeFileIsRefused(t *testing.T) {
	r := start(t, "one", nil)
	r.write(strings.Repeat("two\n", maxFile/4+1))
	r.reload()
	assert.True(t, r.valid("one"))
	assert.False(t, r.valid("two"))
}

func TestClockReadsTheFile(t *testing.T) {
	r := start(t, "one", map[string]any{"reload_interval": "1ms"})
	r.write("two")
	require.Eventually(t, func() bool { return r.valid("two") }, 30*time.Second, time.Millisecond)
}

// A client sends the first token, as it is now.
func TestClient(t *testing.T) {
	r := start(t, "one\ntwo\n", nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Got", r.Header.Get("Authorization"))
	}))
	defer server.Close()
	transport, err := r.RoundTripper(http.DefaultTransport)
	require.NoError(t, err)
	perRPC, err := r.PerRPCCredentials()
	require.NoError(t, err)
	assert.True(t, perRPC.RequireTransportSecurity())
	for _, want := range []string{"one", "three"} {
		r.write(want + "\ntwo")
		r.reload()
		answer, err := (&http.Client{Transport: transport}).Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, "Bearer "+want, answer.Header.Get("Got"))
		sent, err := perRPC.GetRequestMetadata(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"authorization": "Bearer " + want}, sent)
	}
	r.write("")
	r.reload()
	r.reload()
	_, err = (&http.Client{Transport: transport}).Get(server.URL) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, errNoToken)
	_, err = perRPC.GetRequestMetadata(t.Context())
	require.ErrorIs(t, err, errNoToken)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// What contrib's extension takes, this one takes.
func TestKeysOfContrib(t *testing.T) {
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"tokens": []any{"a", "b"}, "header": "X-Key", "scheme": ""}).Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(NewFactory().Type()), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	for token, valid := range map[string]bool{"a": true, "b": true, "c": false} {
		_, err := e.(*tokens).Authenticate(t.Context(), map[string][]string{"X-Key": {token}})
		assert.Equal(t, valid, err == nil, token)
	}
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Equal(t, upstream.NewFactory().Type(), NewFactory().Type())
}

func TestWrongConfig(t *testing.T) {
	config := createDefaultConfig().(*Config)
	require.ErrorContains(t, config.Validate(), "no bearer token provided; set one of filename, tokens and token")
	config.Filename = filepath.Join(t.TempDir(), "missing")
	config.ReloadInterval = 0
	require.ErrorContains(t, config.Validate(), "reload_interval: is 0s; set it above 0")
	config.ReloadInterval = time.Hour
	require.NoError(t, config.Validate())
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(NewFactory().Type()), config)
	require.NoError(t, err)
	err = e.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorContains(t, err, "missing: no such file or directory; create the file, with a token in each line")
	require.NoError(t, e.Shutdown(t.Context()))
}
