// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Arrivals remembers what arrived of each service, for the page that says why it does not count. It copies samples, and neither fails nor
// waits. The context has the client, if it is known.
type Arrivals interface {
	SawTraces(context.Context, ptrace.Traces)
	SawLogs(context.Context, plog.Logs)
	SawMetrics(context.Context, pmetric.Metrics)
}

// FindArrivals returns that of the status_page extension which the exporter's key `page` names.
func FindArrivals(host component.Host, id component.ID) (Arrivals, error) {
	page, err := find(host, id, "page")
	if err != nil {
		return nil, err
	}
	return page.arrivals, nil
}

// find returns the page that a key of another component names.
func find(host component.Host, id component.ID, key string) (*statusPage, error) {
	found, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("%s: no extension %q is running; add it to extensions and service::extensions, or name the one that runs", key, id)
	}
	page, ok := found.(*statusPage)
	if !ok {
		return nil, fmt.Errorf("%s: extension %q is not a status page; name an extension of type status_page", key, id)
	}
	return page, nil
}
