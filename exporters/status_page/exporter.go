// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspageexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	statuspage "github.com/otelcol-sre/otelcol-sre/extensions/status_page"
)

// A shower shows telemetry to the page. Whatever the page does with it, the telemetry was delivered.
type shower struct {
	page   component.ID
	recent statuspage.Recent
}

// start finds the page: extensions are there before exporters.
func (s *shower) start(_ context.Context, host component.Host) (err error) {
	s.recent, err = statuspage.FindRecent(host, s.page)
	return err
}

func (s *shower) showTraces(_ context.Context, traces ptrace.Traces) error {
	s.recent.AddTraces(traces)
	return nil
}

func (s *shower) showLogs(_ context.Context, logs plog.Logs) error {
	s.recent.AddLogs(logs)
	return nil
}
