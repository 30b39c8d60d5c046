// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const defaultsHead = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Defaults\n"

const someSLO = "slos: [{name: availability, objective: 99, sli: {availability: {}}}]"

func parseDefaults(t *testing.T, documents ...string) *Catalog {
	t.Helper()
	c, problems := Parse("a.yaml", []byte(strings.Join(documents, "\n---\n")))
	require.NoError(t, problems.Err())
	return c
}

func TestDefaultsMakeAService(t *testing.T) {
	c := parseDefaults(t, defaultsHead+`metadata: {name: everything}
spec:
  selector: {environments: [production]}
  owner: platform-team
  tier: 2
  escalation: {chat: "#platform"}
  alerts: {disable: [page]}
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, window: 7d, sli: {latency: {threshold: 1s}}}
`, head+"metadata: {name: checkout, namespace: shop}")
	s := c.ByDefault("shop", "payment")
	require.NotNil(t, s)
	assert.Equal(t, "payment", s.Name)
	assert.Equal(t, "shop", s.Namespace)
	assert.Equal(t, "platform-team", s.Owner)
	assert.Equal(t, 2, s.Tier)
	assert.Equal(t, "#platform", s.Escalation.Chat)
	assert.Equal(t, []string{"production"}, s.Environments)
	assert.Equal(t, []string{PageSeverity}, s.Alerting(nil).Disable)
	require.Len(t, s.SLOs, 2)
	assert.Equal(t, "7d", s.SLOs[1].Window.String())
	assert.Equal(t, "everything", s.Origin.Name)
	assert.Equal(t, 1, s.Position.Line, "the position is that of the document")

	assert.Nil(t, c.ByDefault("shop", "checkout"), "has an entry")
	assert.Nil(t, c.ByDefault("", "checkout"), "has an entry, of another namespace than none")
	assert.NotNil(t, c.ByDefault("bank", "checkout"), "another service of the name")
	assert.Nil(t, c.ByDefault("shop", ""), "telemetry without a name")

	// What the service is can be written as an entry of its own.
	text, err := s.YAML()
	require.NoError(t, err)
	entry, problems := Parse("payment.yaml", text)
	require.NoError(t, problems.Err(), string(text))
	assert.Equal(t, s.Digest(), entry.Services[0].Digest())
}

// The most specific Defaults count, whatever the order of documents; then the first by name.
func TestMostSpecificDefaults(t *testing.T) {
	document := func(name, selector string) string {
		return defaultsHead + "metadata: {name: " + name + "}\nspec: {selector: {" + selector + "}, owner: " + name + "}"
	}
	documents := []string{
		document("z-all", ""), document("b-all", ""),
		document("pattern", "services: ['pay*']"), document("longer", "services: ['*ment', 'payme*']"), document("ends", "services: ['*-worker']"),
		document("exact", "services: [payment]"), document("space", "namespace: shop"), document("both", "namespace: shop, services: ['pay*']"),
		document("middle", "services: ['a*b*c']"),
	}
	want := map[string]string{
		"/checkout": "b-all", "/payroll": "pattern", "/payments": "longer", "/shipment": "longer", "/payment": "exact", "/mail-worker": "ends",
		"shop/checkout": "space", "shop/payment": "both", "bank/payment": "exact", "/a-b-c": "middle", "/abc": "middle", "/acb": "b-all", "/ab": "b-all",
	}
	for range 2 {
		c := parseDefaults(t, documents...)
		for service, owner := range want {
			namespace, name, _ := strings.Cut(service, "/")
			assert.Equal(t, owner, c.ByDefault(namespace, name).Owner, service)
		}
		for i, j := 0, len(documents)-1; i < j; i, j = i+1, j-1 {
			documents[i], documents[j] = documents[j], documents[i]
		}
	}
}

func TestOtherwise(t *testing.T) {
	mine := parseDefaults(t, defaultsHead+"metadata: {name: mine}\nspec: {selector: {services: ['pay*']}, owner: mine}")
	last := parseDefaults(t, defaultsHead+"metadata: {name: built-in}\nspec: {selector: {services: [payment]}, owner: last}",
		defaultsHead+"metadata: {name: all}\nspec: {owner: all}")
	c := mine.Otherwise(last.Defaults)
	assert.Equal(t, "mine", c.ByDefault("", "payment").Owner, "those of the catalog count first, however specific the others are")
	assert.Equal(t, "all", c.ByDefault("", "checkout").Owner)
	assert.True(t, c.HasDefaults())
	assert.NotEqual(t, mine.Revision, c.Revision)
	assert.Same(t, mine, mine.Otherwise(nil))
	assert.False(t, (&Catalog{}).HasDefaults())
}

