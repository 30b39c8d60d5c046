// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-sre/otelcol-sre/receivers/webhook/internal/metadata"
)

const secret = "It's a Secret to Everybody"

// start starts a receiver of these sources, and returns its address.
func start(t *testing.T, next consumer.Logs, sources map[string]Source) string {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.NetAddr.Endpoint, config.Sources, config.MaxRequestBodySize = "localhost:0", sources, 1000
	require.NoError(t, config.Validate())
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), config, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, r.Shutdown(context.Background())) })
	return "http://" + r.(*hooks).server.Address.String()
}

func send(t *testing.T, method, to, body string, headers ...string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(answer)
}

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// GitHub's documentation has this example.
func TestSignatureIsGitHubs(t *testing.T) {
	assert.Equal(t, "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", signature("Hello, World!"))
}

func TestOnlySendersAreHeard(t *testing.T) {
	all := map[string]Source{
		"github": {Secret: secret}, "gitlab": {Secret: secret}, "launchdarkly": {Secret: secret}, "azure": {Secret: secret},
		"circleci": {Secret: secret, SignatureHeader: "X-Sign"}, "spinnaker": {Secret: secret, TokenHeader: "X-Token"},
	}
	const body = `{"action": "created"}`
	wrong := "0" + signature(body)[1:]
	for name, tt := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"GitHub's signature":       {"/github", []string{"X-Hub-Signature-256", "sha256=" + signature(body)}, http.StatusAccepted},
		"another signature":        {"/github", []string{"X-Hub-Signature-256", "sha256=" + wrong}, http.StatusUnauthorized},
		"half a signature":         {"/github", []string{"X-Hub-Signature-256", "sha256=" + signature(body)[:32]}, http.StatusUnauthorized},
		"no signature":             {"/github", nil, http.StatusUnauthorized},
		"no hexadecimal":           {"/github", []string{"X-Hub-Signature-256", "sha256=x"}, http.StatusUnauthorized},
		"the secret itself":        {"/github", []string{"X-Hub-Signature-256", secret}, http.StatusUnauthorized},
		"GitLab's token":           {"/gitlab", []string{"X-Gitlab-Token", secret}, http.StatusAccepted},
		"another token":            {"/gitlab", []string{"X-Gitlab-Token", secret + "s"}, http.StatusUnauthorized},
		"no token":                 {"/gitlab", nil, http.StatusUnauthorized},
		"LaunchDarkly's signature": {"/launchdarkly", []string{"X-LD-Signature", signature(body)}, http.StatusAccepted},
		"a bearer's token":         {"/azure", []string{"Authorization", "Bearer " + secret}, http.StatusAccepted},
		"a plain token":            {"/azure", []string{"Authorization", secret}, http.StatusAccepted},
		"a header of one's own":    {"/circleci", []string{"X-Sign", signature(body)}, http.StatusAccepted},
		"and with a token":         {"/spinnaker", []string{"X-Token", secret}, http.StatusAccepted},
		"in another header":        {"/spinnaker", []string{"Authorization", secret}, http.StatusUnauthorized},
		"a source that is not":     {"/else", nil, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			sink := new(consumertest.LogsSink)
			var from any
			next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
				from = client.FromContext(ctx).Auth.GetAttribute("subject")
				return sink.ConsumeLogs(ctx, logs)
			})
			require.NoError(t, err)
			status, text := send(t, http.MethodPost, start(t, next, all)+tt.path, body, tt.headers...)
			assert.Equal(t, tt.status, status, text)
			if status != http.StatusAccepted {
				assert.Zero(t, sink.LogRecordCount())
				assert.NotContains(t, text, secret)
				return
			}
			require.Equal(t, 1, sink.LogRecordCount())
			record := sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
			assert.JSONEq(t, body, record.Body().Str())
			source, _ := record.Attributes().Get("webhook.source")
			assert.Equal(t, tt.path[1:], source.Str())
			assert.Equal(t, "webhook"+tt.path, from, "for the check of who may report deployments")
		})
	}
}

