// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestControl(t *testing.T) {
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: newCollector(t).grpc}, Settings: quick()})
	defer shutdown(t, shop)
	handler := control(shop, NewLoad(shop.URL(), 20))
	ask := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}

	for _, c := range []struct {
		name, method, path, body string
		code                     int
		contains                 string
	}{
		{"overview", "GET", "/", "", 200, shop.services[payment].url()},
		{"all settings", "GET", "/settings", "", 200, `"inventory": {`},
		{"settings", "GET", "/settings/payment", "", 200, `"version": "1.0.0"`},
		{"a fault", "PUT", "/settings/payment", `{"errorRate": 0.25}`, 200, `"errorRate": 0.25`},
		{"the other settings stay", "PUT", "/settings/payment", `{"latency": "3ms"}`, 200, `"errorRate": 0.25`},
		{"a rollout", "PUT", "/settings/payment", `{"version": "2.0.0"}`, 200, `"version": "2.0.0"`},
		{"a move", "PUT", "/settings/payment", `{"environment": "staging"}`, 200, `"environment": "staging"`},
		{"all of it is kept", "GET", "/settings/payment", "", 200, `"latency": "3ms"`},
		{"more instances", "PUT", "/settings/payment", `{"instances": 2, "rolloutPause": "1ms"}`, 200, `"instances": 2`},
		{"a first canary", "PUT", "/settings/payment", `{"canary": {"version": "1.5.0", "share": 0.5}}`, 200, `"version": "1.5.0"`},
		{"promoted, and another", "PUT", "/settings/payment", `{"version": "1.5.0", "canary": {"version": "1.6.0"}}`, 200, `"version": "1.6.0"`},
		{"aborted", "PUT", "/settings/payment", `{"version": "2.0.0", "canary": null}`, 200, `"rolloutPause": "1ms"
}`},
		{"a canary", "PUT", "/settings/payment", `{"canary": {"version": "2.1.0", "share": 0.1, "errorRate": 0.3}}`, 200, `"share": 0.1`},
		{"more of the canary", "PUT", "/settings/payment", `{"canary": {"share": 0.2}}`, 200, `"version": "2.1.0"`},
		{"too many instances", "PUT", "/settings/payment", `{"instances": 21}`, 400, "instances is 21: must be from 1 to 20"},
		{"too long a pause", "PUT", "/settings/payment", `{"rolloutPause": "1h"}`, 400, "rolloutPause is 1h0m0s: must be from 0s to 10m0s"},
		{"no share", "PUT", "/settings/payment", `{"canary": {"share": 0}}`, 400, "canary.share is 0: must be from 0.001 to 0.5"},
		{"too large a share", "PUT", "/settings/payment", `{"canary": {"share": 0.6}}`, 400, "canary.share is 0.6"},
		{"a canary's faults", "PUT", "/settings/payment", `{"canary": {"errorRate": 2}}`, 400, "canary.errorRate is 2: must be from 0 to 1"},
		{"a canary's latency", "PUT", "/settings/payment", `{"canary": {"latency": "2m"}}`, 400, "canary.latency is 2m0s"},
		{"a canary of no version", "PUT", "/settings/payment", `{"canary": {"version": ""}}`, 400, "canary.version must be 1 to 64"},
		{"a canary like the others", "PUT", "/settings/payment", `{"canary": {"version": "2.0.0"}}`, 400, "canary.version is the service's own"},
		{"unknown key of a canary", "PUT", "/settings/payment", `{"canary": {"weight": 10}}`, 400, `unknown field "weight"`},
		{"no such service", "PUT", "/settings/warehouse", `{}`, 404, `one of ["frontend" "checkout" "payment" "inventory" "mailer"]`},
		{"unknown key", "PUT", "/settings/payment", `{"latencyy": "3ms"}`, 400, `unknown field "latencyy"`},
		{"rate too high", "PUT", "/settings/payment", `{"errorRate": 1.1}`, 400, "errorRate is 1.1: must be from 0 to 1"},
		{"no unit", "PUT", "/settings/payment", `{"latency": "3"}`, 400, "missing unit"},
		{"negative", "PUT", "/settings/payment", `{"latency": "-3ms"}`, 400, "latency is -3ms: must be from 0s to 1m0s"},
		{"no version", "PUT", "/settings/payment", `{"version": ""}`, 400, "version must be 1 to 64 printable bytes"},
		{"control characters", "PUT", "/settings/payment", `{"version": "\u001b[2J"}`, 400, "printable"},
		{"not JSON", "PUT", "/settings/payment", `errorRate=1`, 400, "invalid character"},
		{"two objects", "PUT", "/settings/payment", `{} {}`, 400, "nothing after it"},
		{"too long", "PUT", "/settings/payment", `{"version": "` + strings.Repeat("1", maxBody) + `"}`, 400, "too large"},
		{"load", "PUT", "/load", `{"rate": 50}`, 200, `"rate": 50`},
		{"load is kept", "GET", "/load", "", 200, `"rate": 50`},
		{"load too high", "PUT", "/load", `{"rate": 1e9}`, 400, "must be from 0 to 10000"},
		{"wrong method", "DELETE", "/load", "", 405, ""},
		{"wrong path", "GET", "/nothing", "", 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, body := ask(c.method, c.path, c.body)
			assert.Equal(t, c.code, code, body)
			assert.Contains(t, body, c.contains)
		})
	}
	assert.Equal(t, Settings{Version: "2.0.0", Environment: "staging", Latency: Duration(3 * time.Millisecond), ErrorRate: 0.25,
		Instances: 2, RolloutPause: Duration(time.Millisecond), Canary: &Canary{Version: "2.1.0", Share: 0.2, ErrorRate: new(0.3)}},
		shop.services[payment].Settings(), "what was refused changed nothing")

	t.Run("a page elsewhere changes nothing", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPut, "/settings/payment", strings.NewReader(`{"errorRate": 1}`))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, http.StatusForbidden, w.Code)
	})

	t.Run("the tally", func(t *testing.T) {
		code, _ := ask("PUT", "/settings/payment", `{"errorRate": 0, "canary": null}`)
		require.Equal(t, 200, code)
		require.True(t, buy(t, shop, ""))
		_, body := ask("GET", "/tally", "")
		var tally Tally
		require.NoError(t, json.Unmarshal([]byte(body), &tally))
		assert.Contains(t, tally.Spans, SpanCount{Identity: Identity{payment, "staging", "2.0.0"}, Kind: "server", Ended: 1})
		assert.Contains(t, tally.SLOs, SLOCount{Identity: Identity{checkout, "test", "1.0.0"}, SLO: sloOrdersSettled, Good: 1})
	})
}

