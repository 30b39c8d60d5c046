// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTargets(t *testing.T) {
	type env map[string]string
	for _, test := range []struct {
		flag          string
		env           env
		protocol, url string
	}{
		{"", nil, protocolHTTP, "http://localhost:4318/v1/logs"},
		{"", env{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, protocolGRPC, "http://localhost:4317"},
		{"", env{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4317"}, protocolGRPC, "https://collector:4317"},
		{"", env{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector/otlp/"}, protocolHTTP, "https://collector/otlp/v1/logs"},
		{"", env{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://b/in"}, protocolHTTP, "https://b/in"},
		{"", env{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf"}, protocolHTTP, "http://localhost:4318/v1/logs"},
		{"collector:4317", env{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://b/in"}, protocolGRPC, "http://collector:4317"},
		{"https://collector/v1/logs", nil, protocolHTTP, "https://collector/v1/logs"},
	} {
		target, err := newTarget(test.flag, func(name string) string { return test.env[name] })
		require.NoError(t, err)
		require.Equal(t, test.url, target.url.String())
		require.Equal(t, test.protocol, target.protocol, test.url)
	}
}

func TestWrongVariables(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, test := range []struct{ name, value, want string }{
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": must be grpc or http/protobuf`},
		{"OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=b,hunter2", "OTEL_EXPORTER_OTLP_LOGS_HEADERS: header 2 cannot be read: write name=value"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=%zzhunter2", "header 1 cannot be read"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=%0ahunter2", "header 1 cannot be read"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a b=hunter2", "header 1 cannot be read"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", empty, "empty.pem has no certificate: must be PEM"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such.pem", "OTEL_EXPORTER_OTLP_CERTIFICATE: open /no/such.pem"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", empty, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY must be set together"},
	} {
		_, err := newTarget("https://collector", func(name string) string {
			if name == test.name {
				return test.value
			}
			return ""
		})
		require.ErrorContains(t, err, test.want)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestHeaders(t *testing.T) {
	headers, err := parseHeaders("", "Authorization=Bearer%20a%3Db, x-tenant = shop ,,")
	require.NoError(t, err)
	require.Equal(t, [][2]string{{"authorization", "Bearer a=b"}, {"x-tenant", "shop"}}, headers)
}
