// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The built binary runs the mistakes of test/mistakes_test.go. These are those that a test cannot make there: errors of other systems.
func TestErrorsOfTheMachine(t *testing.T) {
	e := explainer{variable: func(name string) string {
		return map[string]string{"OTELCOL_SRE_STORAGE": "/state", "OTELCOL_SRE_STATUS_PAGE": ":80", "OTELCOL_SRE_BEARER_FILE": "/etc/token"}[name]
	}}
	for err, want := range map[string]string{
		`failed to start extensions: listen tcp :80: bind: permission denied`:                                                    `this user may not listen on :80: ports below 1024 need a right (CAP_NET_BIND_SERVICE); set OTELCOL_SRE_STATUS_PAGE to a higher port`,
		`cannot start pipelines: failed to start "x" exporter: listen tcp 127.0.0.1:7777: bind: address already in use`:          `127.0.0.1:7777 is in use by another process; stop that, or set its address in the config`,
		`cannot start pipelines: failed to start "slo" processor: write /state/slo/x: no space left on device`:                   `the disk of /state/slo/x is full; free some space, or set OTELCOL_SRE_STORAGE to another`,
		`failed to build extensions: failed to create extension "file_storage": mkdir /state: read-only file system`:             `cannot make the folder /state: read-only file system; set OTELCOL_SRE_STORAGE to another`,
		`failed to start extensions: open /etc/token: no such file or directory`:                                                 `cannot open /etc/token: no such file or directory; set OTELCOL_SRE_BEARER_FILE to another`,
		`cannot start pipelines: failed to start "file_log" receiver: open /var/log/pods: too many open files`:                   `/var/log/pods: too many open files; raise the limit (ulimit -n, LimitNOFILE)`,
		`failed to start extensions: listen tcp: lookup nohost on 127.0.0.53:53: no such host`:                                   `there is no host "nohost" to listen on; set its address in the config to an address of this machine, such as localhost:4317`,
		`failed to get config: cannot unmarshal the configuration: 'exporters' unknown type: "x" for id: "x" (valid values: [])`: "exporters::x: there is no exporter \"x\"; `otelcol-sre components` lists those that exist",
	} {
		got, known := e.explain(errors.New(err))
		assert.Equal(t, want, got)
		assert.True(t, known, want)
	}
	got, known := e.explain(errors.New(`cannot start pipelines: failed to start "kafka" receiver: something new`))
	assert.Equal(t, "receiver kafka: something new", got)
	assert.False(t, known, "the log has more")
}

func FuzzExplain(f *testing.F) {
	f.Add("failed to get config: cannot unmarshal the configuration: " + decoding + "\n\n'processors' error reading configuration for \"slo\": " + decoding + "\n\n'slo.Config' has invalid keys: a, b")
	f.Add("'' ")
	f.Add("'[': x")
	f.Add("listen tcp [::1]:80: bind: permission denied")
	f.Add("yaml: line 1")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := explainer{variable: func(string) string { return "" }}.explain(errors.New(text))
		assert.LessOrEqual(t, len(got), 1000+20*len(text))
	})
}

func TestVariablesThatNothingReads(t *testing.T) {
	resolver := confmap.ResolverSettings{
		URIs:              []string{"yaml:{a: '${env:OTELCOL_SRE_MINE}', b: '${env:OTELCOL_SRE_OTHER:-x}', c: '${OTELCOL_SRE_SHORT}'}"},
		ProviderFactories: []confmap.ProviderFactory{envprovider.NewFactory(), yamlprovider.NewFactory()},
		DefaultScheme:     "env",
	}
	core, logs := observer.New(zap.WarnLevel)
	resolver.ConverterSettings = confmap.ConverterSettings{Logger: zap.New(core)}
	t.Setenv("OTELCOL_SRE_MINE", "1")
	environment := watch(&resolver, []string{
		"OTELCOL_SRE_MINE=1", "OTELCOL_SRE_OTHER=1", "OTELCOL_SRE_SHORT=1", // a config reads them
		"OTELCOL_SRE_STORAGE=/state",                 // some role reads it
		"OTELCOL_SRE_OPTIONS=--config builtin:agent", // the systemd unit reads it
		"OTELCOL_SRE_RULSE=/rules", "OTELCOL_SRE_LOKI=http://loki", "OTELCOL_SRE_TELEMTRY_PORT=1", "OTELCOL_SRE_GRAFANA_TOKEN=secret",
		"OTELCOL_SRE_EMPTY=", "PATH=/bin",
		"OTELCOL_SRE_SERVICE_PORT=4317", "OTELCOL_SRE_PORT=tcp://10.0.0.1:4317", "OTELCOL_SRE_SERVICE_PORT_OTLP_GRPC=4317", "OTELCOL_SRE_PORT_4317_TCP_PROTO=tcp",
	})
	r, err := confmap.NewResolver(resolver)
	require.NoError(t, err)
	_, err = r.Resolve(t.Context())
	require.NoError(t, err)
	want := []string{
		"OTELCOL_SRE_GRAFANA_TOKEN is set, but nothing reads it; set OTELCOL_SRE_GRAFANA, too",
		"OTELCOL_SRE_LOKI is set, but nothing reads it; add --config builtin:loki",
		"OTELCOL_SRE_RULSE is set, but nothing reads it; did you mean OTELCOL_SRE_RULES?",
		"OTELCOL_SRE_TELEMTRY_PORT is set, but nothing reads it; did you mean OTELCOL_SRE_TELEMETRY_PORT?",
	}
	assert.Equal(t, want, environment.unread())
	var logged []string
	for _, entry := range logs.All() {
		logged = append(logged, entry.Message)
	}
	assert.Equal(t, want, logged)
	require.NoError(t, r.Shutdown(t.Context()))
}

