// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestABouncedReceipt(t *testing.T) {
	backend := newCollector(t)
	settings := quick()
	settings[mailer] = Settings{Version: "1.0.0", Environment: "test", ErrorRate: 1, Instances: 1}
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: backend.grpc}, Settings: settings})
	require.True(t, buy(t, shop, ""), "the customer does not wait for the receipt")
	shutdown(t, shop)

	var lines []string
	for _, r := range backend.records {
		if str(r.resource, "service.name") == mailer {
			lines = append(lines, r.Body().Str())
		}
	}
	require.Len(t, lines, 2)
	assert.Regexp(t, ` INFO  \[mailer\] Mailer - taking receipt order=\S+ request_id=-$`, lines[0])
	for _, s := range backend.spans {
		if s.Kind() == ptrace.SpanKindConsumer && str(s.resource, "service.name") == mailer {
			assert.Equal(t, ptrace.StatusCodeError, s.Status().Code())
			assert.Regexp(t, ` ERROR \[mailer\] Mailer - receipt bounced order=`+str(s.Attributes(), "order.id")+` request_id=- trace_id=`+
				s.TraceID().String()+` span_id=`+s.SpanID().String()+`: mailbox full$`, lines[1])
		}
	}

	bad := map[string]int64{}
	for _, c := range shop.Tally().SLOs {
		if c.Service == mailer {
			assert.Zero(t, c.Good, c.SLO)
			bad[c.SLO] = c.Bad
		}
	}
	assert.Equal(t, map[string]int64{"availability": 1, sloReceiptsSent: 1}, bad)
}

// A receipt is not lost because a customer did not wait for the answer, as long as there is room for it.
func TestAReceiptOfACustomerWhoIsGone(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	shop := &Shop{receipts: make(chan message, queueLength)}
	for range queueLength {
		require.NoError(t, shop.sendReceipt(gone, "order-1"))
	}
	require.ErrorIs(t, shop.sendReceipt(gone, "order-1"), context.Canceled, "a full queue does not hold up who is gone")
}
