// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/deploy/configs"
)

// What print-config prints is the same config as the locations that it was given, for every role and every fragment: components make the
// same of both. Variables are references in it.
func TestPrintedConfigLoadsAgain(t *testing.T) {
	t.Parallel()
	hostAndPort := []string{"OTELCOL_SRE_TEMPO", "OTELCOL_SRE_JAEGER", "OTELCOL_SRE_GATEWAY_DNS"}
	variables := append(os.Environ(), "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=a-secret-of-AWS", "OTELCOL_SRE_STORAGE="+t.TempDir(), "OTELCOL_SRE_CATALOG="+t.TempDir())
	for name, v := range configs.Variables() {
		if v.Needing == "" {
			continue
		}
		value := "backend.example.com:4317"
		switch {
		case slices.Contains([]string{"OTELCOL_SRE_GRAFANA", "OTELCOL_SRE_DOWNSTREAM", "OTELCOL_SRE_ALERTMANAGER", "OTELCOL_SRE_PEERS", "OTELCOL_SRE_CORS_ORIGINS"}, name) || strings.HasPrefix(name, "OTELCOL_SRE_KAFKA"):
			continue // they change a role
		case strings.HasSuffix(name, "_TOKEN") || strings.HasSuffix(name, "_PASSWORD") || strings.HasSuffix(name, "_AUTHORIZATION"):
			value = "a-secret-of-" + name
		case slices.Contains(hostAndPort, name):
		case strings.HasPrefix(name, "OTELCOL_SRE_AWS_"):
			value = "eu-west-1"
		case strings.HasSuffix(name, "_FILE"):
			value = filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(value, []byte("secret"), 0o600))
		default:
			value = "https://backend.example.com:4318"
		}
		variables = append(variables, name+"="+value)
	}
	locations := [][]string{{"builtin:agent"}, {"builtin:gateway"}, {"builtin:standalone"}}
	for _, fragment := range configs.Fragments() {
		for _, role := range []string{"gateway", "agent", "standalone"} {
			locations = append(locations, []string{"builtin:" + role, "builtin:" + fragment})
		}
	}
	loaded := map[string]bool{}
	for _, location := range locations {
		env := variables
		switch last := location[len(location)-1]; {
		case strings.HasSuffix(last, "grafana"), strings.HasSuffix(last, "alertmanager"), strings.HasSuffix(last, ":otlp"), strings.HasSuffix(last, "cors"), strings.Contains(last, "peers"):
			env = append(slices.Clone(env), "OTELCOL_SRE_GRAFANA=https://grafana.example.com", "OTELCOL_SRE_ALERTMANAGER=http://localhost:9093",
				"OTELCOL_SRE_DOWNSTREAM=backend.example.com:4317", "OTELCOL_SRE_CORS_ORIGINS=https://shop.example.com", "OTELCOL_SRE_PEERS=gateways.example.com:4319")
		case strings.Contains(last, "kafka"):
			env = append(slices.Clone(env), "OTELCOL_SRE_KAFKA=kafka:9092", "OTELCOL_SRE_KAFKA_USER=me", "OTELCOL_SRE_KAFKA_PASSWORD=a-secret-of-kafka")
		}
		if loaded[location[len(location)-1]] {
			continue // with another role
		}
		var args []string
		for _, l := range location {
			args = append(args, "--config", l)
		}
		effective, err := printConfig(t, env, append(args, "--mode", "unredacted")...)
		if err != nil {
			continue // a fragment of another role
		}
		loaded[location[len(location)-1]] = true
		printed, err := printConfig(t, env, args...)
		require.NoError(t, err, location)
		assert.NotContains(t, printed, "a-secret-of-", location)
		assert.NotContains(t, printed, "[REDACTED]", location)
		assert.Contains(t, printed, "${env:OTELCOL_SRE_STORAGE:-/var/lib/otelcol-sre}", location)
		path := filepath.Join(t.TempDir(), "printed.yaml")
		require.NoError(t, os.WriteFile(path, []byte(printed), 0o600))
		again, err := printConfig(t, env, "--config", path, "--mode", "unredacted")
		require.NoError(t, err, location)
		assert.Equal(t, effective, again, location)
	}
	for _, fragment := range configs.Fragments() {
		assert.True(t, loaded["builtin:"+fragment], "%s goes with no role", fragment)
	}
}

// A secret that somebody wrote into a config is not printed; a hash key of correlation is one, too.
func TestPrintedConfigHasNoSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := filepath.Join(dir, "own.yaml")
	require.NoError(t, os.WriteFile(own, []byte(`
exporters:
  otlp_http/mine: {endpoint: "https://backend.example.com", headers: {X-Key: in-the-open, X-Variable: "${env:MY_KEY}"}}
extensions:
  basicauth/mine: {client_auth: {username: me, password: in-the-open-too}}
service:
  extensions: [basicauth/mine]
  pipelines:
    traces: {exporters: [otlp_http/mine]}
`), 0o600))
	env := append(os.Environ(), "MY_KEY=in-a-variable")
	out, notes, err := printConfigNotes(t, env, "--config", "builtin:standalone", "--config", own, "--set", "processors.slo.flush_interval=2s")
	require.NoError(t, err, notes)
	assert.NotContains(t, out, "in-the-open")
	assert.NotContains(t, out, "in-a-variable")
	assert.Contains(t, out, "${env:MY_KEY}")
	assert.Contains(t, out, "flush_interval: 2s")
	assert.Contains(t, notes, "exporters::otlp_http/mine::headers::X-Key was written out; it is now ${env:EXPORTERS_OTLP_HTTP_MINE_HEADERS_X_KEY}: set that variable\n")

	path := filepath.Join(dir, "printed.yaml")
	require.NoError(t, os.WriteFile(path, []byte(out), 0o600))
	env = append(env, "EXPORTERS_OTLP_HTTP_MINE_HEADERS_X_KEY=in-the-open", "EXTENSIONS_BASICAUTH_MINE_CLIENT_AUTH_PASSWORD=in-the-open-too")
	want, err := printConfig(t, env, "--config", "builtin:standalone", "--config", own, "--set", "processors.slo.flush_interval=2s", "--mode", "unredacted")
	require.NoError(t, err)
	got, err := printConfig(t, env, "--config", path, "--mode", "unredacted")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func printConfig(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	out, _, err := printConfigNotes(t, env, args...)
	return out, err
}

func printConfigNotes(t *testing.T, env []string, args ...string) (out, notes string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"print-config"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}
