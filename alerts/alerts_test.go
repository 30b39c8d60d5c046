// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// valid is what Prometheus itself asks of a rule file.
func valid(t testing.TB, text []byte) *rulefmt.RuleGroups {
	t.Helper()
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	return groups
}

func rules(t testing.TB, f File) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f.WriteRules(&b))
	return b.Bytes()
}

// examples are the services of the example catalog.
func examples(t testing.TB) []*catalog.Service {
	t.Helper()
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	return loaded.Services
}

func TestExampleCatalog(t *testing.T) {
	for _, s := range examples(t) {
		t.Run(s.Name, func(t *testing.T) {
			f, warnings := Generate(s, DefaultOptions())
			require.Empty(t, warnings)
			golden.Equal(t, "examples/"+FileName(s), rules(t, f))
			valid(t, rules(t, f))
		})
	}
}

func TestCollector(t *testing.T) {
	f := Collector(DefaultOptions())
	golden.Equal(t, "examples/"+FileName(f.Service), rules(t, f))
	valid(t, rules(t, f))
}

func TestInhibition(t *testing.T) {
	examples, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	var inhibition, routes bytes.Buffer
	require.NoError(t, Inhibition(examples.Services...).Write(&inhibition))
	golden.Equal(t, "examples/alertmanager-inhibit.yaml", inhibition.Bytes())
	require.NoError(t, Routes(examples.Services...).Write(&routes))
	golden.Equal(t, "examples/alertmanager-route.yaml", routes.Bytes())
}

// one loads a catalog document with this spec.
func one(t testing.TB, spec string) *catalog.Service {
	t.Helper()
	loaded, problems := catalog.Parse("checkout.yaml", []byte("apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: checkout}\nspec:\n  "+spec))
	require.NoError(t, problems.Err())
	return loaded.Services[0]
}

func find(t testing.TB, f File, name string) Alert {
	t.Helper()
	for _, a := range f.Alerts {
		if a.Name == name {
			return a
		}
	}
	require.Fail(t, "no alert "+name)
	return Alert{}
}

func TestThresholdsAreDecimals(t *testing.T) {
	for _, test := range []struct{ objective, window, critical, low string }{
		{"99.9", "30d", "> 0.0144\n", "> 0.001\n"},
		{"99.95", "30d", "> 0.0072\n", "> 0.0005\n"},
		{"99.9", "28d", "> 0.01344\n", "> 0.001\n"}, // 0.93 would fire on a service that meets its objective
		{"99.9", "7d", "> 0.00336\n", "> 0.001\n"},
		{"99.99", "90d", "> 0.00432\n", "> 0.0003\n"},
		{"90", "30d", "> 0.99\n", "> 0.1\n"}, // 14.4 times 10 % is more than everything
	} {
		t.Run(test.objective+" "+test.window, func(t *testing.T) {
			f, _ := Generate(one(t, "slos: [{name: a, objective: "+test.objective+", window: "+test.window+", sli: {availability: {}}}]"), DefaultOptions())
			assert.Contains(t, find(t, f, "ErrorBudgetBurnCritical").Expr, test.critical)
			assert.Contains(t, find(t, f, "ErrorBudgetBurnLow").Expr, test.low)
		})
	}
}

func TestTranslations(t *testing.T) {
	for strategy, want := range map[otlptranslator.TranslationStrategyOption]string{
		otlptranslator.UnderscoreEscapingWithSuffixes:    `slo_events_total{service_name="checkout",`,
		otlptranslator.UnderscoreEscapingWithoutSuffixes: `slo_events{service_name="checkout",`,
		otlptranslator.NoUTF8EscapingWithSuffixes:        `{"slo.events_total","service.name"="checkout",`,
		otlptranslator.NoTranslation:                     `{"slo.events","service.name"="checkout",`,
	} {
		t.Run(string(strategy), func(t *testing.T) {
			o := DefaultOptions()
			o.Translation, o.GoldenSignals = strategy, true
			for _, s := range examples(t) {
				f, _ := Generate(s, o)
				valid(t, rules(t, f))
				if s.Name == "checkout" {
					assert.Contains(t, f.Groups[0].Rules[0].Expr, want)
				}
			}
		})
	}
}

