// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the dashboards show of saturation is what a Go service reports.
func TestEveryServiceReportsItsProcess(t *testing.T) {
	limitMemory()
	backend := newCollector(t)
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: backend.grpc, Protocol: protocolGRPC}, Settings: quick()})
	require.True(t, buy(t, shop, "request-1"))
	shutdown(t, shop)

	for _, name := range serviceNames {
		assert.Subset(t, backend.metrics[name], []string{"process.cpu.time", "go.processor.limit", "go.memory.used", "go.memory.limit",
			"go.goroutine.count", "go.schedule.duration"}, name)
		if name != mailer { // it answers no requests
			assert.Contains(t, backend.metrics[name], "http.server.active_requests", name)
			assert.Zero(t, backend.sum(name, "http.server.active_requests", "http"), name)
		}
	}
}
