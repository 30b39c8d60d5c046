// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"fmt"

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
	found, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("page: no extension %q is running; add it to extensions and service::extensions, or name the one that runs", id)
	}
	page, ok := found.(*statusPage)
	if !ok {
		return nil, fmt.Errorf("page: extension %q is not a status page; name an extension of type status_page", id)
	}
	return page.recent, nil
}
