// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silentBackend accepts connections, reads what comes, and never answers. It returns its address, and a channel that gets a value when something has come.
func silentBackend(t *testing.T) (address string, heard <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	came := make(chan struct{}, 1)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
			go func() {
				if _, err := connection.Read(make([]byte, 1)); err == nil {
					select {
					case came <- struct{}{}:
					default:
					}
				}
				_, _ = io.Copy(io.Discard, connection)
			}()
		}
	}()
	return listener.Addr().String(), came
}

// stopLimit is how long a collector may take to stop. It takes 15 s at most; the rest is for a busy machine.
const stopLimit = 40 * time.Second

// A backend accepts what it is sent, and never answers. A collector that is told to stop ends all the same, with what it could not hand on
// on disk, and its counters saved.
func TestStopsWhileABackendNeverAnswers(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	for fragment, variables := range map[string]func(address string) []string{
		"mimir":                   func(a string) []string { return []string{"OTELCOL_SRE_MIMIR=http://" + a} },
		"elasticsearch":           func(a string) []string { return []string{"OTELCOL_SRE_ELASTICSEARCH=http://" + a} },
		"prometheus-remote-write": func(a string) []string { return []string{"OTELCOL_SRE_REMOTE_WRITE=http://" + a} },
		"prometheus-otlp":         func(a string) []string { return []string{"OTELCOL_SRE_PROMETHEUS_OTLP=http://" + a} },
		"datadog": func(a string) []string {
			return []string{"OTELCOL_SRE_DATADOG=http://" + a, "OTELCOL_SRE_DATADOG_TOKEN=x"}
		},
		"loki": func(a string) []string { return []string{"OTELCOL_SRE_LOKI=http://" + a} },
		"otlp": func(a string) []string {
			return []string{"OTELCOL_SRE_DOWNSTREAM=" + a, "OTELCOL_SRE_DOWNSTREAM_INSECURE=true"}
		},
		"jaeger": func(a string) []string {
			return []string{"OTELCOL_SRE_JAEGER=" + a, "OTELCOL_SRE_JAEGER_INSECURE=true"}
		},
	} {
		t.Run(fragment, func(t *testing.T) {
			t.Parallel()
			address, heard := silentBackend(t)
			c := prepareCollector(t, "standalone", catalog, append(variables(address), "OTELCOL_SRE_SAMPLING_PERCENTAGE=100")...)
			c.args = append(c.args, "--config", "builtin:"+fragment)
			c.start()
			sent := send(t, c, "grpc", "checkout", "1.0", 200, 1)
			postLog(t, c, "a line")
			select {
			case <-heard:
			case <-time.After(time.Minute):
				t.Fatal("nothing was sent to the backend")
			}
			began := time.Now()
			require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
			select {
			case <-c.done:
			case <-time.After(stopLimit):
				t.Fatalf("it did not stop in %v", stopLimit)
			}
			t.Logf("stopped in %v", time.Since(began).Round(100*time.Millisecond))
			require.True(t, c.cmd.ProcessState.Success(), c.cmd.ProcessState.String())
			c.start()
			for key, want := range sent {
				require.EventuallyWithT(t, func(t *assert.CollectT) {
					got, _ := sum(c.scrape(), "slo_events_total", "service_name", key[0], "slo_name", key[1], "slo_outcome", key[2])
					assert.Equal(t, want, got, "%v", key)
				}, patience, 200*time.Millisecond)
			}
			c.kill()
		})
	}
}

func postLog(t *testing.T, c *collector, body string) {
	t.Helper()
	request := fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]},"scopeLogs":[{"logRecords":[
		{"timeUnixNano":"%d","body":{"stringValue":%q}}]}]}]}`, time.Now().UnixNano(), body)
	response, err := http.Post("http://"+c.otlpHTTP+"/v1/logs", "application/json", strings.NewReader(request))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
}
