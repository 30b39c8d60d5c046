package service

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

var (
	names     = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)
	start     = names.Metric(promname.DeploymentStart)
	instances = names.Metric(promname.DeploymentInstances)
	calls     = names.Metric(otlptranslator.Metric{Name: "traces.span.metrics.calls", Type: otlptranslator.MetricTypeMonotonicCounter})
	durations = names.Metric(otlptranslator.Metric{Name: "traces.span.metrics.duration", Unit: "ms", Type: otlptranslator.MetricTypeHistogram})
)

const (
	labelVersion  = "service_version"
	labelStatus   = "deployment_status"
	labelRevision = "vcs_ref_head_revision"
)

// of selects the service's series of a metric, in the environment.
func (l *loader) of(metric string, more ...string) string {
	s := l.service
	return metric + fleet.Selector(s.Name, s.Namespace, append(more, fleet.LabelEnvironment+"="+strconv.Quote(s.Environment))...)
}

// recorded selects what rules record, which may have no environment.
func (l *loader) recorded(metric string, more ...string) string {
	s := l.service
	return metric + fleet.Selector(s.Name, s.Namespace, append(more, fleet.OrNone(fleet.LabelEnvironment, s.Environment))...)
}

// spans selects what the span_metrics connector tells; spans may have no namespace.
func (l *loader) spans(metric string, more ...string) string {
	s := l.service
	more = append(more, fleet.LabelEnvironment+"="+strconv.Quote(s.Environment), `span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"`)
	if s.Namespace != "" {
		more = append(more, fleet.OrNone(fleet.LabelNamespace, s.Namespace))
	}
	return metric + fleet.Selector(s.Name, "", more...)
}

// rate is over at least a minute, and over every sample of a step.
func (l *loader) rate(metric string, more ...string) string {
	window := catalog.FormatDuration(max(2*time.Minute, l.service.Period.Step*2))
	return "sum by (" + labelVersion + ") (rate(" + l.spans(metric, more...) + "[" + window + "]))"
}

// The questions about a period.
func (l *loader) left() string {
	return "min by (" + fleet.LabelSLO + ") (" + l.of(fleet.Remaining) + ")"
}

func (l *loader) burns() string {
	return "max by (" + fleet.LabelSLO + ", " + fleet.LabelWindow + ") (" + l.of(fleet.BurnRate, fleet.LabelWindow+`=~"`+strings.Join(windows(), "|")+`"`) + ")"
}

func (l *loader) recordedLeft() string {
	return "min by (" + fleet.LabelSLO + ") (" + l.recorded(fleet.RecordedRemaining) + ")"
}

// recordedBurns are error ratios; the window is in the name of each series.
func (l *loader) recordedBurns() string {
	return "max by (__name__, " + fleet.LabelSLO + ") (" +
		l.recorded("", `__name__=~"`+fleet.RecordedRatio+"("+strings.Join(windows(), "|")+`)"`) + ")"
}

func (l *loader) requestRate() string { return l.rate(calls) }

func (l *loader) failedShare() string {
	return "(" + l.rate(calls, `status_code="STATUS_CODE_ERROR"`) + " or 0 * " + l.rate(calls) + ") / (" + l.rate(calls) + " > 0)"
}

func (l *loader) slowest() string {
	rate := strings.Replace(l.rate(durations+"_bucket"), "sum by (", "sum by (le, ", 1)
	return "histogram_quantile(0.95, " + rate + ") > 0"
}

// queries are all questions about a period. What rules record is asked for if the catalog has an SLI of that kind.
func (l *loader) queries() []string {
	all := []string{l.left(), l.burns(), l.requestRate(), l.failedShare(), l.slowest(), l.fired()}
	if slices.ContainsFunc(l.service.SLOs, func(s *catalog.SLO) bool { return s.SLI.Prometheus != nil }) {
		all = append(all, l.recordedLeft(), l.recordedBurns())
	}
	return all
}

// windows are those of the alerts.
func windows() []string {
	var all []string
	for _, w := range catalog.BurnWindows {
		all = append(all, catalog.FormatDuration(w))
	}
	return all
}

// A Version is one that runs or ran.
type Version struct {
	Version   string    `json:"version"`
	Status    string    `json:"status"`
	Revision  string    `json:"revision"`
	Since     time.Time `json:"since"`
	Instances int       `json:"instances"`
	// Deployed is false for what ran when the collector first heard of the service.
	Deployed bool `json:"-"`
}

// maxVersions bounds the versions of the page, the newest first.
const maxVersions = 20

func (l *loader) askVersions() ([]Version, error) {
	by := " by (" + labelVersion + ", " + labelStatus + ", " + labelRevision + ") ("
	started, err := l.source.Instant(l.context, "max"+by+l.of(start)+")")
	if err != nil {
		return nil, err
	}
	running, err := l.source.Instant(l.context, "sum by ("+labelVersion+") ("+l.of(instances)+")")
	if err != nil {
		return nil, err
	}
	// A version that is gone has no series any more; it was there before the others nevertheless.
	earliest, err := l.source.Instant(l.context, "min(min_over_time("+l.of(start)+"[30d]))")
	if err != nil {
		return nil, err
	}
	first := math.Inf(1)
	for _, s := range earliest {
		first = float64(s.Value)
	}
	counts := map[model.LabelValue]int{}
	for _, s := range running {
		counts[s.Metric[labelVersion]] = int(s.Value)
	}
	var versions []Version
	for _, s := range started {
		versions = append(versions, Version{
			Version: string(s.Metric[labelVersion]), Status: string(s.Metric[labelStatus]),
			Revision: words.Bounded(string(s.Metric[labelRevision]), 64),
			Since:    time.UnixMilli(int64(float64(s.Value) * 1000)).UTC(), Instances: counts[s.Metric[labelVersion]],
			Deployed: float64(s.Value) > first,
		})
	}
	slices.SortFunc(versions, func(a, b Version) int {
		if c := b.Since.Compare(a.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Version, b.Version)
	})
	return versions[:min(len(versions), maxVersions)], nil
}
