// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

func TestSchemaIsCommitted(t *testing.T) {
	text, err := JSONSchema()
	require.NoError(t, err)
	golden.Equal(t, "service.schema.json", text)
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	text, err := JSONSchema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource(SchemaID, doc))
	compiled, err := compiler.Compile(SchemaID)
	require.NoError(t, err)
	return compiled
}

const head = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\n"

// TestSchemaAgrees holds schema and loader to the same verdict on everything that a schema
// can express.
func TestSchemaAgrees(t *testing.T) {
	metadata := head + "metadata: {name: checkout}\n"
	spec := func(s string) string { return metadata + "spec: {" + s + "}\n" }
	slo := func(s string) string { return spec("slos: [{name: a, objective: 99, " + s + "}]") }
	sli := func(s string) string { return slo("sli: {" + s + "}") }
	query := `"sum(rate(x[{{.window}}]))"`

	check := func(s string) string { return spec("checks: [{name: a, " + s + "}]") }
	deployed := func(s string) string { return spec("deployment: {" + s + "}") }

	documents := map[string]bool{
		check("http: {url: https://a.example.com/}"): true,
		check("interval: 10s, timeout: 2s, from: [eu], environment: p, http: {url: https://a/, method: POST, body: x, status: [200, 302]}"):             true,
		check("http: {url: https://a/, pattern: ok, within: 1s, certificateFor: 30d, headers: {authorization: \"Bearer ${env:OTELCOL_SRE_CHECK_A}\"}}"): true,
		check("tcp: {address: 'a:5432'}"):                               true,
		check("dns: {name: a, addresses: [192.0.2.1]}"):                 true,
		check("grpc: {address: 'a:443', service: b, tls: true}"):        true,
		check("interval: 10s"):                                          false,
		check("http: {url: https://a/}, tcp: {address: 'a:1'}"):         false,
		check("http: {url: ftp://a/}"):                                  false,
		check("http: {url: https://a/, method: DELETE}"):                false,
		check("http: {url: https://a/, status: [99]}"):                  false,
		check("http: {url: https://a/, status: ok}"):                    false,
		spec("checks: [{http: {url: https://a/}}]"):                     false,
		deployed("rollback: {command: [helm, rollback, a], perDay: 3}"): true,
		deployed("rollback: {perDay: 0}"):                               false,
		deployed("rollback: {command: helm}"):                           false,
		deployed("migrations: [{version: 1.5.0, reason: orders}]"):      true,
		deployed("migrations: [{reason: orders}]"):                      false,
		metadata:                           true,
		head:                               false,
		head + "metadata: {}":              false,
		head + "metadata: {name: }":        false,
		head + "metadata: {name: 7}":       false,
		head + "metadata: {name: a/b}":     false,
		head + "metadata: {name: .a}":      false,
		head + "metadata: {name: a b}":     true,
		head + `metadata: {name: "a\nb"}`:  false,
		head + `metadata: {name: "a\x7f"}`: false,
		head + "metadata: {name: checkout, labels: {team: a}}":                               true,
		head + "metadata: {name: checkout, labels: {-team: a}}":                              false,
		head + "metadata: {name: checkout, labels: {team: [a]}}":                             false,
		"apiVersion: catalog.otelcol-sre.dev/v1\nkind: Servis\nmetadata: {name: checkout}\n": false,
		metadata + "speck: {}":                                         false,
		metadata + "spec: []":                                          false,
		spec("tier: 4"):                                                true,
		spec("tier: 5"):                                                false,
		spec(`tier: "1"`):                                              false,
		spec("owner: yes"):                                             true,
		spec("owner: true"):                                            false,
		spec("owner: 2024-01-01"):                                      true,
		spec("repository: https://git.example.com/a"):                  true,
		spec("repository: git.example.com/a"):                          false,
		spec("repository: ftp://git.example.com/a"):                    false,
		spec("environments: [a, b]"):                                   true,
		spec("environments: [a, a]"):                                   false,
		spec("environments: a"):                                        false,
		spec("escalation: {email: a@example.com}"):                     true,
		spec("escalation: {email: a}"):                                 false,
		spec("escalation: {phone: 1}"):                                 false,
		spec("deployment: {kubernetes: {namespace: shop}}"):            true,
		spec("deployment: {kubernetes: {namespace: shop, kind: Pod}}"): false,
		spec("deployment: {kubernetes: {kind: Deployment}}"):           false,
		spec("maintenance: [{start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00+01:00}]"):                               true,
		spec("maintenance: [{start: 2026-01-01, end: 2026-01-02T00:00:00Z}]"):                                              false,
		spec("maintenance: [{start: 2026-01-01T00:00:00Z}]"):                                                               false,
		spec("maintenance: [{every: weekday 08:00-18:00 Europe/Madrid}]"):                                                  true,
		spec("maintenance: [{every: weekday 08:00-18:00 Europe/Madrid, start: 2026-01-01T00:00:00Z}]"):                     true,
		spec("maintenance: [{reason: a new rack}]"):                                                                        false,
		spec("maintenance: [{every: [sunday]}]"):                                                                           false,
		spec("operatingHours: [{every: FREQ=MONTHLY;BYDAY=1SU 08:00-18:00 UTC}]"):                                          true,
		spec("operatingHours: [{start: 2026-01-01T00:00:00Z}]"):                                                            false,
		spec("corrections: [{start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z, as: good, by: ana, reason: a test}]"): true,
		spec("corrections: [{start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z, as: fine, by: ana, reason: a test}]"): false,
		spec("corrections: [{start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z, as: good, by: ana}]"):                 false,
		spec("ledger: {allow: [customer.*, '*.plan'], deny: [cart.kind]}"):                                                 true,
		spec("ledger: {allow: [a*b]}"):                                                                                     false,
		spec("ledger: {allow: ['*']}"):                                                                                     false,
		spec("ledger: {deny: [a b]}"):                                                                                      false,
		spec("ledger: {dany: [a]}"):                                                                                        false,
		sli("availability: {}"):                                                                                            true,
		sli("availability: "):                                                                                              false,
		sli("availability: {kinds: [client]}"):                                                                             true,
		sli("availability: {kinds: [clients]}"):                                                                            false,
		sli("latency: {threshold: 300ms}"):                                                                                 true,
		sli("latency: {threshold: 0.3}"):                                                                                   false,
		sli("latency: {}"):                                                                                                 false,
		sli("latency: {threshold: 1s, excludeErrors: true}"):                                                               true,
		sli("latency: {threshold: 1s, excludeErrors: false, errorsAreBad: true}"):                                          true,
		sli("latency: {threshold: 1s, excludeErrors: true, errorsAreBad: true}"):                                           false,
		sli(""): false,
		sli("availability: {}, latency: {threshold: 1s}"):                                                                                            false,
		sli("spans: {good: name == nil}"):                                                                                                            true,
		sli("spans: {match: name == nil}"):                                                                                                           false,
		sli("metrics: {good: {name: a}, bad: {name: b}}"):                                                                                            true,
		sli("metrics: {good: {name: a}}"):                                                                                                            false,
		sli("metrics: {good: {name: a}, bad: {name: b}, total: {name: c}}"):                                                                          false,
		sli("metrics: {good: {name: a, threshold: 1.5}, total: {name: a}}"):                                                                          true,
		sli("metrics: {good: {name: a, threshold: 250ms, betweenBuckets: interpolate}, total: {name: a}}"):                                           true,
		sli("metrics: {good: {name: a, threshold: 250ms, betweenBuckets: guess}, total: {name: a}}"):                                                 false,
		sli("metrics: {good: {name: a, betweenBuckets: refuse}, total: {name: a}}"):                                                                  false,
		sli("prometheus: {errors: " + query + ", total: " + query + "}"):                                                                             true,
		sli("prometheus: {errors: " + query + "}"):                                                                                                   false,
		sli("prometheus: {errorRatio: " + query + "}"):                                                                                               true,
		sli("prometheus: {errorRatio: " + query + ", total: " + query + "}"):                                                                         false,
		slo("sli: {availability: {}}, window: 7d"):                                                                                                   true,
		slo("sli: {availability: {}}, window: 7 days"):                                                                                               false,
		slo("sli: {availability: {}}, window: 7"):                                                                                                    false,
		slo("sli: {availability: {}}, calendar: {unit: month}"):                                                                                      true,
		slo("sli: {availability: {}}, calendar: {unit: fortnight}"):                                                                                  false,
		slo("sli: {availability: {}}, calendar: {unit: month}, window: 7d"):                                                                          false,
		slo("sli: {availability: {}}, resets: [{at: 2026-01-01T00:00:00Z, by: me, reason: drill}]"):                                                  true,
		slo("sli: {availability: {}}, resets: [{at: 2026-01-01T00:00:00Z}]"):                                                                         false,
		slo("sli: {availability: {}}, budgeting: {method: timeslices, slice: 5m, target: 95}"):                                                       true,
		slo("sli: {availability: {}}, maintenance: [{every: sat 22:00-06:00 UTC}], operatingHours: [{every: day 06:00-24:00 UTC}], corrections: []"): true,
		spec("slos: [{name: a, objective: 100, sli: {availability: {}}}]"):                                                                           false,
		spec("slos: [{name: a, objective: 0, sli: {availability: {}}}]"):                                                                             false,
		spec(`slos: [{name: a, objective: "99.9", sli: {availability: {}}}]`):                                                                        false,
		spec("slos: [{name: a b, objective: 99, sli: {availability: {}}}]"):                                                                          false,
		spec("slos: [{name: a, sli: {availability: {}}}]"):                                                                                           false,

		defaultsHead + "metadata: {name: a}\nspec: {}":                                                   true,
		defaultsHead + "metadata: {name: a}":                                                             false,
		defaultsHead + "spec: {}":                                                                        false,
		defaultsHead + "metadata: {name: a, namespace: b}\nspec: {}":                                     false,
		defaultsHead + "metadata: {name: a}\nspec: {owner: b, tier: 1, proposed: true, " + someSLO + "}": true,
		defaultsHead + "metadata: {name: a}\nspec: {selector: {services: ['a*', b], namespace: c}}":      true,
		defaultsHead + "metadata: {name: a}\nspec: {selector: {services: [a, a]}}":                       false,
		defaultsHead + "metadata: {name: a}\nspec: {selector: {service: a}}":                             false,
		defaultsHead + "metadata: {name: a}\nspec: {slos: [{name: a, sli: {availability: {}}}]}":         false,
		defaultsHead + "metadata: {name: a}\nspec: {repository: 'https://git.example.com/a'}":            false,
	}
	compiled := compileSchema(t)
	for text, sound := range documents {
		var doc yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc), text)
		invalid := compiled.Validate(plain(doc.Content[0]))
		_, problems := Parse("a.yaml", []byte(text))
		assert.Equal(t, sound, invalid == nil, "schema: %s: %v", text, invalid)
		assert.Equal(t, sound, problems.Err() == nil, "loader: %s: %v", text, problems)
	}
}
