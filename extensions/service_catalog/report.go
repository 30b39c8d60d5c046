// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/metadata"
)

const (
	// maxLogged bounds the problems logged for one reading, maxText the bytes of one.
	maxLogged = 20
	maxText   = 400
)

// errCatalog is in the chain of the error in the component's status.
var errCatalog = errors.New("service catalog has errors")

// A reporter says what became of each reading: in the log, in internal telemetry, in the
// component's status, and to those who ask.
type reporter struct {
	host        component.Host
	logger      *zap.Logger
	directories []string
	inUse       func() *catalog.Catalog
	now         func() time.Time
	telemetry   *metadata.TelemetryBuilder

	// failing tells that the last reading had errors.
	failing bool
	// newest is for those who ask; it is never nil.
	newest atomic.Pointer[newest]

	// The gauges are read by the collector's own metric reader.
	errors, warnings, lastSuccess atomic.Int64
}

func newReporter(settings extension.Settings, config *Config, inUse func() *catalog.Catalog) (*reporter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r := &reporter{
		logger: settings.Logger, directories: config.Directory, inUse: inUse, now: time.Now, telemetry: telemetry,
	}
	r.newest.Store(&newest{})
	return r, r.registerGauges()
}

func (r *reporter) registerGauges() error {
	severity := func(s catalog.Severity) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("severity", s.String())))
	}
	isError, isWarning := severity(catalog.Error), severity(catalog.Warning)
	t := r.telemetry
	return errors.Join(
		t.RegisterExtensionServiceCatalogServicesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(len(r.inUse().Services)))
			return nil
		}),
		t.RegisterExtensionServiceCatalogSlosCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(countSLOs(r.inUse()))
			return nil
		}),
		t.RegisterExtensionServiceCatalogProblemsCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(r.errors.Load(), isError)
			o.Observe(r.warnings.Load(), isWarning)
			return nil
		}),
		t.RegisterExtensionServiceCatalogLastSuccessCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(r.lastSuccess.Load())
			return nil
		}),
	)
}

// observe shows how full the registry is.
func (r *reporter) observe(registry *admission.Registry) error {
	kind := func(name string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", name)))
	}
	known, unknown := kind("known"), kind("unknown")
	t := r.telemetry
	return errors.Join(
		t.RegisterExtensionServiceCatalogAdmissionIdentitiesCallback(func(_ context.Context, o metric.Int64Observer) error {
			stats := registry.Stats()
			o.Observe(int64(stats.Known), known)
			o.Observe(int64(stats.Unknown), unknown)
			return nil
		}),
		t.RegisterExtensionServiceCatalogAdmissionOverflowedCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(registry.Stats().Overflowed)
			return nil
		}),
		t.RegisterExtensionServiceCatalogAdmissionBeyondCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(registry.Stats().Beyond)
			return nil
		}),
	)
}

// report reports one reading.
func (r *reporter) report(o outcome, problems catalog.Problems) {
	now, failures, warnings := r.now(), problems.Errors(), problems.Warnings()
	r.telemetry.ExtensionServiceCatalogReloads.Add(context.Background(), 1, metric.WithAttributes(o.attribute()))
	r.errors.Store(int64(len(failures)))
	r.warnings.Store(int64(len(warnings)))
	if len(failures) == 0 {
		r.lastSuccess.Store(now.Unix())
	}
	r.keep(now, o, failures, warnings)
	r.log(o, failures, warnings)
	r.status(o, failures)
}

func (r *reporter) log(o outcome, failures, warnings catalog.Problems) {
	inUse := r.inUse()
	fields := []zap.Field{
		zap.Strings("directory", r.directories), zap.String("outcome", string(o)),
		zap.Int("services", len(inUse.Services)), zap.Int64("slos", countSLOs(inUse)), zap.String("revision", inUse.Revision),
		zap.Int("errors", len(failures)), zap.Int("warnings", len(warnings)),
	}
	if len(failures) == 0 {
		r.logger.Info("Service catalog is in use", fields...)
	} else {
		r.logger.Error("Service catalog has errors; "+consequence(o), fields...)
	}
	listed := slices.Concat(failures, warnings)
	for i, p := range listed {
		if i == maxLogged {
			r.logger.Warn("More problems in the service catalog; run `srectl validate` on the folder to see all",
				zap.Int("more", len(listed)-maxLogged))
			break
		}
		r.logger.Warn("Problem in the service catalog", zap.Stringer("severity", p.Severity), zap.String("problem", describe(p)))
	}
}

// status reports errors to the collector's health, and once when they are fixed.
func (r *reporter) status(o outcome, failures catalog.Problems) {
	switch {
	case len(failures) > 0:
		err := fmt.Errorf("%w (%d), %s; the first: %s", errCatalog, len(failures), consequence(o), describe(failures[0]))
		componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(err))
	case r.failing:
		componentstatus.ReportStatus(r.host, componentstatus.NewEvent(componentstatus.StatusOK))
	}
	r.failing = len(failures) > 0
}

// consequence says what a reading with errors means for those who use the catalog.
func consequence(o outcome) string {
	if o == partial {
		return "the services without errors are used"
	}
	return "the last good one stays in use"
}

// describe is the problem in a line that is safe to print.
func describe(p catalog.Problem) string { return printable(p.String()) }

// printable cuts text from outside to a sane length and blanks what could forge a log line.
func printable(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

func countSLOs(c *catalog.Catalog) (n int64) {
	for _, s := range c.Services {
		n += int64(len(s.SLOs))
	}
	return n
}
