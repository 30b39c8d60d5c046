// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incidents

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-sre/otelcol-sre/receivers/incidents/internal/metadata"
)

// NewFactory returns the factory of the incidents receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(metadata.Type, createDefaultConfig, receiver.WithLogs(createLogs, metadata.LogsStability))
}

func createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	return newAnnouncer(set, cfg.(*Config), next)
}
