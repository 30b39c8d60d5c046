// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// exporters are the ways an SDK can send spans to a collector.
var exporters = map[string]func(context.Context, *collector) (sdktrace.SpanExporter, error){
	"grpc": func(ctx context.Context, c *collector) (sdktrace.SpanExporter, error) {
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(c.otlpGRPC), otlptracegrpc.WithInsecure())
	},
	"http/protobuf": func(ctx context.Context, c *collector) (sdktrace.SpanExporter, error) {
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(c.otlpHTTP), otlptracehttp.WithInsecure())
	},
	"http/json": func(ctx context.Context, c *collector) (sdktrace.SpanExporter, error) {
		return otlptrace.New(ctx, jsonClient{"http://" + c.otlpHTTP + "/v1/traces"})
	},
}

// newTracerProvider is an SDK that sends the service's spans and drops none: it waits for room
// in its queue, and for a collector that is away.
func newTracerProvider(t *testing.T, c *collector, protocol string, attributes ...attribute.KeyValue) *sdktrace.TracerProvider {
	t.Helper()
	exporter, err := exporters[protocol](t.Context(), c)
	require.NoError(t, err)
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(resource.NewSchemaless(attributes...)),
		sdktrace.WithBatcher(patient{exporter}, sdktrace.WithBlocking(), sdktrace.WithBatchTimeout(50*time.Millisecond),
			sdktrace.WithExportTimeout(time.Minute)),
	)
}

// patient tries again until the collector has taken the spans: a collector that restarts does
// not answer for longer than the SDK's own exporters wait.
type patient struct{ sdktrace.SpanExporter }

func (p patient) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	for {
		err := p.SpanExporter.ExportSpans(ctx, spans)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// jsonClient sends OTLP/HTTP with JSON bodies, which the Go SDK does not offer.
type jsonClient struct{ url string }

func (jsonClient) Start(context.Context) error { return nil }
func (jsonClient) Stop(context.Context) error  { return nil }

func (j jsonClient) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	binary, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: spans})
	if err != nil {
		return err
	}
	export := ptraceotlp.NewExportRequest()
	if err = export.UnmarshalProto(binary); err != nil {
		return err
	}
	body, err := export.MarshalJSON()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, j.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", j.url, response.Status)
	}
	return nil
}
