// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
)

type annotationsExporter struct {
	config     *Config
	settings   component.TelemetrySettings
	agent      string
	rules      []rule
	telemetry  *metadata.TelemetryBuilder
	complaints *complaints
	client     *http.Client
	writer     *writer
}

func newExporter(set exporter.Settings, config *Config) (*annotationsExporter, error) {
	rules, err := compileRules(config.Events)
	if err != nil {
		return nil, err
	}
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &annotationsExporter{
		config: config, settings: set.TelemetrySettings, rules: rules, telemetry: telemetry,
		agent:      set.BuildInfo.Command + "/" + set.BuildInfo.Version,
		complaints: newComplaints(set.Logger),
	}, nil
}

func (e *annotationsExporter) start(ctx context.Context, host component.Host) error {
	client, err := e.config.ClientConfig.ToClient(ctx, host.GetExtensions(), e.settings)
	if err != nil {
		return err
	}
	// A redirected POST would become a GET, and its answer would pass for success.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	e.client = client
	e.writer, err = newWriter(&api{
		client: client, base: strings.TrimRight(e.config.ClientConfig.Endpoint, "/") + "/api/annotations",
		agent: e.agent, requests: e.telemetry.ExporterGrafanaAnnotationsRequests,
	}, func(reason string, err error) {
		e.complaints.say("An annotation exists twice", reason, zap.Error(err))
	})
	return err
}

func (e *annotationsExporter) shutdown(context.Context) error {
	if e.client != nil {
		e.client.CloseIdleConnections()
	}
	e.telemetry.Shutdown()
	return nil
}

// push writes the annotations of all records it can. Those that are to be tried again come back in
// the error, those that Grafana refuses for good make it a permanent one.
func (e *annotationsExporter) push(ctx context.Context, logs plog.Logs) error {
	var again leftover
	var refusedFor error
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				if again.stop {
					again.add(rl, sl, record)
					continue
				}
				became, err := e.export(ctx, rl, sl, record)
				switch {
				case err == nil:
				case permanent(err):
					refusedFor = err
					became = dropped
					e.complaints.say("Grafana refused an annotation; the record is dropped", err.Error(), zap.Error(err))
				default:
					again.because(err)
					again.add(rl, sl, record)
					continue
				}
				e.count(ctx, became)
			}
		}
	}
	if again.err != nil {
		return again.retry()
	}
	if refusedFor != nil {
		return consumererror.NewPermanent(refusedFor)
	}
	return nil
}

// export writes the record's annotation, if it is to have one. A record that is malformed is
// dropped: no other attempt would make it better.
func (e *annotationsExporter) export(ctx context.Context, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) (result, error) {
	key, next, err := e.read(ctx, rl, sl, record)
	if err != nil {
		e.complaints.say("A record cannot become an annotation; it is dropped", err.Error(), zap.Error(err))
		return dropped, nil
	}
	if next == nil {
		return nothing, nil
	}
	return e.writer.write(ctx, key, next)
}

func (e *annotationsExporter) read(ctx context.Context, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) (string, func(*annotation) *annotation, error) {
	if deployment.IsEvent(record) {
		d, err := readDeployment(rl.Resource().Attributes(), record)
		if err != nil {
			return "", nil, err
		}
		return idTag(keyDeployID, d.ID), func(present *annotation) *annotation { return ofDeployment(d, present, e.config) }, nil
	}
	if change.IsEvent(record) {
		c, err := readChange(rl.Resource().Attributes(), record)
		if err != nil {
			return "", nil, err
		}
		return idTag(keyChangeID, c.ID), func(*annotation) *annotation { return ofChange(c, e.config) }, nil
	}
	if event.Is(record) {
		i, err := readIncident(rl.Resource().Attributes(), record)
		if err != nil {
			return "", nil, err
		}
		return idTag(keyIncidentID, i.ID), func(present *annotation) *annotation { return ofIncident(i, present, e.config) }, nil
	}
	a, err := readEvent(ctx, e.rules, e.config, rl, sl, record)
	if a == nil || err != nil {
		return "", nil, err
	}
	return a.Tags[0], func(*annotation) *annotation { event := *a; return &event }, nil
}

func (e *annotationsExporter) count(ctx context.Context, became result) {
	if became != nothing {
		e.telemetry.ExporterGrafanaAnnotationsRecords.Add(ctx, 1, metric.WithAttributes(attribute.String("result", string(became))))
	}
}

func permanent(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.permanent()
}

// leftover is what is to be tried again.
type leftover struct {
	logs plog.Logs
	err  error
	stop bool // Grafana is not there: the other records wait too
}

func (l *leftover) because(err error) {
	if l.err == nil {
		l.logs = plog.NewLogs()
	}
	l.err = err
	var r *refusal
	l.stop = !errors.As(err, &r) || slices.Contains([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, r.status)
}

func (l *leftover) add(rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) {
	to := l.logs.ResourceLogs().AppendEmpty()
	rl.Resource().CopyTo(to.Resource())
	to.SetSchemaUrl(rl.SchemaUrl())
	scope := to.ScopeLogs().AppendEmpty()
	sl.Scope().CopyTo(scope.Scope())
	scope.SetSchemaUrl(sl.SchemaUrl())
	record.CopyTo(scope.LogRecords().AppendEmpty())
}

func (l *leftover) retry() error {
	err := consumererror.NewLogs(fmt.Errorf("annotations are to be written again: %w", l.err), l.logs)
	var r *refusal
	if errors.As(l.err, &r) && r.retryAfter > 0 {
		return exporterhelper.NewThrottleRetry(err, r.retryAfter)
	}
	return err
}
