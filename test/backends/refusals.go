// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const token = "a-token-for-services-outside"

// An attempt is to send a span to a gateway as somebody.
type attempt struct {
	who     string
	creds   credentials.TransportCredentials
	headers metadata.MD
	refused codes.Code // OK: it is let in
}

func (a attempt) send(ctx context.Context, address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(a.creds))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, a.headers), 10*time.Second)
	defer cancel()
	_, err = ptraceotlp.NewGRPCClient(connection).Export(ctx, ptraceotlp.NewExportRequestFromTraces(spanOf(a.who)))
	return err
}

// spanOf is a span of a service of that name, with that correlation ID.
func spanOf(who string) ptrace.Traces {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", who)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(pcommon.TraceID{15: byte(len(who)), 14: who[0]})
	span.SetSpanID(pcommon.SpanID{7: 1})
	span.SetName("knock")
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	span.Attributes().PutStr("correlation.id", who)
	return traces
}

// try makes the attempts at the gateway. Of who is let in the span is in Jaeger, of nobody else.
func (s *scene) try(ctx context.Context, gateway collector, attempts []attempt) error {
	for _, a := range attempts {
		err := a.send(ctx, gateway.otlp)
		if got := status.Code(err); got != a.refused {
			return fmt.Errorf("%s: %s instead of %s: %w", a.who, got, a.refused, err)
		}
		if err != nil {
			said("refused "+a.who, status.Convert(err).Message())
			continue
		}
		if err := eventually(ctx, time.Minute, "let in "+a.who+": Jaeger has the span", func() error {
			_, err := s.traceOf(ctx, a.who, a.who)
			return err
		}); err != nil {
			return err
		}
	}
	var services struct{ Data []string }
	if err := ask(ctx, s.jaeger+"/api/services", &services); err != nil {
		return err
	}
	for _, a := range attempts {
		for _, service := range services.Data {
			if service == a.who && a.refused != codes.OK {
				return fmt.Errorf("%s was refused, and its span is in Jaeger", a.who)
			}
		}
	}
	return nil
}

func (s *scene) tryCertificates(ctx context.Context) error {
	attempts := []attempt{{who: "no-tls", creds: insecure.NewCredentials(), refused: codes.Unavailable}}
	for _, c := range []struct {
		who, folder string
		show        bool
		refused     codes.Code
	}{
		{"no-certificate", s.keys.agent, false, codes.Unavailable}, {"foreign-certificate", s.keys.foreign, true, codes.Unavailable},
		{"expired-certificate", s.keys.expired, true, codes.Unavailable}, {"right-certificate", s.keys.agent, true, codes.OK},
	} {
		config, err := clientTLS(c.folder, c.show)
		if err != nil {
			return err
		}
		attempts = append(attempts, attempt{who: c.who, creds: credentials.NewTLS(config), refused: c.refused})
	}
	if err := s.try(ctx, s.gateways[0], attempts); err != nil {
		return err
	}
	return eventually(ctx, time.Minute, "the gateway has counted each", func() error {
		handshakes, err := s.gateways[0].own(ctx, "otelcol_extension_mtls_handshakes")
		if err != nil {
			return err
		}
		for _, outcome := range []string{"accepted", "no_certificate", "unknown_authority", "expired", "other"} {
			counted := func(line string) bool { return strings.Contains(line, `outcome="`+outcome+`"`) && handshakes[line] > 0 }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(handshakes)), counted) {
				return fmt.Errorf("no handshake is counted as %s: %v", outcome, handshakes)
			}
		}
		return nil
	})
}

func (s *scene) tryTokens(ctx context.Context) error {
	config, err := clientTLS(s.keys.agent, false)
	if err != nil {
		return err
	}
	creds := credentials.NewTLS(config)
	if err := s.try(ctx, s.gateways[2], []attempt{
		{who: "no-token", creds: creds, refused: codes.Unauthenticated},
		{who: "wrong-token", creds: creds, headers: metadata.Pairs("authorization", "Bearer x"+token), refused: codes.Unauthenticated},
		{who: "right-token", creds: creds, headers: metadata.Pairs("authorization", "Bearer "+token), refused: codes.OK},
	}); err != nil {
		return err
	}
	if err := eventually(ctx, time.Minute, "Prometheus has its requests, by remote write", func() error {
		return equals(ctx, s.metrics.prometheus, `sum(traces_span_metrics_calls_total{service_name="right-token"})`, 1)
	}); err != nil {
		return err
	}
	calls, err := s.gateways[2].own(ctx, "rpc_server_call_duration_count")
	if err != nil {
		return err
	}
	for line, count := range calls {
		if strings.Contains(line, `rpc_response_status_code="UNAUTHENTICATED"`) && count == 2 {
			said("the gateway has counted both", line)
			return nil
		}
	}
	return fmt.Errorf("nothing has counted the two calls that were refused: %v", calls)
}

// tryAgent starts an agent whose certificate is over, and which has to say so.
func (s *scene) tryAgent(ctx context.Context) error {
	const name = "agent-with-an-expired-certificate"
	agent, err := s.startCollector(ctx, name, "agent", []string{"mtls-client"}, "OTELCOL_SRE_GATEWAY="+s.gateways[0].otlp, "OTELCOL_SRE_TLS="+s.keys.expired)
	if err != nil {
		return err
	}
	if err := (attempt{who: name, creds: insecure.NewCredentials()}).send(ctx, agent.otlp); err != nil {
		return err
	}
	return eventually(ctx, time.Minute, "an agent says that its certificate is over", func() error {
		log, err := os.ReadFile(filepath.Join(s.folder, name+".log"))
		if err == nil && !bytes.Contains(log, []byte("tls: expired certificate")) {
			err = errors.New("its log does not")
		}
		return err
	})
}
