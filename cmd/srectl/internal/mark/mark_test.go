// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// cleanEnvironment takes away what the machine that tests has set.
func cleanEnvironment(t *testing.T) {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"OTEL_", "GITHUB_", "GITLAB_", "CI_", "JENKINS_", "GIT_", "BUILD_", "JOB_", "CHANGE_"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
}

// srectl runs mark as main does.
func srectl(args ...string) (code int, stdout, stderr string) {
	r := commandtest.Run(NewCommand("1.2.3"), nil, args...)
	return r.Code, r.Stdout, r.Stderr
}

func readBack(t *testing.T, record plog.LogRecord) *deployment.Deployment {
	d, err := deployment.Read(pcommon.NewMap(), record)
	require.NoError(t, err)
	return d
}

var deployed = []string{"mark", "--service", "checkout", "--version", "1.4.2", "--environment", "production", "--timeout", "5s"}

func marked(args ...string) []string { return append(append([]string{}, deployed...), args...) }

func TestMarkSendsWhatTheFlagsSay(t *testing.T) {
	cleanEnvironment(t)
	collector := &fakeCollector{}
	code, out, errOut := srectl(marked("--endpoint", collector.http(t), "--status", "succeeded", "--namespace", "shop", "--id", "7",
		"--previous", "1.4.1", "--revision", "279484c0", "--branch", "main", "--repository", "https://user:hunter2@git.example.com/shop/checkout",
		"--change", "17", "--tickets", "SHOP-7,SHOP-8", "--cluster", "eu", "--compare", "https://git.example.com/c", "--actor", "priya", "--configuration", "42", "--pipeline", "deploy",
		"--run-id", "9", "--run-url", "https://ci.example.com/9", "--start", "2026-11-20T14:00:00Z", "--commit-time", "2026-11-20T13:00:00Z")...)
	require.Equal(t, exit.OK, code, errOut)
	require.Equal(t, "accepted: deployment of shop/checkout in production at eu 1.4.2 is complete (before: 1.4.1), ID 7\n", out)
	require.Len(t, collector.records(), 1)
	got := readBack(t, collector.records()[0])
	require.WithinDuration(t, time.Now(), got.End, time.Minute)
	got.End = time.Time{}
	require.Equal(t, deployment.Deployment{
		Service: deployment.Service{Name: "checkout", Namespace: "shop", Environment: "production", Place: deployment.Place{Cluster: "eu"}}, ID: "7",
		Version: "1.4.2", Previous: "1.4.1", Status: deployment.Completed, Start: time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC),
		Revision: "279484c0", Committed: time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC), Branch: "main", Repository: "https://git.example.com/shop/checkout", Change: "17", Tickets: "SHOP-7,SHOP-8",
		Compare: "https://git.example.com/c", Actor: "priya", Configuration: "42", Pipeline: "deploy",
		RunID: "9", RunURL: "https://ci.example.com/9",
	}, *got)
}

func TestMarkExits(t *testing.T) {
	const secret = "hunter2"
	for name, test := range map[string]struct {
		collector *fakeCollector
		headers   string
		code      int
		want      string
	}{
		"accepted":      {&fakeCollector{}, "", exit.OK, "accepted: deployment of checkout in production 1.4.2 has started\n"},
		"right token":   {&fakeCollector{token: secret}, "authorization=Bearer%20" + secret, exit.OK, "accepted: "},
		"wrong token":   {&fakeCollector{token: "other"}, "authorization=Bearer%20" + secret, exit.NotOK, "srectl: not accepted: deployment of checkout in production 1.4.2 has started: "},
		"rejected":      {&fakeCollector{reject: "no\x1b[2J room for " + secret}, "authorization=" + secret, exit.NotOK, "rejected by the collector: no\ufffd[2J room for [redacted]"},
		"not available": {&fakeCollector{refuse: 100}, "", exit.NotOK, "not yet (raise --timeout to retry longer)"},
	} {
		for _, protocol := range []string{protocolGRPC, protocolHTTP} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				cleanEnvironment(t)
				collector := &fakeCollector{token: test.collector.token, refuse: test.collector.refuse, reject: test.collector.reject}
				endpoint := collector.http(t)
				if protocol == protocolGRPC {
					endpoint = collector.grpc(t)
				}
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
				t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
				t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", test.headers)
				args := marked("--status", "started")
				if test.collector.refuse > 0 {
					args = append(args, "--timeout", "1s")
				}
				code, out, errOut := srectl(args...)
				require.Equal(t, test.code, code, out+errOut)
				require.Contains(t, out+errOut, test.want)
				require.NotContains(t, out+errOut, secret)
			})
		}
	}
}

