// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdk "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"golang.org/x/net/http2"

	"github.com/otelcol-sre/otelcol-sre/receivers/otlp/internal/metadatatest"
)

func overGRPCTo(t *testing.T, address string) sdk.Exporter {
	t.Helper()
	e, err := otlploggrpc.New(t.Context(), otlploggrpc.WithInsecure(), otlploggrpc.WithEndpoint(address), otlploggrpc.WithRetry(otlploggrpc.RetryConfig{}))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return e
}

func overHTTPTo(t *testing.T, address string) sdk.Exporter {
	t.Helper()
	e, err := otlploghttp.New(t.Context(), otlploghttp.WithInsecure(), otlploghttp.WithEndpoint(address), otlploghttp.WithRetry(otlploghttp.RetryConfig{}))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return e
}

func someRecords() []sdk.Record {
	var r sdk.Record
	r.SetBody(log.StringValue("ready"))
	return []sdk.Record{r}
}

// Real SDKs are served on the port of the other protocol, and the log says once what to set.
func TestEitherPort(t *testing.T) {
	var taken atomic.Int64
	in := listen(t, configured(t, keys(t)), nil, func(_ context.Context, ld plog.Logs) error {
		taken.Add(int64(ld.LogRecordCount()))
		return nil
	})
	for range 3 {
		for name, e := range map[string]sdk.Exporter{
			"gRPC": overGRPCTo(t, in.grpc), "gRPC to the port of HTTP": overGRPCTo(t, in.http),
			"HTTP": overHTTPTo(t, in.http), "HTTP to the port of gRPC": overHTTPTo(t, in.grpc),
		} {
			require.NoError(t, e.Export(t.Context(), someRecords()), name)
		}
	}
	assert.EqualValues(t, 12, taken.Load())
	metadatatest.AssertEqualReceiverOtlpMisdirected(t, in.telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("protocol", "grpc"), attribute.String("outcome", "served")), Value: 3},
		{Attributes: attribute.NewSet(attribute.String("protocol", "http"), attribute.String("outcome", "served")), Value: 3},
	}, metricdatatest.IgnoreTimestamp())
	var lines []string
	for _, entry := range in.logs.All() {
		lines = append(lines, entry.Message)
	}
	assert.ElementsMatch(t, []string{
		"OTLP over HTTP came to the port for gRPC: send OTLP over HTTP to " + in.http,
		"OTLP over gRPC came to the port for HTTP: send OTLP over gRPC to " + in.grpc,
	}, lines)
}

// A port takes only its own protocol where the other port is protected in another way, or where there is no other port.
// The client reads which port is the right one.
func TestRightPortIsNamed(t *testing.T) {
	one := func(t *testing.T, protocol string) *Config {
		k := keys(t)
		p := k["protocols"].(map[string]any)
		return configured(t, map[string]any{"protocols": map[string]any{protocol: p[protocol]}})
	}
	apart := configured(t, keys(t))
	apart.Protocols.HTTP.Get().ServerConfig.NetAddr.Endpoint = "127.0.0.1" + apart.Protocols.HTTP.Get().ServerConfig.NetAddr.Endpoint[len("127.0.0.1"):]
	apart.Protocols.GRPC.Get().NetAddr.Endpoint = "localhost" + apart.Protocols.GRPC.Get().NetAddr.Endpoint[len("127.0.0.1"):]
	refused := func(context.Context, plog.Logs) error { t.Error("a request passed"); return nil }
	for _, c := range []struct {
		name   string
		config *Config
		hint   string
	}{
		{"gRPC only", one(t, "grpc"), "this port takes OTLP over gRPC: add http to protocols of the receiver, or use another exporter"},
		{"two addresses", apart, "this port takes OTLP over gRPC: send OTLP over HTTP to 127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := listen(t, c.config, nil, refused)
			answer, err := http.Get("http://" + in.grpc + "/v1/logs")
			require.NoError(t, err)
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			assert.Equal(t, http.StatusBadRequest, answer.StatusCode)
			assert.Contains(t, string(text), c.hint)
			require.Error(t, overHTTPTo(t, in.grpc).Export(t.Context(), someRecords()))
			http.DefaultClient.CloseIdleConnections()
		})
	}
	t.Run("HTTP only", func(t *testing.T) {
		in := listen(t, one(t, "http"), nil, refused)
		conn, err := net.Dial("tcp", in.http)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
		_, err = io.WriteString(conn, http2.ClientPreface)
		require.NoError(t, err)
		framer := http2.NewFramer(conn, conn)
		_, err = framer.ReadFrame() // settings
		require.NoError(t, err)
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		assert.Equal(t, "this port takes OTLP over HTTP: add grpc to protocols of the receiver, or use another exporter", string(frame.(*http2.GoAwayFrame).DebugData()))
		require.NoError(t, conn.Close())
		require.Error(t, overGRPCTo(t, in.http).Export(t.Context(), someRecords()))
	})
}

