// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Events are the log records of what has happened, each with the service that was deployed as its resource, so that it
// is among the service's own logs.
func Events(happened []Deployment, scope pcommon.InstrumentationScope, now time.Time) plog.Logs {
	ld := plog.NewLogs()
	for i := range happened {
		d := &happened[i]
		rl := ld.ResourceLogs().AppendEmpty()
		attributes := rl.Resource().Attributes()
		for key, value := range map[string]string{
			semconv.ServiceName: d.Name, semconv.ServiceNamespace: d.Namespace, semconv.Environment: d.Environment,
			semconv.ClusterName: d.Cluster, semconv.CloudRegion: d.Region, semconv.CloudAccount: d.Account,
		} {
			if value != "" {
				attributes.PutStr(key, value)
			}
		}
		sl := rl.ScopeLogs().AppendEmpty()
		scope.CopyTo(sl.Scope())
		record := sl.LogRecords().AppendEmpty()
		at := d.Start
		if d.Status.Over() && !d.End.IsZero() {
			at = d.End
		} else if d.Status == Canary {
			at = now
		}
		d.Write(record, at)
		record.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	}
	return ld
}

// ReadEvents is the way back.
func ReadEvents(ld plog.Logs) (happened []Deployment, err error) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				d, err := Read(rl.Resource().Attributes(), record)
				if err != nil {
					return nil, err
				}
				happened = append(happened, *d)
			}
		}
	}
	return happened, nil
}
