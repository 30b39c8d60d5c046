// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Recent keeps telemetry for the search. It copies the data, and neither fails nor waits. The
// status_page exporter passes it the telemetry of a pipeline.
type Recent interface {
	AddTraces(ptrace.Traces)
	AddLogs(plog.Logs)
}

// FindRecent returns that of the status_page extension which the exporter's key `page` names.
func FindRecent(host component.Host, id component.ID) (Recent, error) {
	page, err := find(host, id, "page")
	if err != nil {
		return nil, err
	}
	return page.recent, nil
}