func TestCatalogWithServicesByDefault(t *testing.T) {
	c := parseDefaults(t, defaultsHead+"metadata: {name: all}\nspec: {"+someSLO+"}", head+"metadata: {name: checkout, namespace: shop}")
	made := []*Service{c.ByDefault("bank", "checkout"), c.ByDefault("", "payment")}
	with := c.With(made)
	require.Len(t, with.Services, 3)
	slugs := map[string]bool{}
	for _, s := range with.Services {
		slugs[s.Slug()] = true
	}
	assert.Equal(t, map[string]bool{"checkout": true, "bank.checkout": true, "payment": true}, slugs)
	assert.Equal(t, "shop", with.Lookup("checkout").Namespace, "the entry keeps its page")
	assert.Equal(t, "bank", with.Emitter("bank", "checkout").Namespace)
	assert.Equal(t, c.Revision, with.Revision)
	assert.Len(t, c.Services, 1, "the catalog itself does not change")
	assert.Same(t, c, c.With(nil))
}

func TestDefaultsProblems(t *testing.T) {
	for text, want := range map[string]string{
		defaultsHead + "metadata: {name: a}\n":                                                                      "a.yaml:1:1: error: spec: is missing",
		defaultsHead + "spec: {}\n":                                                                                 "error: metadata: is missing",
		defaultsHead + "metadata: {name: a}\nspec: {selecter: {}}":                                                  `a.yaml:4:8: error: spec.selecter: is not known; did you mean selector?`,
		defaultsHead + "metadata: {name: a}\nspec: {selector: {services: pay*}}":                                    "error: spec.selector.services: is the text",
		defaultsHead + "metadata: {name: a}\nspec: {dependsOn: [b]}":                                                "error: spec.dependsOn: is not known",
		defaultsHead + "metadata: {name: a}\nspec: {proposed: maybe}":                                               "error: spec.proposed: is the text",
		defaultsHead + "metadata: {name: a}\nspec: {slos: [{name: b, objective: 100, sli: {availability: {}}}]}":    "error: spec.slos[0].objective: 100 leaves no error budget",
		defaultsHead + "metadata: {name: a}\nspec: {slos: [" + twice + "]}":                                         `error: spec.slos[1].name: "b" exists twice`,
		defaultsHead + "metadata: {name: a}\nspec: {slos: [" + query + "]}":                                         "error: spec.slos[0].sli.prometheus: is evaluated by generated rules",
		defaultsHead + "metadata: {name: a}\nspec: {}\n---\n" + defaultsHead + "metadata: {name: a}\nspec: {}":      `error: metadata.name: Defaults "a" are also defined at a.yaml:3:18`,
		"apiVersion: catalog.otelcol-sre.dev/v1\nkind: Default\nmetadata: {name: a}\nspec: {}":                      "error: kind: ",
		defaultsHead + "metadata: {name: a}\nspec: {slos: [{name: b, objective: 99, sli: {spans: {good: '1 ='}}}]}": "error: spec.slos[0].sli.spans.good: is not an OTTL condition",
	} {
		c, problems := Parse("a.yaml", []byte(text))
		require.Error(t, problems.Err(), text)
		assert.Contains(t, problems.String(), want, text)
		assert.Empty(t, c.Defaults, text)
	}
}

const (
	twice = "{name: b, objective: 99, sli: {availability: {}}}, {name: b, objective: 99, sli: {availability: {}}}"
	query = "{name: b, objective: 99, sli: {prometheus: {errorRatio: 'avg_over_time(x[{{.window}}])'}}}"
)

// A document that was written is read as the same Defaults.
func TestDefaultsRoundTrip(t *testing.T) {
	c := parseDefaults(t, defaultsHead+"metadata: {name: a}\nspec: {selector: {services: ['pay*'], namespace: shop, environments: [production]}, proposed: true, tier: 1, "+someSLO+"}")
	text, err := c.Defaults[0].YAML()
	require.NoError(t, err)
	again := parseDefaults(t, string(text))
	assert.Equal(t, c.Revision, again.Revision)
	assert.Equal(t, c.Defaults[0].Selector, again.Defaults[0].Selector)
	assert.True(t, again.Defaults[0].Proposed)
	assert.Equal(t, []string{PageSeverity, TicketSeverity}, again.ByDefault("shop", "payment").Alerts.Disable, "nobody is alerted by a proposal")
	assert.Empty(t, again.Defaults[0].Template.Alerts.Disable)
	assert.Equal(t, []string{"production"}, again.Defaults[0].Template.Environments)
}
