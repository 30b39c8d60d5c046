// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
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
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-sre/otelcol-sre/receivers/otlp/internal/metadatatest"
	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// limit is that of a body, in bytes.
const limit = 10_000

// free returns an address that nothing listens on.
func free(t testing.TB) string {
	t.Helper()
	address, err := observed.FreeAddress()
	require.NoError(t, err)
	return address
}

// host has extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// A running is a receiver that listens.
type running struct {
	grpc, http string
	telemetry  *componenttest.Telemetry
	logs       *observer.ObservedLogs
	stop       func()
}

// keys are those of a test: both protocols, on addresses that nothing listens on.
func keys(t *testing.T) map[string]any {
	t.Helper()
	return map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": free(t)},
		"http": map[string]any{"endpoint": free(t), "max_request_body_size": limit},
	}}
}

func configured(t *testing.T, keys map[string]any) *Config {
	t.Helper()
	config := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(config))
	require.NoError(t, xconfmap.Validate(config))
	return config
}

// listen starts a receiver of log records.
func listen(t *testing.T, config *Config, extensions host, take func(context.Context, plog.Logs) error) running {
	t.Helper()
	r := running{telemetry: componenttest.NewTelemetry()}
	if config.Protocols.GRPC.HasValue() {
		r.grpc = config.Protocols.GRPC.Get().NetAddr.Endpoint
	}
	if config.Protocols.HTTP.HasValue() {
		r.http = config.Protocols.HTTP.Get().ServerConfig.NetAddr.Endpoint
	}
	core, observed := observer.New(zap.WarnLevel)
	r.logs = observed
	set := nopSettings()
	set.TelemetrySettings = r.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)
	sink, err := consumer.NewLogs(take)
	require.NoError(t, err)
	one, err := NewFactory().CreateLogs(t.Context(), set, config, sink)
	require.NoError(t, err)
	require.NoError(t, one.Start(t.Context(), extensions))
	r.stop = func() { assert.NoError(t, one.Shutdown(context.WithoutCancel(t.Context()))) }
	t.Cleanup(func() {
		r.stop()
		assert.NoError(t, r.telemetry.Shutdown(context.WithoutCancel(t.Context())))
	})
	return r
}

func (in running) post(t *testing.T, kind string, body []byte, headers ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+in.http+"/v1/logs", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, text
}

func record(size int) []byte {
	return fmt.Appendf(nil, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":%q}}]}]}]}`, strings.Repeat("a", size))
}

// A client learns that its batch is too large, and the limit; whatever is smaller is taken.
func TestBodyAboveTheLimit(t *testing.T) {
	taken := 0
	in := listen(t, configured(t, keys(t)), nil, func(context.Context, plog.Logs) error { taken++; return nil })
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, err := writer.Write(record(2 * limit))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Less(t, zipped.Len(), limit)

	for name, send := range map[string]func() (*http.Response, []byte){
		"plain":   func() (*http.Response, []byte) { return in.post(t, "application/json", record(2*limit)) },
		"charset": func() (*http.Response, []byte) { return in.post(t, "application/json; charset=utf-8", record(2*limit)) },
		"gzip": func() (*http.Response, []byte) {
			return in.post(t, "application/json", zipped.Bytes(), "Content-Encoding", "gzip")
		},
		"protobuf": func() (*http.Response, []byte) { return in.post(t, "application/x-protobuf", make([]byte, 2*limit)) },
	} {
		answer, text := send()
		assert.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode, name)
		reason := status.New(codes.OK, "").Proto()
		if name == "protobuf" {
			assert.Equal(t, "application/x-protobuf", answer.Header.Get("Content-Type"), name)
			require.NoError(t, proto.Unmarshal(text, reason), name)
		} else {
			assert.Equal(t, "application/json", answer.Header.Get("Content-Type"), name)
			require.NoError(t, protojson.Unmarshal(text, reason), name)
		}
		assert.Contains(t, reason.GetMessage(), "the body has more than 10000 bytes after decompression: send smaller batches, or raise max_request_body_size", name)
		assert.Empty(t, answer.Header.Get("Retry-After"), name)
	}
	metadatatest.AssertEqualReceiverOtlpRefused(t, in.telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("reason", "too_large")), Value: 4},
	}, metricdatatest.IgnoreTimestamp())

	answer, _ := in.post(t, "application/json", record(limit/2))
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	answer, text := in.post(t, "application/json", []byte("{"))
	assert.Equal(t, http.StatusBadRequest, answer.StatusCode, "another error stays as it is")
	assert.NotContains(t, string(text), "bytes")
	assert.Equal(t, 1, taken)
}

