// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/probe"
)

// A checker makes the checks of the catalog.
type checker struct {
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	report    *receiverhelper.ObsReport
	version   string
	traces    consumer.Traces  // nil without a pipeline
	metrics   consumer.Metrics // nil without a pipeline

	probe func(context.Context, *probe.Question) probe.Result
	turns chan struct{} // of those that run at once

	unsubscribe func()
	running     sync.WaitGroup
	stopping    sync.Once

	mu    sync.Mutex // guards what follows
	ended bool
	end   context.CancelFunc // of the checks of the present catalog
}

func newChecker(set receiver.Settings, config *Config) (*checker, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	if err != nil {
		return nil, err
	}
	return &checker{
		config: config, logger: set.Logger, telemetry: telemetry, report: report, version: set.BuildInfo.Version, turns: make(chan struct{}, config.MaxConcurrent),
	}, nil
}

// start follows the catalog. Without the default one there is nothing to check.
func (c *checker) start(host component.Host) error {
	prober, err := probe.New(c.config.SecretsDirectory, c.config.CAFile)
	if err != nil {
		return fmt.Errorf("checks: %w", err)
	}
	c.probe = prober.Probe
	if _, ok := host.GetExtensions()[c.config.Catalog]; !ok && c.config.Catalog == defaultCatalog {
		c.logger.Info("No service_catalog extension runs: there are no checks")
		return nil
	}
	source, err := servicecatalog.Find(host, c.config.Catalog)
	if err != nil {
		return err
	}
	c.unsubscribe = source.Subscribe(c.follow)
	return nil
}

func (c *checker) stop() {
	c.stopping.Do(func() {
		if c.unsubscribe != nil {
			c.unsubscribe()
		}
		c.mu.Lock()
		c.ended = true
		if c.end != nil {
			c.end()
		}
		c.mu.Unlock()
		c.running.Wait()
	})
}

// A task is a check of a service, as this collector makes it.
type task struct {
	catalog.Check
	service deployment.Service
}

// tasks are those of the catalog that are made here.
func (c *checker) tasks(of *catalog.Catalog) (all []task, more int) {
	for _, s := range of.Services {
		for i := range s.Checks {
			check := s.Checks[i]
			if len(check.From) > 0 && !slices.Contains(check.From, c.config.Location) {
				continue
			}
			if len(all) == c.config.MaxChecks {
				more++
				continue
			}
			if check.Environment == "" && len(s.Environments) == 1 {
				check.Environment = s.Environments[0]
			}
			all = append(all, task{check, deployment.Service{Namespace: s.Namespace, Name: s.Name, Environment: check.Environment}})
		}
	}
	return all, more
}

// follow makes the checks of a catalog instead of those before.
func (c *checker) follow(of *catalog.Catalog) {
	all, more := c.tasks(of)
	c.telemetry.ReceiverChecksLeftOut.Record(context.Background(), int64(more))
	if more > 0 {
		c.logger.Warn("There are more checks than max_checks; raise it, or let other collectors make some (from in the catalog)", zap.Int("made", len(all)), zap.Int("left out", more))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		c.end()
	}
	if c.ended {
		return
	}
	var ctx context.Context
	ctx, c.end = context.WithCancel(context.Background())
	for i := range all {
		c.running.Go(func() { c.repeat(ctx, &all[i]) })
	}
}

// repeat makes a check at its times, which are the same after a restart or another catalog: checks are spread over their interval.
func (c *checker) repeat(ctx context.Context, t *task) {
	spread := fnv.New64a()
	_, _ = fmt.Fprintf(spread, "%q %q %q %q", t.service.Namespace, t.service.Name, t.Name, c.config.Location) // it never fails
	offset := time.Duration(spread.Sum64() % uint64(t.Interval))
	for {
		now := time.Now()
		next := now.Truncate(t.Interval).Add(offset)
		if !next.After(now) {
			next = next.Add(t.Interval)
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		select {
		case <-ctx.Done():
			return
		case c.turns <- struct{}{}:
		}
		c.run(ctx, t)
		<-c.turns
	}
}

// The results of runs, as the metric has them.
var (
	passed = metric.WithAttributeSet(attribute.NewSet(attribute.String("result", semconv.CheckPassed)))
	failed = metric.WithAttributeSet(attribute.NewSet(attribute.String("result", semconv.CheckFailed)))
)

// run makes a check and gives its result. One that was interrupted has none.
func (c *checker) run(ctx context.Context, t *task) {
	within, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	q := newQuestion(t)
	result := c.probe(within, q)
	if ctx.Err() != nil {
		return
	}
	became := passed
	if result.Step != "" {
		became = failed
	}
	c.telemetry.ReceiverChecksRuns.Add(ctx, 1, became)
	c.send(ctx, t, q, &result)
}

func (c *checker) send(ctx context.Context, t *task, q *probe.Question, r *probe.Result) {
	if c.traces != nil {
		op := c.report.StartTracesOp(ctx)
		c.report.EndTracesOp(op, metadata.Type.String(), 1, c.traces.ConsumeTraces(op, c.span(t, q, r)))
	}
	if c.metrics != nil {
		op := c.report.StartMetricsOp(ctx)
		c.report.EndMetricsOp(op, metadata.Type.String(), 1, c.metrics.ConsumeMetrics(op, c.point(t, r)))
	}
}