func TestMarkIsAskedWrongly(t *testing.T) {
	for want, args := range map[string][]string{
		"--service is missing":                     {"mark", "--version", "1", "--status", "started"},
		"--version is missing":                     {"mark", "--service", "a", "--status", "started"},
		"--status is missing":                      marked(),
		`--status: status "shiny" is not known`:    marked("--status", "shiny"),
		"--status and --region exclude each other": marked("--status", "started", "--region", "--", "true"),
		"--region has no command":                  marked("--region"),
		`did you mean --status started?`:           marked("started"),
		`did you mean --region -- true?`:           marked("--status", "started", "true"),
		"--timeout is 0s":                          marked("--status", "started", "--timeout", "0"),
		`--start is "today"`:                       marked("--status", "started", "--start", "today"),
		"--endpoint is not a URL":                  marked("--status", "started", "--endpoint", "ftp://hunter2"),
		"--endpoint contains a user":               marked("--status", "started", "--endpoint", "https://a:hunter2@b"),
		`user.name is "a\x1bb"`:                    marked("--status", "started", "--actor", "a\x1bb"),
		"cannot run":                               marked("--region", "--", "no-such-command"),
	} {
		cleanEnvironment(t)
		r := commandtest.Run(NewCommand("1.2.3"), nil, args...)
		require.ErrorContains(t, r.Err, want)
		require.NotContains(t, r.Err.Error(), "hunter2")
		require.Equal(t, exit.Usage, r.Code, want)
	}
}

// sending gives the sender of an endpoint, whose pauses take no time but are written down.
func sending(t *testing.T, env map[string]string) (*sender, *[]time.Duration) {
	target, err := newTarget("", func(name string) string { return env[name] })
	require.NoError(t, err)
	s, err := target.sender()
	require.NoError(t, err)
	t.Cleanup(s.close)
	var pauses []time.Duration
	s.wait = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	return s, &pauses
}

func someLogs() plog.Logs {
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("hello")
	return logs
}

func TestSendingIsTriedAgain(t *testing.T) {
	for _, protocol := range []string{protocolGRPC, protocolHTTP} {
		collector := &fakeCollector{refuse: 4}
		endpoint := collector.http(t)
		if protocol == protocolGRPC {
			endpoint = collector.grpc(t)
		}
		s, pauses := sending(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
		_, err := s.send(t.Context(), someLogs())
		require.NoError(t, err)
		require.Len(t, collector.records(), 1)
		require.Len(t, *pauses, 4)
		least := firstWait / 2
		if protocol == protocolHTTP {
			least = 3 * time.Second // the server's Retry-After
		}
		for i, pause := range *pauses {
			require.GreaterOrEqual(t, pause, least)
			require.LessOrEqual(t, pause, max(least, firstWait<<i))
		}
	}
}

func TestSendingEndsWhenTheServerIsGone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	for _, protocol := range []string{protocolGRPC, protocolHTTP} {
		s, pauses := sending(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
		tries := 0
		s.wait = func(context.Context, time.Duration) error {
			if tries++; tries == 3 {
				return context.DeadlineExceeded
			}
			return nil
		}
		_, err := s.send(t.Context(), someLogs())
		require.ErrorContains(t, err, "connection refused")
		require.ErrorContains(t, err, "raise --timeout")
		require.Equal(t, 3, tries)
		require.Empty(t, *pauses)
	}
}

func TestAnswersThatAcceptNothing(t *testing.T) {
	for want, handler := range map[string]http.HandlerFunc{
		`does not speak OTLP: it answers 200 OK with "text/html"`: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("Please sign in"))
		},
		`HTTP 307 Temporary Redirect`: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example.com", http.StatusTemporaryRedirect)
		},
		`HTTP 400 Bad Request: no logs pipeline`: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", protobufType)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("\x08\x03\x12\x10no logs pipeline"))
		},
	} {
		server := httptest.NewServer(handler)
		s, pauses := sending(t, map[string]string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": server.URL})
		_, err := s.send(t.Context(), someLogs())
		require.ErrorContains(t, err, want)
		require.Empty(t, *pauses)
		s.close()
		server.Close()
	}
}

func TestTLS(t *testing.T) {
	collector := &fakeCollector{}
	httpEndpoint, grpcEndpoint, certificate := collector.tls(t)
	for protocol, endpoint := range map[string]string{protocolHTTP: httpEndpoint, protocolGRPC: grpcEndpoint} {
		s, _ := sending(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
			"OTEL_EXPORTER_OTLP_CERTIFICATE": certificate})
		_, err := s.send(t.Context(), someLogs())
		require.NoError(t, err)

		s, _ = sending(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
		s.wait = func(context.Context, time.Duration) error { return errors.New("enough") }
		_, err = s.send(t.Context(), someLogs())
		require.ErrorContains(t, err, "certificate signed by unknown authority")
	}
	require.Len(t, collector.records(), 2)
}
