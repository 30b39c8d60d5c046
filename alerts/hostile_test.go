// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"context"
	"io"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// expand expands a template of an alert as Prometheus does.
func expand(t testing.TB, text string) string {
	t.Helper()
	return expandOf(t, text, "")
}

// expandOf expands a template of an alert about a service of that name.
func expandOf(t testing.TB, text, name string) string {
	t.Helper()
	data := template.AlertTemplateData(map[string]string{"deployment_environment_name": "production"}, nil, "", promql.Sample{F: 0.5})
	const defs = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	// The only query is that for the newest version. What it finds comes from telemetry.
	query := func(_ context.Context, asked string, _ time.Time) (promql.Vector, error) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(asked)
		require.NoError(t, err, asked)
		checkMatchers(t, parsed, name)
		version := strings.Repeat("v\n<b>{{ $value }}", 100)
		return promql.Vector{{Metric: labels.FromStrings("service_version", version, "vcs_ref_head_revision", version), F: 60}}, nil
	}
	out, err := template.NewTemplateExpander(context.Background(), defs+text, "test", data, model.Now(), query, &url.URL{}, nil).Expand()
	require.NoError(t, err, "%s", text)
	return out
}

// hostile is a service made of text that nobody vouches for: a Service can be made without the loader.
func hostile(text string) *catalog.Service {
	return &catalog.Service{
		Name: text, Namespace: text, Owner: text, Description: text, Tier: 1, Environments: []string{text, text + "2"},
		Deployment: catalog.Deployment{Kubernetes: &catalog.KubernetesWorkload{Namespace: text, Kind: text, Name: text}},
		SLOs: []*catalog.SLO{{
			Name: text, Description: text, Objective: 99.9, Window: catalog.Window{Rolling: 30 * 24 * time.Hour},
			SLI: catalog.SLI{Availability: &catalog.Availability{}},
		}},
	}
}

func checkHostile(t testing.TB, text string) {
	t.Helper()
	o := DefaultOptions()
	o.GoldenSignals = true
	f, _ := Generate(hostile(text), o)
	groups := valid(t, rules(t, f))
	require.Equal(t, f.Groups, groups.Groups, "the YAML says what was meant")
	for _, a := range f.Alerts {
		if owner := oneLine(text); owner != "" {
			assert.Equal(t, owner, expand(t, a.Labels["owner"]))
		}
		for key, annotation := range a.Annotations {
			expanded := expandOf(t, annotation, clean(text))
			assert.NotContains(t, expanded, "\n", key)
			assert.Less(t, len(expanded), 1000+8*len(text), key)
			if strings.HasSuffix(key, "_url") {
				u, err := url.Parse(expanded)
				require.NoError(t, err)
				assert.Equal(t, "localhost:8686", u.Host)
				if key == "incident_url" {
					assert.Equal(t, clean(text), u.Query().Get("service"))
					assert.Equal(t, "production", u.Query().Get("environment"))
					u.RawQuery = ""
				}
				assert.Empty(t, u.RawQuery+u.Fragment)
			}
		}
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(a.Expr)
		require.NoError(t, err)
		checkMatchers(t, expr, clean(text))
	}
}

// checkMatchers checks that text is in queries as a value only.
func checkMatchers(t testing.TB, expr parser.Expr, text string) {
	t.Helper()
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			for _, m := range v.LabelMatchers {
				if m.Name == "service_name" {
					assert.Equal(t, labels.MatchEqual, m.Type)
					assert.Equal(t, text, m.Value)
				}
			}
		}
		return nil
	})
}

var hostileTexts = []string{
	`"quotes" and 'quotes'`, "`backticks`", "{{ query \"up\" | first }}", "{{{ {{", "}} {{-", "{", "{ {{ .x }}", `back\slash`,
	"line\nbreak\r\n- alert: Mine", "key: value # comment", "<script>alert(1)</script>", "[link](javascript:alert(1))",
	"../../etc/passwd", "..", "a/b?c#d", "ünï©ødé", "\x00\x01\x7f", "bad \xff UTF-8", "$labels", "}) or vector(1) #", "|", "~",
}

func TestHostileTextIsInert(t *testing.T) {
	for _, text := range hostileTexts {
		t.Run(strconv.Quote(text), func(t *testing.T) { checkHostile(t, text) })
	}
}

func FuzzHostileText(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text != "" && len(text) < 4096 { // the loader lets no empty name through
			checkHostile(t, text)
		}
	})
}

// fleet is a catalog of many services of three SLOs.
func fleet(services int) []*catalog.Service {
	all := make([]*catalog.Service, services)
	for i := range all {
		s := hostile("service-" + strconv.Itoa(i))
		first := *s.SLOs[0]
		s.SLOs = nil
		for _, name := range []string{"availability", "latency", "freshness"} {
			slo := first
			slo.Name = name
			s.SLOs = append(s.SLOs, &slo)
		}
		all[i] = s
	}
	return all
}

// BenchmarkFleet writes the rules of 1,000 services with 3 SLOs each; the budget is 5 s and 300 MB.
func BenchmarkFleet(b *testing.B) {
	services := fleet(1000)
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range services {
			f, _ := Generate(s, DefaultOptions())
			require.NoError(b, f.WriteRules(io.Discard))
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/1e6, "MB-from-system")
	}
}
