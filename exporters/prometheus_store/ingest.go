// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxAhead is how much later than now a sample may be, as in Prometheus: one from the far future would make all
// that follow too old.
const maxAhead = 10 * time.Minute

// counts are the samples by what became of them.
type counts struct{ stored, outOfOrder, duplicate, tooNew, invalid atomic.Int64 }

// An ingester appends OTLP metrics to the storage.
type ingester struct {
	settings prometheusremotewrite.Settings
	storage  storage.AppendableV2
	metadata *families
	now      func() time.Time
	counts   counts
	// refused is called for samples that cannot be stored.
	refused func(error)
}

func translationSettings(c *Config) prometheusremotewrite.Settings {
	return prometheusremotewrite.Settings{
		AddMetricSuffixes: c.TranslationStrategy.ShouldAddSuffixes(),
		AllowUTF8:         !c.TranslationStrategy.ShouldEscape(),
		PromoteResourceAttributes: prometheusremotewrite.NewPromoteResourceAttributes(config.OTLPConfig{
			PromoteResourceAttributes: c.PromoteResourceAttributes,
		}),
		LookbackDelta:                        time.Duration(c.Query.LookbackDelta),
		LabelNameUnderscoreSanitization:      true,
		LabelNamePreserveMultipleUnderscores: true,
	}
}

// push appends a batch. Samples that cannot be stored are counted and left out. An error is the storage's, such as
// a full disk; it is permanent, because sending the batch again would give it twice to the other exporters.
func (i *ingester) push(ctx context.Context, md pmetric.Metrics) error {
	a := &appender{AppenderV2: i.storage.AppenderV2(ctx), ingester: i, latest: i.now().Add(maxAhead).UnixMilli()}
	_, err := prometheusremotewrite.NewPrometheusConverter(a).FromMetrics(ctx, md, i.settings)
	if err != nil { // data points that Prometheus has no way to say, such as deltas
		i.counts.invalid.Add(1)
		i.refused(err)
	}
	if err := a.Commit(); err != nil {
		return consumererror.NewPermanent(err)
	}
	i.counts.stored.Add(a.stored)
	return nil
}

// An appender goes on where a sample is refused: the others of its batch are not to blame.
type appender struct {
	storage.AppenderV2
	*ingester
	latest int64 // ms
	stored int64
}

func (a *appender) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AOptions) (storage.SeriesRef, error) {
	if t > a.latest {
		a.counts.tooNew.Add(1)
		a.refused(fmt.Errorf("a sample of %.100s is %v ahead of the clock", ls.Get(model.MetricNameLabel), time.Duration(t-a.now().UnixMilli())*time.Millisecond))
		return 0, nil
	}
	if h != nil && histogram.IsExponentialSchemaReserved(h.Schema) && h.Schema > histogram.ExponentialSchemaMax {
		if err := h.ReduceResolution(histogram.ExponentialSchemaMax); err != nil {
			a.counts.invalid.Add(1)
			return 0, nil //nolint:nilerr // this sample is left out
		}
	}
	ref, err := a.AppenderV2.Append(ref, ls, st, t, v, h, fh, o)
	var partial *storage.AppendPartialError
	switch {
	case err == nil, errors.As(err, &partial): // stored, though maybe without its exemplars
		a.stored++
		a.metadata.add(o.MetricFamilyName, o.Metadata)
		return ref, nil
	case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrTooOldSample):
		a.counts.outOfOrder.Add(1)
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		a.counts.duplicate.Add(1)
	default: // only Commit writes, so it is the sample's
		a.counts.invalid.Add(1)
	}
	a.refused(fmt.Errorf("a sample of %.100s: %w", ls.Get(model.MetricNameLabel), err))
	return 0, nil
}