func messages(logs *observer.ObservedLogs) (all []string) {
	for _, entry := range logs.All() {
		all = append(all, entry.Message)
	}
	return all
}

func TestLogIsHeldUntilTheCollectorRuns(t *testing.T) {
	held := newHeldLog(time.Hour)
	core, logs := observer.New(zap.InfoLevel)
	logger := zap.New(core, zap.WrapCore(held.wrap))
	// The logger of configs writes to the one of components, once that is there.
	configs := zap.New(logger.Core(), zap.WrapCore(held.wrap))
	configs.Warn("a variable")
	logger.With(zap.String("component", "x")).Info("starting")
	logger.Debug("not at this level")
	assert.Empty(t, logs.All())
	logger.Info(started)
	assert.ElementsMatch(t, []string{"a variable", "starting", started}, messages(logs))
	assert.Equal(t, "x", logs.FilterMessage("starting").All()[0].ContextMap()["component"])
	logger.Info("running")
	assert.Len(t, logs.All(), 4)
	held.drop()
	logger.Info("reload failed")
	assert.Len(t, logs.All(), 5, "what runs is not dropped")
}

func TestLogOfAFailedStartIsDropped(t *testing.T) {
	held := newHeldLog(time.Hour)
	core, logs := observer.New(zap.InfoLevel)
	logger := zap.New(core, zap.WrapCore(held.wrap))
	logger.Info("starting")
	held.drop()
	logger.Info("stopping")
	held.release()
	assert.Empty(t, logs.All())
}

func TestASlowStartShowsItsLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := newHeldLog(patience)
		core, logs := observer.New(zap.InfoLevel)
		logger := zap.New(core, zap.WrapCore(held.wrap))
		logger.Info("waiting for a leader")
		time.Sleep(patience - time.Nanosecond)
		synctest.Wait()
		assert.Empty(t, logs.All())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		assert.Equal(t, []string{"waiting for a leader"}, messages(logs))
	})
}

func TestNoLineIsLostWhileTheLogIsReleased(t *testing.T) {
	held := newHeldLog(time.Hour)
	core, logs := observer.New(zap.InfoLevel)
	logger := zap.New(core, zap.WrapCore(held.wrap))
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 500 {
				logger.Info(fmt.Sprint(w, i))
			}
		})
	}
	held.release()
	writers.Wait()
	held.release()
	assert.Equal(t, 2000, logs.Len())
}

func TestConceal(t *testing.T) {
	config := map[string]any{
		"exporters": map[string]any{"otlp/x": map[string]any{"headers": map[string]any{"X-Key": "s3cret", "X-Var": "${env:KEY}"}}},
		"list":      []any{"s3cret", "open", 5, nil},
	}
	concealed := conceal(config, map[string]bool{"s3cret": true}, nil)
	assert.Equal(t, []secret{{"exporters::otlp/x::headers::X-Key", "EXPORTERS_OTLP_X_HEADERS_X_KEY"}, {"list::0", "LIST_0"}}, concealed)
	assert.NotContains(t, fmt.Sprint(config), "s3cret")
	assert.Contains(t, fmt.Sprint(config), "${env:KEY}")
}