// A pipeline that refuses data for a while makes clients wait, not drop.
func TestBusy(t *testing.T) {
	config := configured(t, keys(t))
	config.RetryAfter = 7 * time.Second
	in := listen(t, config, nil, func(context.Context, plog.Logs) error { return errors.New("data refused due to high memory usage") })
	answer, text := in.post(t, "application/json", record(1))
	assert.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	assert.Equal(t, "7", answer.Header.Get("Retry-After"))
	assert.Contains(t, string(text), "high memory usage")
	metadatatest.AssertEqualReceiverOtlpRefused(t, in.telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("reason", "busy")), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
}

// A connection that sends nothing is closed, and a request whose message never comes is ended.
func TestSlowClientsOfGRPC(t *testing.T) {
	config := configured(t, keys(t))
	config.HandshakeTimeout, config.RequestTimeout = 50*time.Millisecond, 50*time.Millisecond
	in := listen(t, config, nil, func(context.Context, plog.Logs) error { return nil })
	silent, err := net.Dial("tcp", in.grpc)
	require.NoError(t, err)
	require.NoError(t, silent.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.Copy(io.Discard, silent) // until the server closes
	require.NoError(t, err)
	require.NoError(t, silent.Close())

	half := in.half(t)
	half.ended(t, "4") // deadline exceeded
	require.NoError(t, half.Close())
}

// A halfRequest is a gRPC connection with a request whose message is not complete.
type halfRequest struct {
	net.Conn
	framer *http2.Framer
}

func (in running) half(t *testing.T) halfRequest {
	t.Helper()
	conn, err := net.Dial("tcp", in.grpc)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(t, framer.WriteSettings())
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"}, {":authority", "x"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers.Bytes(), EndHeaders: true}))
	require.NoError(t, framer.WriteData(1, false, []byte{0, 0, 0, 1, 0})) // the length of a message
	return halfRequest{conn, framer}
}

// ended waits until the server has ended the request.
func (h halfRequest) ended(t *testing.T, code string) {
	t.Helper()
	for {
		frame, err := h.framer.ReadFrame()
		require.NoError(t, err)
		if trailers, ok := frame.(*http2.MetaHeadersFrame); ok {
			assert.Contains(t, trailers.Fields, hpack.HeaderField{Name: "grpc-status", Value: code})
			return
		}
	}
}

// Requests that never end do not keep the collector from stopping.
func TestStopWithUnfinishedRequests(t *testing.T) {
	config := configured(t, keys(t))
	config.RequestTimeout, config.ShutdownTimeout, config.RetryAfter = time.Hour, 50*time.Millisecond, time.Second
	in := listen(t, config, nil, func(context.Context, plog.Logs) error { return nil })
	grpc := in.half(t)
	plain, err := net.Dial("tcp", in.http)
	require.NoError(t, err)
	require.NoError(t, plain.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(plain, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	const reads = "HTTP/1.1 100 Continue\r\n\r\n" // the body, which never comes
	begun := make([]byte, len(reads))
	_, err = io.ReadFull(plain, begun)
	require.NoError(t, err)
	require.Equal(t, reads, string(begun))
	require.Eventually(t, func() bool { return in.open(t) == 2 }, 30*time.Second, time.Millisecond)

	in.stop()
	for { // a client of gRPC reads UNAVAILABLE into the end of the connection
		if _, err = grpc.framer.ReadFrame(); err != nil {
			break
		}
	}
	require.True(t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), "the connection has ended: %v", err) // a reset, if frames of the client were still to be read
	answer, err := io.ReadAll(plain)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "HTTP/1.1 503 Service Unavailable")
	assert.Contains(t, string(answer), "Retry-After: 1")
	assert.Contains(t, string(answer), "the body did not arrive in time: send it again")
	require.NoError(t, grpc.Close())
	require.NoError(t, plain.Close())
}

// open is how many connections there are.
func (in running) open(t *testing.T) (n int64) {
	t.Helper()
	found, err := in.telemetry.GetMetric("otelcol_receiver_otlp_connections")
	if err != nil {
		return 0 // none yet
	}
	for _, point := range found.Data.(metricdata.Sum[int64]).DataPoints {
		n += point.Value
	}
	return n
}

func TestValidate(t *testing.T) {
	require.NoError(t, configured(t, keys(t)).Validate())
	err := (&Config{}).Validate()
	require.ErrorContains(t, err, "protocols: has neither grpc nor http; add one")
	require.ErrorContains(t, err, "max_connections: is 0; set it above 0")
	require.ErrorContains(t, err, "handshake_timeout: is 0s; set it above 0")
	require.ErrorContains(t, err, "request_timeout: is 0s; set it above 0")
	require.ErrorContains(t, err, "shutdown_timeout: is 0s; set it above 0")
	require.ErrorContains(t, err, "retry_after: is 0s; set 1s or more")
}

func nopSettings() receiver.Settings { return receivertest.NewNopSettings(NewFactory().Type()) }