// Only ports that let in the same clients share them.
func TestAlike(t *testing.T) {
	secret := map[string]any{"authenticator": "bearertokenauth"}
	tls := map[string]any{"cert_file": "c", "key_file": "k"}
	middleware := []any{map[string]any{"id": "mtls"}}
	for _, c := range []struct {
		name       string
		grpc, http map[string]any
		want       bool
	}{
		{"nothing", nil, nil, true},
		{"one authenticator", map[string]any{"auth": secret}, map[string]any{"auth": secret}, true},
		{"another authenticator", map[string]any{"auth": secret}, map[string]any{"auth": map[string]any{"authenticator": "oidc"}}, false},
		{"authentication of gRPC", map[string]any{"auth": secret}, nil, false},
		{"authentication of HTTP", nil, map[string]any{"auth": secret}, false},
		{"TLS of gRPC", map[string]any{"tls": tls}, nil, false},
		{"TLS of HTTP", nil, map[string]any{"tls": tls}, false},
		{"TLS of both", map[string]any{"tls": tls}, map[string]any{"tls": tls}, false},
		{"a middleware", map[string]any{"middlewares": middleware}, map[string]any{"middlewares": middleware}, true},
		{"a middleware of gRPC", map[string]any{"middlewares": middleware}, nil, false},
		{"another address", map[string]any{"endpoint": "0.0.0.0:4317"}, nil, false},
		{"a socket", map[string]any{"endpoint": "/run/otlp.sock", "transport": "unix"}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := configured(t, map[string]any{"protocols": map[string]any{"grpc": c.grpc, "http": c.http}})
			assert.Equal(t, c.want, alike(config.Protocols.GRPC.Get(), config.Protocols.HTTP.Get()))
		})
	}
}

// A client beyond the limit waits until another one leaves.
func TestConnectionsAreBounded(t *testing.T) {
	config := configured(t, keys(t))
	config.MaxConnections = 2
	in := listen(t, config, nil, func(context.Context, plog.Logs) error { return nil })
	var others []net.Conn
	for range config.MaxConnections {
		conn, err := net.Dial("tcp", in.grpc)
		require.NoError(t, err)
		_, err = io.WriteString(conn, http2.ClientPreface)
		require.NoError(t, err)
		others = append(others, conn)
	}
	require.Eventually(t, func() bool { return in.open(t) == 2 }, 30*time.Second, time.Millisecond)
	waiting := overGRPCTo(t, in.grpc)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, waiting.Export(short, someRecords()))
	require.NoError(t, overHTTPTo(t, in.http).Export(t.Context(), someRecords()), "another port has places of its own")
	for _, conn := range others {
		require.NoError(t, conn.Close())
	}
	require.NoError(t, waiting.Export(t.Context(), someRecords()))
	assert.LessOrEqual(t, in.open(t), int64(3))
}

// A connection that sends nothing, or half a word, is closed in time.
func TestSilentClients(t *testing.T) {
	config := configured(t, keys(t))
	config.HandshakeTimeout = 50 * time.Millisecond
	in := listen(t, config, nil, func(context.Context, plog.Logs) error { return nil })
	for _, address := range []string{in.grpc, in.http} {
		for _, words := range []string{"", "P", "PR"} {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
			_, err = io.WriteString(conn, words)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, conn) // until the server closes; the kernel resets connections with unread data
			require.NoError(t, conn.Close())
		}
	}
	require.Eventually(t, func() bool { return in.open(t) == 0 }, 30*time.Second, time.Millisecond)
}

// A client may send its first bytes one at a time.
func TestSlowBeginning(t *testing.T) {
	in := listen(t, configured(t, keys(t)), nil, func(context.Context, plog.Logs) error { return nil })
	for _, address := range []string{in.grpc, in.http} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
		for _, b := range []byte("PUT /v1/logs HTTP/1.0\r\n\r\n") {
			_, err = conn.Write([]byte{b})
			require.NoError(t, err)
		}
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Contains(t, string(answer), "405 Method Not Allowed")
		require.NoError(t, conn.Close())
	}
}

// The stop does not wait for a client that has not said yet what it speaks.
func TestStopWithSilentClient(t *testing.T) {
	config := configured(t, keys(t))
	config.HandshakeTimeout = time.Hour
	in := listen(t, config, host{}, func(context.Context, plog.Logs) error { return nil })
	conn, err := net.Dial("tcp", in.grpc)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return in.open(t) == 1 }, 30*time.Second, time.Millisecond)
	in.stop()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, conn.Close())
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	k := keys(t)
	k["protocols"].(map[string]any)["http"].(map[string]any)["endpoint"] = taken.Addr().String()
	r, err := newIntake(nopSettings(), configured(t, k))
	require.NoError(t, err)
	err = r.start(t.Context(), host{component.MustNewID("none"): nil})
	require.ErrorContains(t, err, "protocols::http::endpoint: cannot listen on "+taken.Addr().String())
	require.ErrorContains(t, err, "free it, or set another")
}

// What a client speaks does not depend on how its first bytes arrive.
func FuzzSpoken(f *testing.F) {
	for _, seed := range []string{"", "P", "PRI * HTTP/2.0", "POST /", "PUT", "GET /", "\x16\x03\x01", "pri", "PRIOR"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, first []byte) {
		whole, more := spoken(first)
		if more && len(first) >= 3 {
			t.Fatalf("%q: three bytes are enough", first)
		}
		for i := range first {
			if part, wait := spoken(first[:i]); !wait && part != whole {
				t.Fatalf("%q: %v after %d bytes, then %v", first, part, i, whole)
			}
		}
	})
}
