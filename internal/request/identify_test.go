// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestNamesOfAttributesThatIdentify(t *testing.T) {
	for _, key := range []string{
		"order.number", "order_id", "orderId", "OrderID", "paymentID", "ORDER_NUMBER", "request_id", "requestId", "requestid", "id", "invoice-no",
		"http.request.header.x-request-id", "http.request.header.x_correlation_id", "messaging.message.id", "messaging.message.conversation_id",
		"faas.invocation_id", "gen_ai.response.id", "order.UUID",
	} {
		assert.True(t, identifies(key), key)
	}
	for _, key := range []string{
		"", ".", "user.id", "userId", "enduser.id", "session.id", "customer_number", "order.customer.id", "thread.id", "process.pid", "http.response.status_code",
		"k8s.pod.uid", "cloud.account.id", "messaging.client.id", "trace_id", "span_id", "parent.id", "tenantID", "order.total", "identity", "paid", "valid",
		"correlation.id", "correlation.conflict", "device.id", "product.id", "service.instance.id", "container.id", "url.path", "db.query.text",
	} {
		assert.False(t, identifies(key), key)
	}
}

func TestDistinct(t *testing.T) {
	for _, text := range []string{"C-77", "A-1", "900417", "90041", "7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b", "2026/17", "a1b"} {
		assert.True(t, distinct(text), text)
	}
	for _, text := range []string{"", "5", "200", "1001", "abc", "unknown", "order 7/a", "ä12345", "12.3", "x1\n", string(make([]byte, maxValue+1))} {
		assert.False(t, distinct(text), text)
	}
}

func TestBodyWords(t *testing.T) {
	body := pcommon.NewValueMap()
	assert.NoError(t, body.FromRaw(map[string]any{"message": "paid order 900417, (A-1001)!", "list": []any{int64(123456), "x", map[string]any{"deep": "d-1"}}}))
	words := slices.Sorted(bodyWords(body, 0))
	assert.Equal(t, []string{"123456", "900417", "A-1001", "d-1"}, words)

	deep := pcommon.NewValueSlice()
	for at, level := deep, 0; level < 1000; level++ {
		at.Slice().AppendEmpty().SetStr("word-1")
		at = at.Slice().AppendEmpty()
		at.SetEmptySlice()
	}
	assert.LessOrEqual(t, len(slices.Collect(bodyWords(deep, 0))), maxLevel+1)
	assert.True(t, vocabulary{"word-1": false}.saidBy(deep, 0))
}