func TestBodies(t *testing.T) {
	for name, tt := range map[string]struct {
		body, kind string
		status     int
		records    []string
	}{
		"an object":           {`{"a": 1}`, "application/json", http.StatusAccepted, []string{`{"a": 1}`}},
		"a list":              {`[{"a": 1}, {"b": 2}]`, "application/json; charset=utf-8", http.StatusAccepted, []string{`{"a": 1}`, `{"b": 2}`}},
		"a form, as GitHub's": {"payload=" + url.QueryEscape(`{"a": "ä&b"}`), "application/x-www-form-urlencoded", http.StatusAccepted, []string{`{"a": "ä&b"}`}},
		"a byte order mark":   {"\ufeff{}", "application/json", http.StatusAccepted, []string{`{}`}},
		"an empty list":       {`[]`, "application/json", http.StatusAccepted, nil},
		"a form without":      {"a=b", "application/x-www-form-urlencoded", http.StatusBadRequest, nil},
		"nothing":             {"", "application/json", http.StatusBadRequest, nil},
		"a number":            {"1", "application/json", http.StatusBadRequest, nil},
		"a list of numbers":   {"[1]", "application/json", http.StatusBadRequest, nil},
		"half an object":      {`{"a": `, "application/json", http.StatusBadRequest, nil},
		"XML":                 {"<a/>", "text/xml", http.StatusBadRequest, nil},
		"too long":            {`{"a": "` + strings.Repeat("x", 1000) + `"}`, "application/json", http.StatusRequestEntityTooLarge, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sink := new(consumertest.LogsSink)
			status, text := send(t, http.MethodPost, start(t, sink, map[string]Source{"a": {Secret: secret}})+"/a", tt.body, "Content-Type", tt.kind, "Authorization", secret)
			assert.Equal(t, tt.status, status, text)
			var bodies []string
			for _, logs := range sink.AllLogs() {
				for _, record := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
					bodies = append(bodies, record.Body().Str())
				}
			}
			assert.Equal(t, tt.records, bodies)
		})
	}
	list := "[" + strings.Repeat("{},", maxEvents) + "{}]"
	_, problem := events("application/json", []byte(list))
	assert.Equal(t, tooMany, problem)
}

func TestRefusals(t *testing.T) {
	for status, err := range map[int]error{
		http.StatusServiceUnavailable: errors.New("full"), http.StatusUnprocessableEntity: consumererror.NewPermanent(errors.New("never")),
	} {
		got, text := send(t, http.MethodPost, start(t, consumertest.NewErr(err), map[string]Source{"a": {Secret: secret}})+"/a", "{}", "Authorization", secret)
		assert.Equal(t, status, got, text)
	}
	got, _ := send(t, http.MethodGet, start(t, new(consumertest.LogsSink), map[string]Source{"a": {Secret: secret}})+"/a", "")
	assert.Equal(t, http.StatusMethodNotAllowed, got)
	got, _ = send(t, http.MethodPost, start(t, new(consumertest.LogsSink), map[string]Source{"a": {Secret: secret}})+"/a", "{}", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, got, "a page that somebody looks at")
}

func TestConfigErrorsNameKeyAndFix(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Sources = nil }, "sources: is empty; name those that may send"},
		{func(c *Config) { c.NetAddr.Endpoint = "" }, "endpoint: is empty; set the host:port"},
		{func(c *Config) { c.MaxRequestBodySize = 0 }, "max_request_body_size: is 0; set how many bytes"},
		{func(c *Config) { c.Sources = map[string]Source{"Git Hub/": {}} }, `sources: "Git Hub/" cannot be a path; use`},
		{func(c *Config) { c.Sources = map[string]Source{"github": {}} }, "sources::github::secret: is empty, so anybody could send; set the secret"},
		{func(c *Config) {
			c.Sources = map[string]Source{"a": {TokenHeader: "X"}}
			c.Auth = configoptional.Some(confighttp.AuthConfig{})
		}, "sources::a::secret: is empty, so its header cannot be checked"},
		{func(c *Config) {
			c.Sources = map[string]Source{"a": {Secret: configopaque.String("s"), TokenHeader: "X", SignatureHeader: "Y"}}
		}, "sources::a: has signature_header and token_header; keep one"},
		{func(c *Config) { c.MaxConnections = 0 }, "max_connections: is 0; set it above 0"},
	} {
		c := createDefaultConfig().(*Config)
		c.Sources = map[string]Source{"github": {Secret: secret}}
		require.NoError(t, c.Validate())
		tt.change(c)
		assert.ErrorContains(t, c.Validate(), tt.want)
	}
}

// Whatever is sent is refused or becomes records of JSON objects.
func FuzzEvents(f *testing.F) {
	for _, body := range []string{"{}", "[{}]", "payload={}", "\ufeff", "[", "[[{}]]", "null"} {
		f.Add("application/json", []byte(body))
		f.Add("application/x-www-form-urlencoded", []byte(body))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		all, problem := events(kind, body)
		if problem != "" {
			assert.Empty(t, all)
			return
		}
		for _, record := range records("a", all, plog.NewScopeLogs().Scope(), time.Unix(0, 0)).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			assert.True(t, strings.HasPrefix(record.Body().Str(), "{"))
		}
	})
}
