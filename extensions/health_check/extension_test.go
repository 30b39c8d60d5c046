// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-sre/otelcol-sre/extensions/health_check/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, of := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[webserver.Keys]()} {
		for field := range of.Fields() {
			if key := field.Tag.Get("mapstructure"); key != "" && !strings.HasPrefix(key, ",") {
				assert.Contains(t, string(text), "| `"+key)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		keys map[string]any
		want string
	}{
		"default":        {nil, ""},
		"no endpoint":    {map[string]any{"endpoint": ""}, "endpoint: is empty; set the host:port to answer on"},
		"no connections": {map[string]any{"max_connections": -1}, "max_connections: is -1; set it above 0"},
		"a word":         {map[string]any{"path": "health"}, `path: is "health"; begin it with /, and use no braces or spaces`},
		"a pattern":      {map[string]any{"path": "/{"}, `path: is "/{"; begin it with /, and use no braces or spaces`},
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
}

// begin starts the extension with some keys, and returns it and a request to it.
func begin(t *testing.T, keys map[string]any) (*health, func(path string) (int, string)) {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.NetAddr.Endpoint = "localhost:0"
	require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(config))
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), config)
	require.NoError(t, err)
	h := e.(*health)
	require.NoError(t, h.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, h.Shutdown(context.WithoutCancel(t.Context()))) })
	return h, func(path string) (int, string) {
		response, err := http.Get("http://" + h.server.Address.String() + path)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(text)
	}
}

func TestReadyWhilePipelinesRun(t *testing.T) {
	h, get := begin(t, nil)
	status, text := get("/any")
	assert.Equal(t, http.StatusServiceUnavailable, status, "before the pipelines run")
	assert.Contains(t, text, "Server not available")
	require.NoError(t, h.Ready())
	status, text = get("/")
	assert.Equal(t, http.StatusOK, status)
	var answer map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	assert.Equal(t, "Server available", answer["status"])
	assert.NotEmpty(t, answer["uptime"])
	require.NoError(t, h.NotReady())
	status, _ = get("/")
	assert.Equal(t, http.StatusServiceUnavailable, status, "when the pipelines stop")
}

func TestAnswersOfOnesOwn(t *testing.T) {
	h, get := begin(t, map[string]any{"path": "/ready", "response_body": map[string]any{"healthy": "up", "unhealthy": "down"}})
	status, text := get("/ready")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "down", text)
	require.NoError(t, h.Ready())
	status, text = get("/ready")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "up", text)
	status, _ = get("/")
	assert.Equal(t, http.StatusNotFound, status)
}
