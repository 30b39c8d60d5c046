// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// foreignKinds are the kinds of Pyrra and of OpenSLO, which are in no Go module; here, they take anything.
var foreignKinds = []struct{ group, version, kind, plural string }{
	{"pyrra.dev", "v1alpha1", "ServiceLevelObjective", "servicelevelobjectives"},
	{"openslo.com", "v1", "Service", "services"},
	{"openslo.com", "v1", "SLO", "slos"},
	{"openslo.com", "v1", "SLI", "slis"},
	{"openslo.com", "v1", "DataSource", "datasources"},
	{"openslo.com", "v1", "AlertPolicy", "alertpolicies"},
	{"openslo.com", "v1", "AlertCondition", "alertconditions"},
}

// defineKinds defines all kinds that the collector reads: ours as it is shipped, and Sloth's as it is in its module.
func defineKinds(t *testing.T) {
	var all strings.Builder
	folder, err := kubernetes.ModuleFolder("github.com/slok/sloth@v0.16.0")
	require.NoError(t, err)
	for _, file := range []string{
		kubernetes.Root("deploy", "kustomize", "crd", "services.yaml"),
		kubernetes.Root("deploy", "kustomize", "crd", "defaults.yaml"),
		filepath.Join(folder, "pkg", "kubernetes", "gen", "crd", "sloth.slok.dev_prometheusservicelevels.yaml"),
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.WriteString("---\n" + string(text) + "\n")
	}
	for _, k := range foreignKinds {
		fmt.Fprintf(&all, `---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: %[4]s.%[1]s}, spec: {group: %[1]s, scope: Namespaced,
names: {kind: %[3]s, plural: %[4]s, singular: %[5]s}, versions: [{name: %[2]s, served: true, storage: true,
schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
`, k.group, k.version, k.kind, k.plural, strings.ToLower(k.kind))
	}
	run(t, []byte(all.String()), "apply", "--server-side", "--validate=strict", "--warnings-as-errors", "-f", "-")
	t.Cleanup(func() { run(t, []byte(all.String()), "delete", "--ignore-not-found", "-f", "-") })
	run(t, nil, "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
}

const entries = `
{apiVersion: catalog.otelcol-sre.dev/v1, kind: Service, metadata: {name: checkout}, spec: {owner: payments, slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}}
---
{apiVersion: catalog.otelcol-sre.dev/v1, kind: Service, metadata: {name: wrong}, spec: {slos: [{name: spans, objective: 99.9, sli: {spans: {good: 'attributes['}}}]}}
---
{apiVersion: catalog.otelcol-sre.dev/v1, kind: Defaults, metadata: {name: all}, spec: {proposed: true, selector: {services: ['*']}, slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}}
---
{apiVersion: sloth.slok.dev/v1, kind: PrometheusServiceLevel, metadata: {name: by-sloth}, spec: {service: by-sloth, slos: [{name: requests, objective: 99.9,
sli: {events: {errorQuery: 'sum(rate(errors_total[{{.window}}]))', totalQuery: 'sum(rate(all_total[{{.window}}]))'}}, alerting: {name: A}}]}}
---
{apiVersion: pyrra.dev/v1alpha1, kind: ServiceLevelObjective, metadata: {name: by-pyrra}, spec: {target: "99", window: 4w,
indicator: {ratio: {errors: {metric: 'errors_total{job="a"}'}, total: {metric: 'all_total{job="a"}'}}}}}
---
{apiVersion: openslo.com/v1, kind: Service, metadata: {name: by-openslo}, spec: {description: Of OpenSLO.}}
---
{apiVersion: openslo.com/v1, kind: SLI, metadata: {name: ratio}, spec: {ratioMetric: {counter: true,
good: {metricSource: {type: Prometheus, spec: {query: good_total}}}, total: {metricSource: {type: Prometheus, spec: {query: all_total}}}}}}
---
{apiVersion: openslo.com/v1, kind: SLO, metadata: {name: requests}, spec: {service: by-openslo, indicatorRef: ratio, budgetingMethod: Occurrences,
timeWindow: [{duration: 28d, isRolling: true}], objectives: [{target: 0.99}]}}
`

const (
	catalogKind  = "services.catalog.otelcol-sre.dev"
	defaultsKind = "defaults.catalog.otelcol-sre.dev"
)

// inUse waits until the newest reading in the collector's log has this many services.
func (c *process) inUse(services int) error {
	log := c.log()
	newest := log[max(0, strings.LastIndex(log, `"outcome": `)):]
	if !strings.Contains(newest, fmt.Sprintf(`"services": %d,`, services)) {
		return fmt.Errorf("%d services are not in use", services)
	}
	return nil
}

// accepted is the status of an object's condition, of which generation, and why.
func accepted(t *testing.T, name string) string { return acceptedOf(t, catalogKind, name) }

func acceptedOf(t *testing.T, kind, name string) string {
	return run(t, nil, "get", kind, name, "-n", kubernetes.Namespace, "-o",
		`jsonpath={range .status.conditions[?(@.type=="Accepted")]}{.status} {.reason} {.observedGeneration} {.message}{end}`)
}

// allowObjects applies the rights that the component renders. It returns the Roles by what they are for.
func allowObjects(t *testing.T) map[string]kubernetes.Object {
	choice := "test/kubernetes/testdata/catalog-objects"
	rendered, err := kubernetes.Kustomize.Run("build", choice)
	require.NoError(t, err)
	objects, err := kubernetes.Objects(rendered)
	require.NoError(t, err)
	roles := map[string]kubernetes.Object{}
	for _, o := range objects {
		kind, _ := o.At("kind").(string)
		if kind != "ServiceAccount" && !strings.Contains(kind, "Role") {
			continue
		}
		apply(t, o)
		if kind == "Role" {
			roles[o.At("metadata", "labels", "app.kubernetes.io/component").(string)] = o
		}
	}
	return roles
}

func put(t *testing.T, text string) {
	run(t, []byte(text), "apply", "--server-side", "-n", kubernetes.Namespace, "-f", "-")
}

// TestCatalogObjects: the collector reads the objects of its namespace and of no other one, sees changes and deletions, and says in their
// status what became of them. It needs each right that is rendered, and no other.
func TestCatalogObjects(t *testing.T) {
	namespace(t, "restricted")
	defineKinds(t)
	run(t, nil, "create", "namespace", "elsewhere")
	t.Cleanup(func() { run(t, nil, "delete", "namespace", "elsewhere", "--wait=false") })
	run(t, []byte(`{apiVersion: catalog.otelcol-sre.dev/v1, kind: Service, metadata: {name: elsewhere}}`), "apply", "-n", "elsewhere", "-f", "-")
	put(t, entries)
	for _, refused := range []string{"objective: 101", "objective: text", "objektive: 99"} {
		_, err := shared.Kubectl([]byte(`{apiVersion: catalog.otelcol-sre.dev/v1, kind: Service, metadata: {name: a}, spec: {slos: [{name: a, sli: {availability: {}}, `+refused+`}]}}`),
			"apply", "--server-side", "-n", kubernetes.Namespace, "-f", "-")
		assert.Error(t, err, "the API server knows the schema")
		_, err = shared.Kubectl([]byte(`{apiVersion: catalog.otelcol-sre.dev/v1, kind: Defaults, metadata: {name: a}, spec: {slos: [{name: a, sli: {availability: {}}, `+refused+`}]}}`),
			"apply", "--server-side", "-n", kubernetes.Namespace, "-f", "-")
		assert.Error(t, err, "of both kinds")
	}

	roles := allowObjects(t)
	gateway := subject{role: "gateway", fragments: []string{"catalog-objects"}}
	within := func(t *testing.T, c *process, services int) {
		require.NoError(t, Within(60*time.Second, func() error { return c.inUse(services) }), "%s", c.log())
	}
	eventually := func(t *testing.T, c *process, name, want string) {
		require.NoError(t, Within(60*time.Second, func() error {
			if got := accepted(t, name); !strings.HasPrefix(got, want) {
				return fmt.Errorf("%s: %q is not %q", name, got, want)
			}
			return nil
		}), "%s", c.log())
	}

	t.Run("agent", func(t *testing.T) {
		c := startCollector(t, subject{role: "agent", fragments: []string{"catalog-objects"}, env: []string{"OTELCOL_SRE_CATALOG_STATUS=false"}})
		within(t, c, 4)
		assert.Empty(t, accepted(t, "checkout"), "gateways write the status")
		assert.NotContains(t, strings.ToLower(c.log()), "forbidden")
	})

	t.Run("gateway", func(t *testing.T) {
		c := startCollector(t, gateway)
		within(t, c, 4)
		eventually(t, c, "checkout", "True Accepted 1 Service checkout, SLOs: 1.")
		eventually(t, c, "wrong", "False Invalid 1 spec.slos[0].sli.spans.good: ")
		require.NoError(t, Within(60*time.Second, func() error {
			if got := acceptedOf(t, defaultsKind, "all"); !strings.HasPrefix(got, "True Accepted 1 Defaults all, SLOs: 1.") {
				return fmt.Errorf("Defaults: %q", got)
			}
			return nil
		}), "%s", c.log())
		assert.Contains(t, c.log(), "kubernetes:otelcol-sre/"+catalogKind+"/wrong")
		put(t, strings.Replace(strings.Split(entries, "---")[0], "99.9", "99.5", 1))
		eventually(t, c, "checkout", "True Accepted 2 ")
		put(t, `{apiVersion: catalog.otelcol-sre.dev/v1, kind: Service, metadata: {name: checkout}, spec: {slos: [{name: spans, objective: 99.9, sli: {spans: {good: 'attributes['}}}]}}`)
		eventually(t, c, "checkout", "False Invalid 3 ")
		within(t, c, 4) // as it was
		run(t, nil, "delete", "servicelevelobjectives.pyrra.dev", "by-pyrra", "-n", kubernetes.Namespace)
		within(t, c, 3)
		put(t, strings.ReplaceAll(strings.Split(entries, "---")[1], "attributes[", `attributes["a"] == 1`))
		eventually(t, c, "wrong", "True Accepted 2 Service wrong, SLOs: 1.")
		within(t, c, 4)
		assert.NotContains(t, strings.ToLower(c.log()), "forbidden")
		assert.NotContains(t, c.log(), "elsewhere")

		// Another one has nothing to write.
		version := func() string {
			return run(t, nil, "get", catalogKind, "-n", kubernetes.Namespace, "-o", "jsonpath={.items[*].metadata.resourceVersion}")
		}
		before := version()
		other := startCollector(t, gateway)
		within(t, other, 3) // checkout has had no good version since this one runs
		assert.Equal(t, before, version())
	})

	role, round := roles["gateway"], 0
	all := role.At("rules").([]any)
	for i := range all { // two kinds are called services
		one := maps.Clone(role)
		one["rules"] = all[i : i+1]
		for missing, rest := range withoutOne(one, func(string) bool { return true }) {
			round++
			t.Run(fmt.Sprintf("without %s of %v", missing, all[i].(map[string]any)["apiGroups"]), func(t *testing.T) {
				less := maps.Clone(role)
				less["rules"] = slices.Concat(all[:i], all[i+1:], rest)
				apply(t, less)
				defer apply(t, role)
				put(t, strings.Replace(strings.Split(entries, "---")[0], "99.9", fmt.Sprintf("90.%d", round), 1)) // its status has to be written
				put(t, strings.Replace(strings.Split(entries, "---")[2], "99.9", fmt.Sprintf("90.%d", round), 1))
				c := startCollector(t, gateway)
				assert.NoError(t, Within(30*time.Second, func() error { return c.refused(missing) }), "the right is not needed\n%s", c.log())
			})
		}
	}
}

// TestCatalogWithoutTheAPIServer: a collector that restarts while the API server is away has the objects of before.
func TestCatalogWithoutTheAPIServer(t *testing.T) {
	namespace(t, "restricted")
	defineKinds(t)
	put(t, entries)
	allowObjects(t)
	state := t.TempDir()
	gateway := subject{role: "gateway", fragments: []string{"catalog-objects"}, env: []string{"OTELCOL_SRE_STORAGE=" + state}}
	for _, with := range []string{"with it", "without it"} { // a collector ends with its run
		t.Run(with, func(t *testing.T) {
			if with == "without it" {
				gateway.env = append(gateway.env, "KUBERNETES_SERVICE_PORT=1")
			}
			c := startCollector(t, gateway)
			require.NoError(t, Within(60*time.Second, func() error { return c.inUse(4) }), "%s", c.log())
			if with == "without it" {
				assert.Contains(t, c.log(), "its objects are as they were when this collector read them last")
			}
		})
	}
}

// TestCatalogBeforeTheAPIServer: without an API server, the collector starts with its folder.
func TestCatalogBeforeTheAPIServer(t *testing.T) {
	namespace(t, "restricted")
	run(t, nil, "create", "serviceaccount", "otelcol-sre-gateway", "-n", kubernetes.Namespace)
	c := startCollector(t, subject{role: "gateway", fragments: []string{"catalog-objects"}, env: []string{"KUBERNETES_SERVICE_PORT=1"}})
	require.NoError(t, Within(60*time.Second, func() error {
		if !strings.Contains(c.log(), "Everything is ready") {
			return errors.New("has not started")
		}
		return nil
	}), "%s", c.log())
	assert.Contains(t, c.log(), "The objects of Kubernetes are not read yet")
	assert.Contains(t, c.log(), "the API server does not answer, so its objects are not in the catalog")
}
