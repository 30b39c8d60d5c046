// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// registry is every metric that a query may name.
var registry = []metric{
	metricEvents, metricObjective, metricErrorRatio, metricBurnRate, metricRemaining, metricExhaustion, metricState, metricInCommon, metricLastSeen,
	metricStart, metricInstances, metricCalls, metricDuration,
	metricEdgeRequests, metricEdgeFailed, metricEdgeServer, metricEdgeClient,
	metricActive, metricPending, metricCPUTime, metricProcessCPU, metricProcessMemory,
	metricGoProcessors, metricGoMemory, metricGoMemoryLimit, metricGoroutines, metricGoSchedule,
	metricJVMCPU, metricJVMMemory, metricJVMMemoryLimit, metricJVMPauses, metricThreads,
	metricNodeLoop, metricNodeDelay, metricNodeMemory, metricNodeMemoryLimit,
	metricPodCPU, metricPodMemory, metricPodMemoryShare,
	recordRatio, recordObjective, recordPeriod, recordEvents, recordRemaining, metricAlerts, metricInfo, metricCommitted, metricEffect, metricSpent, metricChanged,
}

func init() { registry = append(registry, ownMetrics()...) }

var labelValues = regexp.MustCompile(`^label_values\((.*), ([^,]+)\)$`)

// filledByGrafana are the variables that every dashboard has.
var filledByGrafana = strings.NewReplacer("$__rate_interval", "5m", "$__range_s", "86400", "$__range", "1d", "$__interval_ms", "900000", "$__interval", "15m")

// promQL are all queries of a dashboard to Prometheus, with $ variables as Grafana fills them in.
func promQL(t *testing.T, d map[string]any) []string {
	t.Helper()
	var found []string
	add := func(target any) {
		if dataSource(target) == "prometheus" {
			found = append(found, filledByGrafana.Replace(target.(map[string]any)["expr"].(string)))
		}
	}
	for _, p := range panelsOf(t, d) {
		targets, _ := p["targets"].([]any)
		for _, one := range targets {
			add(one)
		}
	}
	list, _ := d["annotations"].(map[string]any)["list"].([]any)
	for _, one := range list {
		add(one.(map[string]any)["target"])
	}
	for _, one := range d["templating"].(map[string]any)["list"].([]any) {
		if v := one.(map[string]any); v["type"] == "query" {
			m := labelValues.FindStringSubmatch(v["query"].(string))
			require.NotNil(t, m, v["query"])
			found = append(found, m[1])
		}
	}
	return found
}

// selectors are those of a query, which must parse.
func selectors(t *testing.T, query string) []*parser.VectorSelector {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	require.NoError(t, err, query)
	var found []*parser.VectorSelector
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			found = append(found, s)
		}
		return nil
	})
	return found
}

// known tells which metric of the registry a name is.
func known(n *names, name string) (metric, bool) {
	for _, m := range registry {
		plain := n.of(m)
		if name == plain || m.kind == otlptranslator.MetricTypeHistogram && name == plain+"_bucket" ||
			m.name == recordRatio.name && strings.HasPrefix(name, plain) {
			return m, true
		}
	}
	return metric{}, false
}

func TestQueriesParseAndNameWhatIsRegistered(t *testing.T) {
	for _, translation := range []otlptranslator.TranslationStrategyOption{
		otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
		otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation,
	} {
		t.Run(string(translation), func(t *testing.T) {
			n := newNames(translation)
			files, warnings := Generate(examples(t), Options{Translation: translation})
			require.Empty(t, warnings)
			used := map[string]bool{}
			for _, f := range files {
				queries := promQL(t, decode(t, f.JSON))
				require.NotEmpty(t, queries)
				for _, query := range queries {
					for _, s := range selectors(t, query) {
						name := s.Name
						for _, m := range s.LabelMatchers {
							if m.Name == model.MetricNameLabel {
								name = m.Value
							}
						}
						m, ok := known(n, name)
						require.True(t, ok, "%s is not in the registry: %s", name, query)
						used[m.name] = true
						assertLabels(t, n, m, s.LabelMatchers)
					}
				}
			}
			for _, m := range registry {
				assert.True(t, used[m.name], "%s is in the registry and in no query", m.name)
			}
		})
	}
}

func assertLabels(t *testing.T, n *names, m metric, matchers []*labels.Matcher) {
	t.Helper()
	var allowed []string
	for _, a := range m.attributes {
		if m.origin != byPrometheus {
			allowed = append(allowed, n.Attribute(a))
		} else {
			allowed = append(allowed, label(a))
		}
	}
	for _, one := range matchers {
		if one.Name != model.MetricNameLabel {
			assert.True(t, slices.Contains(allowed, one.Name), "%s has no label %s", m.name, one.Name)
		}
	}
}

// The recorded metrics have the names that the rules record.
func TestRegistryIsWhatIsRecorded(t *testing.T) {
	recorded := map[string]bool{}
	for _, s := range examples(t) {
		file, _ := alerts.Generate(s, alerts.DefaultOptions())
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				recorded[r.Record] = true
			}
		}
	}
	for _, m := range registry {
		switch {
		case m.origin != byPrometheus, m.name == metricAlerts.name: // see TestRegistryIsConventional; Prometheus' own
		case slices.Contains(m.attributes, attrInstance): // see collector_test.go
		case m.name == recordRatio.name:
			assert.True(t, recorded[m.name+"5m"], m.name)
		default:
			assert.True(t, recorded[m.name], m.name)
		}
	}
}
