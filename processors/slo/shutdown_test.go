// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"

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
		p, err := NewFactory().CreateMetrics(t.Context(), settings(componenttest.NewNopTelemetrySettings().Logger), createDefaultConfig(), hanging)
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context(), catalogHost(checkout())))
		time.Sleep(time.Minute) // of the bubble: a flush hangs
		stopping := time.Now()
		require.NoError(t, p.Shutdown(t.Context()))
		require.Equal(t, flush.LastTimeout, time.Since(stopping))
	})
}
