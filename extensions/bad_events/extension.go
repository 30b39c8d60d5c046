// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package badevents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor/pkg/samplingpolicy"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// badEvents is the extension and, as it keeps nothing of a trace, the evaluator of all policies too.
type badEvents struct {
	config      *Config
	logger      *zap.Logger
	judge       atomic.Pointer[judge.Catalog]
	judged      atomic.Pointer[catalog.Catalog] // of which judge has the rules
	heard       *heard.Registry
	unsubscribe func()
}

var (
	_ extension.Extension      = (*badEvents)(nil)
	_ samplingpolicy.Extension = (*badEvents)(nil)
	_ samplingpolicy.Evaluator = (*badEvents)(nil)
)

// Start judges by the catalog in use from now on, whatever it becomes.
func (b *badEvents) Start(_ context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, b.config.Catalog)
	if err != nil {
		return err
	}
	b.heard = servicecatalog.Heard(source)
	b.unsubscribe = source.Subscribe(b.use)
	return nil
}

func (b *badEvents) use(cat *catalog.Catalog) {
	compiled, err := judge.CompileAll(cat)
	if err != nil {
		b.logger.Error("Bad events of an SLO are not known to sampling: its SLI cannot be evaluated", zap.Error(err))
	}
	b.judge.Store(compiled)
	b.judged.Store(cat)
}

// Shutdown follows the catalog no longer.
func (b *badEvents) Shutdown(context.Context) error {
	if b.unsubscribe != nil {
		b.unsubscribe()
	}
	return nil
}

// NewEvaluator returns the evaluator of a policy, which has no keys of its own.
func (b *badEvents) NewEvaluator(policy string, keys map[string]any) (samplingpolicy.Evaluator, error) {
	if b.judge.Load() == nil {
		return nil, errors.New("the extension bad_events is not running; add it to service::extensions")
	}
	if len(keys) > 0 {
		return nil, fmt.Errorf("policy %.100q: bad_events has no keys; remove %.100q", policy, slices.Sorted(maps.Keys(keys)))
	}
	return b, nil
}

// Evaluate keeps a trace in which some SLO counts a bad event, and says nothing for the others.
func (b *badEvents) Evaluate(ctx context.Context, _ pcommon.TraceID, trace *samplingpolicy.TraceData) (samplingpolicy.Decision, error) {
	if all := b.heard.Catalog(); all != b.judged.Load() {
		b.use(all) // a service has SLOs by the catalog's Defaults since
	}
	if b.judge.Load().HasBad(ctx, trace.ReceivedBatches) {
		return samplingpolicy.Sampled, nil
	}
	return samplingpolicy.NotSampled, nil
}

// IsStateful is false: a trace is judged by itself.
func (*badEvents) IsStateful() bool { return false }
