// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/semconv/v1.40.0/dbconv"
	"go.opentelemetry.io/otel/semconv/v1.40.0/goconv"
	"go.opentelemetry.io/otel/semconv/v1.40.0/httpconv"
	"go.opentelemetry.io/otel/semconv/v1.40.0/processconv"
)

// What services report is called as the semantic conventions say, as far as there is code for them.
func TestRegistryIsConventional(t *testing.T) {
	for _, one := range []struct {
		metric
		convention interface{ Name() string }
	}{
		{metricActive, httpconv.ServerActiveRequests{}},
		{metricPending, dbconv.ClientConnectionPendingRequests{}},
		{metricCPUTime, processconv.CPUTime{}},
		{metricProcessCPU, processconv.CPUUtilization{}},
		{metricProcessMemory, processconv.MemoryUsage{}},
		{metricGoProcessors, goconv.ProcessorLimit{}},
		{metricGoMemory, goconv.MemoryUsed{}},
		{metricGoMemoryLimit, goconv.MemoryLimit{}},
		{metricGoroutines, goconv.GoroutineCount{}},
		{metricGoSchedule, goconv.ScheduleDuration{}},
	} {
		assert.Equal(t, one.convention.Name(), one.name)
		assert.Equal(t, one.convention.(interface{ Unit() string }).Unit(), one.unit, one.name)
	}
}
