// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspageexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	statuspage "github.com/otelcol-sre/otelcol-sre/extensions/status_page"
)

// A shower shows telemetry to the page. Whatever the page does with it, the telemetry was delivered.
type shower struct {
	page     component.ID
	recent   statuspage.Recent
	arrivals statuspage.Arrivals
}

// start finds the page: extensions are there before exporters.
func (s *shower) start(_ context.Context, host component.Host) (err error) {
	if s.recent, err = statuspage.FindRecent(host, s.page); err != nil {
		return err
	}
	s.arrivals, err = statuspage.FindArrivals(host, s.page)
	return err
}

func (s *shower) showTraces(ctx context.Context, traces ptrace.Traces) error {
	s.arrivals.SawTraces(ctx, traces)
	s.recent.AddTraces(traces)
	return nil
}

func (s *shower) showLogs(ctx context.Context, logs plog.Logs) error {
	s.arrivals.SawLogs(ctx, logs)
	s.recent.AddLogs(logs)
	return nil
}

// showMetrics only says which metrics there are: the page keeps no data points.
func (s *shower) showMetrics(ctx context.Context, metrics pmetric.Metrics) error {
	s.arrivals.SawMetrics(ctx, metrics)
	return nil
}
