package dashboards

import (
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
)

// names says what OTLP metrics and attributes are called in this Prometheus, as package alerts does.
type names struct {
	metric otlptranslator.MetricNamer
	label  otlptranslator.LabelNamer
}

func newNames(strategy otlptranslator.TranslationStrategyOption) *names {
	return &names{
		metric: otlptranslator.NewMetricNamer("", strategy),
		label:  otlptranslator.LabelNamer{UTF8Allowed: !strategy.ShouldEscape()},
	}
}

// label is the name of an attribute in what is aggregated or recorded, whatever the translation: legends
// and columns rely on it.
func label(attribute string) string { return strings.ReplaceAll(attribute, ".", "_") }

// attribute is the label of an attribute in what the collector sends.
func (n *names) attribute(name string) string {
	if l, err := n.label.Build(name); err == nil {
		return l
	}
	return label(name)
}

// of names a metric.
func (n *names) of(m metric) string {
	if m.origin != byCollector {
		return m.name
	}
	name, err := n.metric.Build(otlptranslator.Metric{Name: m.name, Unit: m.unit, Type: m.kind})
	if err != nil { // the metrics of the registry all have names
		return label(m.name)
	}
	return name
}

// quoteLabel is a label's name where a query names labels.
func quoteLabel(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	return strconv.Quote(name)
}