func TestLoadFollowsItsRate(t *testing.T) {
	var mu sync.Mutex
	ids := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		ids[r.Header.Get(requestIDHeader)] = true
		if len(ids)%2 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	load := NewLoad(server.URL, 0)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { load.Run(ctx) })

	require.NoError(t, load.SetRate(1000))
	start := time.Now()
	require.Eventually(t, func() bool { return load.Requests().Sent >= 100 }, 10*time.Second, time.Millisecond)
	require.GreaterOrEqual(t, time.Since(start), 90*time.Millisecond, "not faster than the rate")
	require.ErrorContains(t, load.SetRate(-1), "rate is -1: must be from 0 to 10000")
	require.InDelta(t, 1000, load.Rate(), 0)
	stop()
	running.Wait()

	requests := load.Requests()
	assert.Len(t, ids, int(requests.Sent), "each has an ID of its own")
	assert.Equal(t, requests.Sent/2, requests.Failed)
}

func TestParseFlags(t *testing.T) {
	o, err := parseFlags(strings.Fields("--version checkout=1.1.0 --latency inventory=50ms --error-rate payment=0.05 --instances payment=3 "+
		"--error-rate frontend=1 --environment staging --rate 5 --duration 2s --ports 9000 --seed 3 --endpoint e:1 --protocol http --control :0"), io.Discard)
	require.NoError(t, err)
	settings := defaultSettings("staging")
	change := func(name string, change func(*Settings)) {
		s := settings[name]
		change(&s)
		settings[name] = s
	}
	change(checkout, func(s *Settings) { s.Version = "1.1.0" })
	change(inventory, func(s *Settings) { s.Latency = Duration(50 * time.Millisecond) })
	change(payment, func(s *Settings) { s.ErrorRate, s.Instances = 0.05, 3 })
	change(frontend, func(s *Settings) { s.ErrorRate = 1 })
	assert.Equal(t, options{
		Config: Config{Exporter: ExporterConfig{"e:1", "http"}, Settings: settings, Port: 9000, Seed: 3},
		rate:   5, duration: 2 * time.Second, control: ":0",
	}, o)

	for args, want := range map[string]string{
		"--error-rate payment":       "must be service=0.05",
		"--error-rate warehouse=0.5": "no such service",
		"--error-rate payment=x":     "invalid syntax",
		"--error-rate payment=NaN":   "payment: errorRate is NaN: must be from 0 to 1",
		"--instances payment=0":      "payment: instances is 0: must be from 1 to 20",
		"--instances payment=two":    "invalid syntax",
		"--latency payment=1h":       "must be from 0s to 1m0s",
		"--rate -1":                  "--rate is -1",
		"--ports 65535":              "--ports is 65535: must be from 0 to 65531",
		"--protocol udp":             `protocol "udp": must be grpc or http`,
		"--endpoint a%zz:1":          `endpoint "a%zz:1"`,
		"checkout":                   `unknown argument "checkout"`,
	} {
		_, err := parseFlags(strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, want, args)
	}
}

func TestExporterConfigAndEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		config   ExporterConfig
		env      map[string]string
		protocol string
		url      string
	}{
		"nothing":           {protocol: "grpc", url: "http://localhost:4317"},
		"http":              {config: ExporterConfig{Protocol: "http"}, protocol: "http", url: "http://localhost:4318/v1/traces"},
		"host":              {config: ExporterConfig{Endpoint: "host:1"}, protocol: "grpc", url: "http://host:1"},
		"https":             {config: ExporterConfig{Endpoint: "https://host:1/"}, protocol: "grpc", url: "https://host:1/"},
		"path":              {config: ExporterConfig{"https://host/otlp/", "http"}, protocol: "http", url: "https://host/otlp/v1/traces"},
		"variable":          {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://e:1"}, protocol: "grpc"},
		"signal's variable": {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://e:1"}, protocol: "grpc"},
		"other's variable":  {env: map[string]string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://e:1"}, protocol: "grpc", url: "http://localhost:4317"},
		"protocol variable": {env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, protocol: "http", url: "http://localhost:4318/v1/traces"},
		"flag wins":         {config: ExporterConfig{"host:1", "grpc"}, env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://e:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, protocol: "grpc", url: "http://host:1"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			require.NoError(t, c.config.Validate())
			assert.Equal(t, c.protocol, c.config.protocol("TRACES"))
			assert.Equal(t, c.url, c.config.url("TRACES"))
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	require.ErrorContains(t, ExporterConfig{}.Validate(), `protocol "http/json": must be grpc or http`)
}

// The whole program, pointed at a collector by the standard variables, from flags to the last span.
func TestRun(t *testing.T) {
	backend := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+backend.grpc)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "team=storefront")
	o, err := parseFlags(strings.Fields("--rate 200 --duration 300ms --control localhost:0 --latency payment=0s"), io.Discard)
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), o))

	var requests int
	for _, s := range backend.spans {
		if str(s.resource, "service.name") == frontend && s.ParentSpanID().IsEmpty() {
			requests++
		}
		assert.Equal(t, "storefront", str(s.resource, "team"))
	}
	assert.NotZero(t, requests)

	o.Exporter.Endpoint, o.Exporter.Protocol = "localhost:1", protocolHTTP
	require.ErrorContains(t, run(t.Context(), o), "is a collector up at the --endpoint?")

	o.Exporter = ExporterConfig{}
	o.control = backend.grpc
	require.ErrorContains(t, run(t.Context(), o), "choose another --control address")
}
