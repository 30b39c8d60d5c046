// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// services are those of a catalog: each name, with what it depends on.
func services(t *testing.T, dependsOn map[string]string) []*catalog.Service {
	t.Helper()
	var text strings.Builder
	for name, on := range dependsOn {
		namespace, name, _ := strings.Cut(name, "/")
		fmt.Fprintf(&text, "---\napiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec: {owner: o, dependsOn: [%s], slos: [{name: a, objective: 99, sli: {availability: {}}}]}\n", name, namespace, on)
	}
	loaded, problems := catalog.Parse("all.yaml", []byte(text.String()))
	require.NoError(t, problems.Err())
	slices.SortFunc(loaded.Services, func(a, b *catalog.Service) int { return strings.Compare(a.Namespace+a.Name, b.Namespace+b.Name) })
	return loaded.Services
}

// muted are the services whose fastest pages are muted while that of a service fires.
func muted(t *testing.T, all []*catalog.Service, of *catalog.Service, source, target string) (names []string) {
	t.Helper()
	matches := func(matchers []string, s *catalog.Service, alert string) bool {
		labels := map[string]string{"service_name": s.Name, "service_namespace": s.Namespace, "slo_alert": alert, "alertname": alert}
		for _, text := range matchers {
			m, err := compat.Matcher(text, "test")
			require.NoError(t, err, text)
			if !m.Matches(labels[m.Name]) {
				return false
			}
		}
		return true
	}
	for _, s := range all {
		if s != of && slices.ContainsFunc(Inhibition(all...).InhibitRules, func(r InhibitRule) bool {
			return len(r.Equal) == 1 && matches(r.SourceMatchers, of, source) && matches(r.TargetMatchers, s, target)
		}) {
			names = append(names, s.Namespace+"/"+s.Name)
		}
	}
	return names
}

func TestADependencyMutesItsCallers(t *testing.T) {
	const critical, high, medium = "ErrorBudgetBurnCritical", "ErrorBudgetBurnHigh", "ErrorBudgetBurnMedium"
	all := services(t, map[string]string{
		"shop/frontend": "checkout", "shop/checkout": "payment, inventory", "shop/payment": "", "shop/inventory": "", "other/payment": "", "web/page.x": "shop/checkout",
		"ring/a": "b", "ring/b": "c", "ring/c": "a, d", "ring/d": "",
	})
	of := func(slug string) *catalog.Service {
		i := slices.IndexFunc(all, func(s *catalog.Service) bool { return s.Namespace+"/"+s.Name == slug })
		return all[i]
	}
	assert.Equal(t, []string{"shop/checkout"}, muted(t, all, of("shop/payment"), critical, critical))
	assert.Equal(t, []string{"shop/checkout"}, muted(t, all, of("shop/payment"), critical, high))
	assert.Equal(t, []string{"shop/checkout"}, muted(t, all, of("shop/payment"), high, high))
	assert.Empty(t, muted(t, all, of("shop/payment"), high, critical), "a slow burn does not explain a fast one")
	assert.Empty(t, muted(t, all, of("shop/payment"), critical, medium), "tickets stay")
	assert.Empty(t, muted(t, all, of("shop/payment"), critical, Regression), "it says that the caller itself is at fault")
	assert.Empty(t, muted(t, all, of("shop/payment"), medium, medium))
	assert.Empty(t, muted(t, all, of("other/payment"), critical, critical), "another namespace")
	assert.Equal(t, []string{"shop/frontend", "web/page.x"}, muted(t, all, of("shop/checkout"), critical, critical), "also of other namespaces")
	assert.Empty(t, muted(t, all, of("shop/frontend"), critical, critical), "not the other way round")
	for _, member := range []string{"ring/a", "ring/b", "ring/c"} {
		assert.Empty(t, muted(t, all, of(member), critical, critical), "in a ring, each would mute another, and nobody is called")
	}
	assert.Equal(t, []string{"ring/c"}, muted(t, all, of("ring/d"), critical, critical), "the ring as a whole depends on it")
}

// Words of the catalog for severities are in the routes.
func TestRoutesOfOtherSeverities(t *testing.T) {
	s := one(t, "alerts: {severity: {page: sev.1}}\n  slos: [{name: a, objective: 99, sli: {availability: {}}}]")
	assert.Equal(t, `severity=~"page|sev\\.1"`, Routes(s).Route.Routes[1].Matchers[0])
}
