// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/admission/internal/metadata"
)

// other is what services are counted under that the catalog does not name: clients choose their names.
const other = "_other"

type admission struct {
	config    *Config
	telemetry *metadata.TelemetryBuilder
	// services are the names of the catalog's.
	services    atomic.Pointer[map[string]bool]
	unsubscribe func()
}

func newAdmission(set processor.Settings, config *Config) (*admission, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	a := &admission{config: config, telemetry: telemetry, unsubscribe: func() {}}
	a.services.Store(&map[string]bool{})
	return a, nil
}

func (a *admission) start(_ context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, a.config.Catalog)
	if err != nil {
		return err
	}
	a.unsubscribe = source.Subscribe(func(c *catalog.Catalog) {
		services := make(map[string]bool, len(c.Services))
		for _, s := range c.Services {
			services[s.Name] = true
		}
		a.services.Store(&services)
	})
	return nil
}

func (a *admission) shutdown(context.Context) error {
	a.unsubscribe()
	a.telemetry.Shutdown()
	return nil
}

func (a *admission) traces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	var r repair
	for _, rs := range td.ResourceSpans().All() {
		r.spans(rs)
		a.repaired(ctx, &r, rs.Resource(), "traces")
	}
	return td, nil
}

func (a *admission) logs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	var r repair
	for _, rl := range ld.ResourceLogs().All() {
		r.logs(rl)
		a.repaired(ctx, &r, rl.Resource(), "logs")
	}
	if a.config.DeploymentReports.accepts(ctx) {
		return ld, nil
	}
	if a.dropped(ctx, dropReports(ld)) && ld.ResourceLogs().Len() == 0 {
		return ld, refusal(fmt.Sprintf("deployments are not reported by this sender: authenticate, "+
			"or change deployment_reports of the processor admission, which is %s", a.config.DeploymentReports))
	}
	return ld, nil
}

func (a *admission) metrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	var r repair
	for _, rm := range md.ResourceMetrics().All() {
		r.metrics(rm)
		a.repaired(ctx, &r, rm.Resource(), "metrics")
	}
	trusted := a.config.ReservedNames.accepts(ctx)
	if !trusted && a.dropped(ctx, dropReservedMetrics(md)) && md.ResourceMetrics().Len() == 0 {
		return md, refusal(fmt.Sprintf("only collectors send metrics of these names: use other names, "+
			"or change reserved_names of the processor admission, which is %s", a.config.ReservedNames))
	}
	return md, nil
}

// service is the name that the resource counts under.
func (a *admission) service(resource pcommon.Resource) string {
	if v, ok := resource.Attributes().Get(semconv.ServiceName); ok && (*a.services.Load())[v.AsString()] {
		return v.AsString()
	}
	return other
}

// repaired counts the texts of a resource that were changed.
func (a *admission) repaired(ctx context.Context, r *repair, resource pcommon.Resource, signal string) {
	if r.repaired == 0 {
		return
	}
	a.telemetry.ProcessorAdmissionRepaired.Add(ctx, r.repaired, metric.WithAttributes(
		attribute.String(semconv.ServiceName, a.service(resource)), attribute.String("signal", signal)))
	r.repaired = 0
}

// dropped counts what was dropped, and reports whether it is anything. A request of which nothing is left is then
// refused, so that its sender learns why.
func (a *admission) dropped(ctx context.Context, by map[string]int64) bool {
	for name, n := range by {
		a.telemetry.ProcessorAdmissionReserved.Add(ctx, n, metric.WithAttributes(attribute.String("name", strings.TrimSuffix(name, "_"))))
	}
	return len(by) > 0
}

// refusal is an error that a receiver answers with 400 (HTTP) or INVALID_ARGUMENT (gRPC), so that nobody sends it again.
func refusal(why string) error {
	return consumererror.NewPermanent(status.Error(codes.InvalidArgument, why))
}
