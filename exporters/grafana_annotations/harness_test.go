// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

const token = "glsa_1"

var (
	noon     = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	checkout = deployment.Service{Name: "checkout", Namespace: "shop", Environment: "production"}
	bearer   = component.MustNewID("bearertokenauth")
)

// deploy is the n-th deployment, from its start at a minute after noon.
func deploy(id, version string, minute int) deployment.Deployment {
	return deployment.Deployment{Service: checkout, ID: id, Version: version, Start: noon.Add(time.Duration(minute) * time.Minute)}
}

// report adds a record that says how far the deployment is at a minute after noon.
func report(logs plog.Logs, d deployment.Deployment, status deployment.Status, minute int) {
	d.Status = status
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	d.Write(record, noon.Add(time.Duration(minute)*time.Minute))
}

func reported(d deployment.Deployment, status deployment.Status, minute int) plog.Logs {
	logs := plog.NewLogs()
	report(logs, d, status, minute)
	return logs
}

type host struct {
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

// withAuth is a host whose bearertokenauth extension holds the token.
func withAuth(t testing.TB) host {
	factory := bearertokenauthextension.NewFactory()
	config := factory.CreateDefaultConfig().(*bearertokenauthextension.Config)
	config.BearerToken = configopaque.String(token)
	ext, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, ext.Shutdown(t.Context())) })
	return host{map[component.ID]component.Component{bearer: ext}}
}

// serve serves Grafana until the test ends.
func serve(t testing.TB, grafana http.Handler) string {
	server := httptest.NewServer(grafana)
	t.Cleanup(server.Close)
	return server.URL
}

func configFor(endpoint string) *Config {
	config := createDefaultConfig().(*Config)
	config.ClientConfig.Endpoint = endpoint
	config.ClientConfig.Auth = configoptional.Some(configauth.Config{AuthenticatorID: bearer})
	config.RetryConfig.InitialInterval = time.Millisecond
	config.RetryConfig.MaxInterval = 5 * time.Millisecond
	return config
}

// settingsWith has a log that can be read, and takes part of its settings from telemetry if there is one.
func settingsWith(tel *componenttest.Telemetry) (exporter.Settings, *observer.ObservedLogs) {
	set := exportertest.NewNopSettings(component.MustNewType("grafana_annotations"))
	set.ID = component.NewID(set.ID.Type()) // the same in each life
	if tel != nil {
		set.TelemetrySettings = tel.NewTelemetrySettings()
	}
	core, logs := observer.New(zapcore.WarnLevel)
	set.Logger = zap.New(core)
	return set, logs
}

// started is the exporter without queue and retry, and its log.
func started(t testing.TB, config *Config) (*annotationsExporter, *observer.ObservedLogs) {
	require.NoError(t, config.Validate())
	set, logs := settingsWith(nil)
	e, err := newExporter(set, config)
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), withAuth(t)))
	t.Cleanup(func() { require.NoError(t, e.shutdown(t.Context())) })
	return e, logs
}

// running is the whole component.
func running(t testing.TB, config *Config) exporter.Logs {
	set, _ := settingsWith(nil)
	e, err := NewFactory().CreateLogs(t.Context(), set, config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), withAuth(t)))
	return e
}
