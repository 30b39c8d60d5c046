// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

var catalogID = component.MustNewID("service_catalog")

// withCatalog is a host whose catalog is a folder.
type withCatalog struct {
	component.Host
	source component.Component
}

func (h withCatalog) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{catalogID: h.source}
}

// follow runs a store with the catalog of a folder.
func follow(t *testing.T, folder string, change func(*Config)) *running {
	t.Helper()
	factory := servicecatalog.NewFactory()
	config := factory.CreateDefaultConfig().(*servicecatalog.Config)
	config.Directory = []string{folder}
	source, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, source.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, source.Shutdown(context.Background())) })

	s, err := create(configured(t, func(c *Config) { c.Catalog = &catalogID }, change))
	require.NoError(t, err)
	s.t = t
	require.NoError(t, s.start(t.Context(), withCatalog{componenttest.NewNopHost(), source}))
	t.Cleanup(func() { require.NoError(t, s.shutdown(context.Background())) })
	return s
}

// rulesNow are the rules that the API lists of the file of a service: name, expression.
func (s *running) rulesNow(file string) map[string][]string {
	var answer struct {
		Groups []struct {
			File  string
			Rules []struct{ Name, Query string }
		}
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.data("/api/v1/rules", nil)), &answer))
	found := map[string][]string{}
	for _, g := range answer.Groups {
		if g.File != file {
			continue
		}
		for _, r := range g.Rules {
			found[r.Name] = append(found[r.Name], r.Query)
		}
	}
	return found
}

const checkoutYAML = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  owner: payments
  environments: [production]
  slos:
    - {name: availability, objective: OBJECTIVE, sli: {availability: {}}}
`

const latencyYAML = `    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
`

// The rules follow the catalog: a changed objective, a removed SLO, a removed service. A rule file takes their place while it is there.
func TestRulesOfTheCatalog(t *testing.T) {
	folder, files := t.TempDir(), t.TempDir()
	write := func(objective, more string) {
		writeRules(t, filepath.Join(folder, "checkout.yaml"), strings.ReplaceAll(checkoutYAML, "OBJECTIVE", objective)+more)
	}
	write("99.9", latencyYAML)
	writeRules(t, filepath.Join(folder, "cart.yaml"), strings.NewReplacer("checkout", "cart", "OBJECTIVE", "99").Replace(checkoutYAML))
	s := follow(t, folder, func(c *Config) { c.RuleFiles = []string{filepath.Join(files, "*.yaml")} })
	const made = "catalog/checkout.rules.yaml"
	is := func(why string, holds func() bool) {
		t.Helper()
		require.Eventually(t, holds, waits, waits/1000, why)
	}
	about := func(file, name, text string) bool {
		return slices.ContainsFunc(s.rulesNow(file)[name], func(query string) bool { return strings.Contains(query, text) })
	}
	require.Len(t, s.rulesNow(made)["ErrorBudgetBurnCritical"], 2, "one for each SLO")
	require.NotEmpty(t, s.rulesNow("catalog/"+alerts.FileName(alerts.CollectorService())), "the collector's own")
	require.True(t, about(made, "slo:objective:ratio", "0.999"), "%v", s.rulesNow(made)["slo:objective:ratio"])
	require.Zero(t, s.logs.FilterMessageSnippet("no alert can fire").Len())

	write("99.5", latencyYAML)
	is("another objective", func() bool { return about(made, "slo:objective:ratio", "0.995") })
	write("99.5", "")
	is("no latency", func() bool { return len(s.rulesNow(made)["ErrorBudgetBurnCritical"]) == 1 })

	file := filepath.Join(files, "checkout.rules.yaml")
	loaded, problems := catalog.Load(folder)
	require.NoError(t, problems.Err())
	checkout := loaded.Services[slices.IndexFunc(loaded.Services, func(s *catalog.Service) bool { return s.Name == "checkout" })]
	checkout.SLOs[0].Objective = 98
	var text bytes.Buffer
	generated, _ := alerts.Generate(checkout, alerts.DefaultOptions())
	require.NoError(t, generated.WriteRules(&text))
	writeRules(t, file, text.String())
	is("the file's rules", func() bool { return about(file, "slo:objective:ratio", "0.98") && len(s.rulesNow(made)) == 0 })
	require.NoError(t, os.Remove(file))
	is("the catalog's again", func() bool {
		return about(made, "slo:objective:ratio", "0.995") && len(s.rulesNow(file)) == 0
	})

	require.NoError(t, os.Remove(filepath.Join(folder, "checkout.yaml")))
	is("no service", func() bool { return len(s.rulesNow(made)) == 0 })
}

// A service that the catalog has no entry for has alerts if its Defaults are agreed to, and none if they are a proposal.
func TestRulesOfDefaults(t *testing.T) {
	agreed := &catalog.Service{Name: "a", Origin: &catalog.Defaults{Name: "all"}}
	proposal := &catalog.Service{Name: "b", Origin: &catalog.Defaults{Name: "all", Proposed: true}}
	assert.False(t, proposed(&catalog.Service{Name: "c"}))
	assert.False(t, proposed(agreed))
	assert.True(t, proposed(proposal))
}

// Rules that are made here are those that `srectl generate` writes.
func TestRulesOfTheCatalogAreThoseOfFiles(t *testing.T) {
	loaded, problems := catalog.Load("../../examples/catalog")
	require.NoError(t, problems.Err())
	config := configured(t)
	r := &catalogRules{
		options:  alerts.Options{Translation: config.TranslationStrategy, RunbookURL: config.RunbookURL, DashboardURL: config.DashboardURL, IncidentURL: config.IncidentURL},
		services: func() []*catalog.Service { return slices.Clone(loaded.Services) },
	}
	require.True(t, r.refresh())
	require.False(t, r.refresh(), "nothing has changed")
	require.Len(t, r.made, len(loaded.Services)+1)
	files := &ruleFiles{parser: parser.NewParser(parser.Options{})}
	for _, s := range loaded.Services {
		text, err := os.ReadFile(filepath.Join("../../alerts/examples", alerts.FileName(s)))
		require.NoError(t, err)
		want, err := files.parse(s.Name, text)
		require.NoError(t, err)
		got := r.of(fromCatalog + alerts.FileName(s))
		require.Len(t, got.Groups, len(want.Groups))
		for i, group := range got.Groups {
			assert.Equal(t, plain(want.Groups[i]), plain(group), s.Name)
		}
	}
	_, errs := ruleLoader{files, r}.Load("elsewhere.yaml", false, model.UTF8Validation)
	require.NotEmpty(t, errs)
}

// plain is a group as text, with expressions as the parser prints them.
func plain(g rulefmt.RuleGroup) []string {
	p := parser.NewParser(parser.Options{})
	lines := []string{g.Name, g.Interval.String()}
	for _, r := range g.Rules {
		expr, err := p.ParseExpr(r.Expr)
		if err != nil {
			panic(err)
		}
		text, err := json.Marshal([]any{r.Record, r.Alert, expr.String(), r.For, r.KeepFiringFor, r.Labels, r.Annotations})
		if err != nil {
			panic(err)
		}
		lines = append(lines, string(text))
	}
	return lines
}

// What the configuration names has to be there.
func TestCatalogThatDoesNotRun(t *testing.T) {
	s, err := create(configured(t, func(c *Config) { c.Catalog = &catalogID }))
	require.NoError(t, err)
	require.ErrorContains(t, s.start(t.Context(), componenttest.NewNopHost()), `catalog: no extension "service_catalog" is running`)
	require.NoError(t, s.shutdown(context.Background()))
}
