// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"github.com/otelcol-sre/otelcol-sre/exporters/prometheus_store/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// A store is Prometheus in the collector. Its parts run from start to shutdown.
type store struct {
	config    *Config
	set       component.TelemetrySettings
	logger    *slog.Logger
	telemetry *metadata.TelemetryBuilder
	registry  *prometheus.Registry
	parser    parser.Parser
	now       func() time.Time

	db       *locked
	ingester ingester
	engine   *promql.Engine
	rules    *rules.Manager
	loader   ruleLoader
	notifier *notifier.Manager
	server   *webserver.Server

	ruleFilesGood, ruleFilesBad, rulesMade atomic.Int64
	withoutRules                           bool // it was said that there is no rule file
	end, endSending                        context.CancelFunc
	running                                sync.WaitGroup
}

func newStore(set exporter.Settings, cfg *Config) (*store, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &store{
		config: cfg, set: set.TelemetrySettings, telemetry: builder, now: time.Now,
		logger:   slog.New(zapslog.NewHandler(set.Logger.WithOptions(zap.IncreaseLevel(zap.InfoLevel)).Core())),
		registry: prometheus.NewRegistry(),
		parser:   parser.NewParser(parser.Options{}),
	}
	return s, s.observe()
}

// observe tells the collector's own telemetry what became of samples and rule files.
func (s *store) observe() error {
	result := func(name string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("result", name)))
	}
	c := &s.ingester.counts
	results := map[*atomic.Int64]metric.MeasurementOption{
		&c.stored: result("stored"), &c.outOfOrder: result("out_of_order"), &c.duplicate: result("duplicate"),
		&c.tooNew: result("too_new"), &c.invalid: result("invalid"),
	}
	err := s.telemetry.RegisterExporterPrometheusStoreSamplesCallback(func(_ context.Context, o metric.Int64Observer) error {
		for count, attributes := range results {
			o.Observe(count.Load(), attributes)
		}
		return nil
	})
	return errors.Join(err, s.telemetry.RegisterExporterPrometheusStoreRuleFilesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(s.ruleFilesGood.Load(), metric.WithAttributeSet(attribute.NewSet(attribute.String("state", "loaded"))))
		o.Observe(s.ruleFilesBad.Load(), metric.WithAttributeSet(attribute.NewSet(attribute.String("state", "bad"))))
		o.Observe(s.rulesMade.Load(), metric.WithAttributeSet(attribute.NewSet(attribute.String("state", "catalog"))))
		return nil
	}))
}

func (s *store) start(_ context.Context, host component.Host) error {
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	if err := s.open(); err != nil {
		return err
	}
	s.engine = s.newEngine()
	if err := s.startNotifier(host); err != nil {
		return err
	}
	made, err := followCatalog(host, s.config)
	if err != nil {
		return err
	}
	s.startRules(ctx, made)
	return s.serve(ctx, host)
}