// An alert is the same alert as long as its labels are: nothing that changes is among them.
func TestIdentityIsStable(t *testing.T) {
	template := regexp.MustCompile(`{{.*?}}`)
	for _, s := range examples(t) {
		first, _ := Generate(s, DefaultOptions())
		second, _ := Generate(s, DefaultOptions())
		require.Equal(t, string(rules(t, first)), string(rules(t, second)))
		for _, a := range first.Alerts {
			for key, value := range a.Labels {
				for _, used := range template.FindAllString(value, -1) {
					assert.Equal(t, "{{ $labels.deployment_environment_name }}", used, "label %s of %s", key, a.Name)
				}
			}
			for _, key := range []string{"summary", "description", "runbook_url", "dashboard_url"} {
				assert.NotEmpty(t, a.Annotations[key], a.Name)
			}
			assert.NotEmpty(t, a.Why, a.Name)
		}
	}
}

// A new owner or tier must not begin new series, and with them a new budget.
func TestOwnerIsNoPartOfWhatIsRecorded(t *testing.T) {
	recorded := func(spec string) (rules []rulefmt.Rule) {
		f, _ := Generate(one(t, spec+"\n  slos: [{name: a, objective: 99, sli: {availability: {}}}]"), DefaultOptions())
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				switch r.Record {
				case "":
				case "sloth_slo_info":
					assert.NotEmpty(t, r.Labels["owner"])
				default:
					rules = append(rules, r)
				}
			}
		}
		return rules
	}
	assert.Equal(t, recorded("owner: us\n  tier: 1"), recorded("owner: them\n  tier: 2"))
}

func TestWhatPromQLCannotDo(t *testing.T) {
	const query = "sli: {prometheus: {errors: 'sum(rate(e[{{.window}}]))', total: 'sum(rate(t[{{.window}}]))'}}"
	for name, test := range map[string]struct{ slo, want string }{
		"calendar": {"calendar: {unit: month}, " + query, "its error budget is computed over the last 30d, not since the month began"},
		"reset":    {"resets: [{at: 2026-01-01T00:00:00Z, by: me, reason: why}], " + query, "its resets have no effect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, warnings := Generate(one(t, "slos: [{name: a, objective: 99, "+test.slo+"}]"), DefaultOptions())
			require.Len(t, warnings, 1)
			assert.Contains(t, warnings[0].Message, test.want)
			assert.Equal(t, "checkout.yaml", warnings[0].Position.File)
		})
	}
}

func TestFormats(t *testing.T) {
	f, _ := Generate(one(t, "slos: [{name: a, objective: 99, sli: {availability: {}}}]"), DefaultOptions())
	for name, test := range map[string]struct {
		write func(File, io.Writer) error
		path  []string
	}{
		"prometheusrule": {File.WritePrometheusRule, []string{"spec", "groups"}},
		"mimir":          {File.WriteMimir, []string{"groups"}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, test.write(f, &b))
			var at any
			require.NoError(t, yaml.Unmarshal(b.Bytes(), &at))
			for _, key := range test.path {
				at = at.(map[string]any)[key]
			}
			groups, err := yaml.Marshal(map[string]any{"groups": at})
			require.NoError(t, err)
			assert.Equal(t, f.Groups, valid(t, groups).Groups)
		})
	}
}

// The documentation has a row for each alert.
func TestTable(t *testing.T) {
	const file, begin, end = "../docs/alerts.md", "<!-- begin: alerts, written by make generate -->\n", "<!-- end: alerts -->"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	golden.Equal(t, file, []byte(before+begin+Table()+end+after))
	f, _ := Generate(examples(t)[0], DefaultOptions())
	for _, a := range slices.Concat(f.Alerts, Collector(DefaultOptions()).Alerts) {
		assert.Contains(t, Table(), "\n| `"+a.Name+"` | ")
	}
}
