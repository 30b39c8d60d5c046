// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
)

// An exporter without a queue that retries for ever holds a flush up until its context ends.
func TestShutdownWhileTheNextConsumerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging, err := consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error {
			<-ctx.Done()
			return ctx.Err()
		})
		require.NoError(t, err)
		factory := NewFactory()
		c, err := factory.CreateTracesToMetrics(t.Context(), connectortest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig(), hanging)
		require.NoError(t, err)
		source := &source{subscribers: map[int]func(*catalog.Catalog){}, catalog: catalogOf(t, `
metadata: {name: checkout}
spec: {owner: a, slos: [{name: availability, objective: 99, sli: {availability: {}}}]}
`)}
		require.NoError(t, c.Start(t.Context(), host{component.MustNewID("service_catalog"): source}))
		require.NoError(t, c.ConsumeTraces(t.Context(), ptrace.NewTraces()))
		time.Sleep(time.Minute) // of the bubble: a flush hangs
		stopping := time.Now()
		require.NoError(t, c.Shutdown(t.Context()))
		require.Equal(t, flush.LastTimeout, time.Since(stopping))
	})
}