// open opens the storage and what appends to it.
func (s *store) open() error {
	db, err := database{
		directory: s.config.Directory, options: databaseOptions(s.config), logger: s.logger, registry: s.registry, now: s.now,
		report: func(reason string, err error) {
			s.telemetry.ExporterPrometheusStoreSetAside.Add(context.Background(), 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", reason))))
			s.logger.Error("A damaged part of the storage was moved to the folder damaged; the rest is used", "part", reason, "err", err)
		},
	}.open()
	if err != nil {
		return err
	}
	s.db = db
	s.ingester.settings = translationSettings(s.config)
	s.ingester.storage = db
	s.ingester.metadata = &families{}
	s.ingester.now = s.now
	s.ingester.refused = func(err error) { // the collector's logger bounds lines of one text
		s.logger.Warn("Samples cannot be stored; otelcol_exporter_prometheus_store_samples counts them", "example", err)
	}
	return nil
}

func (s *store) newEngine() *promql.Engine {
	q := s.config.Query
	tracker := promql.NewActiveQueryTracker(s.config.Directory, q.MaxConcurrent, s.logger)
	return promql.NewEngine(promql.EngineOpts{
		Logger: s.logger, Reg: s.registry, Parser: s.parser, ActiveQueryTracker: tracker,
		MaxSamples: q.MaxSamples, Timeout: time.Duration(q.Timeout), LookbackDelta: time.Duration(q.LookbackDelta),
		NoStepSubqueryIntervalFn: func(int64) int64 { return milliseconds(s.config.EvaluationInterval) },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})
}

// startRules evaluates rules, and goes on doing so as the files and the catalog change.
func (s *store) startRules(ctx context.Context, made *catalogRules) {
	s.loader = ruleLoader{&ruleFiles{globs: s.config.RuleFiles, parser: s.parser, logger: s.logger}, made}
	external := s.config.externalURL()
	s.rules = rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, ExternalURL: external, Context: ctx, Logger: s.logger, Registerer: s.registry,
		QueryFunc: rules.EngineQueryFunc(s.engine, s.db), NotifyFunc: rules.SendAlerts(s.notifier, external.String()),
		Appendable: s.db, Queryable: s.db, GroupLoader: s.loader, Parser: s.parser,
		OutageTolerance: time.Hour, ForGracePeriod: 10 * time.Minute, ResendDelay: time.Minute, RestoreNewRuleGroups: true,
		ConcurrentEvalsEnabled: true, MaxConcurrentEvals: 4, // of groups that do not need each other's results
		DefaultRuleQueryOffset: func() time.Duration { return 0 },
	})
	s.reloadRules()
	s.running.Go(s.rules.Run)
	s.running.Go(func() {
		ticker := time.NewTicker(time.Duration(s.config.RuleReloadInterval))
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.reloadRules()
			case <-made.news:
				s.reloadRules()
			case <-ctx.Done():
				return
			}
		}
	})
}

// reloadRules gives the manager what has changed in the files and in the catalog. Groups that are as they were keep their state.
func (s *store) reloadRules() {
	changed, wrong := s.loader.files.refresh()
	if wrong != nil {
		s.logger.Error("A rule file cannot be used; its previous content stays in use", "err", wrong)
	}
	good, bad := s.loader.files.count()
	s.ruleFilesGood.Store(good)
	s.ruleFilesBad.Store(bad)
	changed = s.loader.catalog.refresh() || changed
	made := s.loader.catalog.without(s.loader.files.groups())
	s.rulesMade.Store(int64(len(made)))
	if without := len(s.config.RuleFiles) > 0 && good+bad == 0; without != s.withoutRules {
		switch s.withoutRules = without; {
		case without && s.config.Catalog != nil:
			s.logger.Info("No rule file is there; all rules are made from the catalog", "rule_files", strings.Join(s.config.RuleFiles, ", "))
		case without:
			s.logger.Warn("No rule file is there, so no alert can fire; set catalog, write some with `srectl generate`, or correct rule_files", "rule_files", strings.Join(s.config.RuleFiles, ", "))
		}
	}
	if !changed {
		return
	}
	if err := s.rules.Update(time.Duration(s.config.EvaluationInterval), append(s.loader.files.usable(), made...), s.externalLabels(), s.config.externalURL().String(), nil); err != nil {
		s.logger.Error("Rules stay as they were", "err", err)
	}
}

func (s *store) externalLabels() labels.Labels { return labels.FromMap(s.config.ExternalLabels) }

func (s *store) push(ctx context.Context, md pmetric.Metrics) error { return s.ingester.push(ctx, md) }

// shutdown ends the parts in the order in which one needs the other.
func (s *store) shutdown(ctx context.Context) error {
	if s.end == nil {
		return nil // it never started
	}
	var errs []error
	if s.server != nil {
		errs = append(errs, s.server.Shutdown(ctx))
	}
	s.end()
	s.loader.catalog.unfollow()
	if s.rules != nil {
		s.rules.Stop()
	}
	if s.notifier != nil {
		defer time.AfterFunc(lastSend, s.endSending).Stop()
		s.notifier.Stop()
	}
	s.running.Wait()
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	s.telemetry.Shutdown()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("prometheus_store: %w", err)
	}
	return nil
}
