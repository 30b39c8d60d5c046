// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ownmetrics

import (
	"context"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	upstream "go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/extensions/own_metrics/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/extensions/own_metrics/telemetry"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for field := range reflect.TypeFor[webserver.Keys]().Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" {
			assert.Contains(t, string(text), "| `"+key+"` |")
		}
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		keys map[string]any
		want string
	}{
		"default":        {nil, ""},
		"no endpoint":    {map[string]any{"endpoint": ""}, "endpoint: is empty; set the host:port to serve /metrics on"},
		"no connections": {map[string]any{"max_connections": 0}, "max_connections: is 0; set it above 0"},
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

// begin starts a collector's telemetry of some keys, and the extension. It returns what the extension serves, and its log.
func begin(t *testing.T, keys string) (string, *observer.ObservedLogs) {
	t.Helper()
	conf, err := confmap.NewRetrievedFromYAML([]byte(keys))
	require.NoError(t, err)
	raw, err := conf.AsConf()
	require.NoError(t, err)
	factory := telemetry.NewFactory()
	config := factory.CreateDefaultConfig()
	require.NoError(t, raw.Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	set := upstream.MeterSettings{Settings: upstream.Settings{Resource: new(pcommon.NewResource())}, Logger: zap.NewNop()}
	set.Resource.Attributes().PutStr("service.name", "otelcol-sre")
	meters, err := factory.CreateMeterProvider(t.Context(), set, config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, meters.Shutdown(context.WithoutCancel(t.Context()))) })
	counter, err := meters.Meter("x").Int64Counter("otelcol_things")
	require.NoError(t, err)
	counter.Add(t.Context(), 3)

	core, logged := observer.New(zap.WarnLevel)
	own := createDefaultConfig().(*Config)
	own.NetAddr.Endpoint = "localhost:0"
	settings := extensiontest.NewNopSettings(metadata.Type)
	settings.Logger = zap.New(core)
	e, err := NewFactory().Create(t.Context(), settings, own)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	response, err := http.Get("http://" + e.(*metrics).server.Address.String() + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(text), logged
}

func TestServesWhatTheTelemetryCounts(t *testing.T) {
	text, logged := begin(t, "metrics: {readers: []}")
	assert.Contains(t, text, "\notelcol_things 3\n", "by the name and with the labels that it has at upstream's reader")
	assert.Contains(t, text, `target_info{service_name="otelcol-sre"} 1`)
	assert.Empty(t, logged.All())
}

func TestNothingToServeIsSaid(t *testing.T) {
	text, logged := begin(t, "metrics: {level: none, readers: []}")
	assert.Empty(t, text)
	require.Len(t, logged.All(), 1)
	assert.Contains(t, logged.All()[0].Message, "service::telemetry::metrics::level is none")
}

// The telemetry has upstream's keys and errors.
func TestKeysOfTheTelemetry(t *testing.T) {
	factory := telemetry.NewFactory()
	config := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"logs": map[string]any{"level": "warn"}}).Unmarshal(config))
	written := confmap.New()
	require.NoError(t, written.Marshal(config))
	assert.Equal(t, "warn", written.Get("logs::level"))
	again := factory.CreateDefaultConfig()
	require.NoError(t, written.Unmarshal(again))
	assert.Equal(t, config, again)

	wrong := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"metrics": map[string]any{"views": []any{map[string]any{}}}}).Unmarshal(wrong))
	require.ErrorContains(t, confmap.Validate(wrong), "views can only be set when")
	require.ErrorContains(t, confmap.NewFromStringMap(map[string]any{"metric": map[string]any{}}).Unmarshal(factory.CreateDefaultConfig()), "invalid keys: metric")

	set := upstream.LoggerSettings{Settings: upstream.Settings{Resource: new(pcommon.NewResource()), BuildInfo: component.NewDefaultBuildInfo()}}
	logger, shutdown, err := factory.CreateLogger(t.Context(), set, config)
	require.NoError(t, err)
	assert.False(t, logger.Core().Enabled(zap.InfoLevel))
	require.NoError(t, shutdown(t.Context()))
	resource, err := factory.CreateResource(t.Context(), set.Settings, config)
	require.NoError(t, err)
	name, _ := resource.Attributes().Get("service.name")
	assert.True(t, strings.HasPrefix(name.Str(), component.NewDefaultBuildInfo().Command))
	tracers, err := factory.CreateTracerProvider(t.Context(), upstream.TracerSettings{Settings: set.Settings, Logger: logger}, config)
	require.NoError(t, err)
	require.NoError(t, tracers.Shutdown(t.Context()))
}
