// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

func TestHelmLint(t *testing.T) {
	for _, choice := range Choices {
		t.Run(choice.Name, func(t *testing.T) {
			out, err := Helm.Run("lint", "--strict", "--kube-version", Version, Chart, "--values", choice.Values)
			require.NoError(t, err, "%s", out)
		})
	}
}

// template renders the chart with values as YAML.
func template(t *testing.T, values string) ([]Object, error) {
	file := filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(file, []byte(values), 0o600))
	text, err := Choice{Values: file}.Helm()
	if err != nil {
		return nil, err
	}
	return Objects(text)
}

// TestWrongValues: what cannot work is refused, and the complaint says what to change.
func TestWrongValues(t *testing.T) {
	for values, complaint := range map[string]string{
		"standalon: {enabled: true}":                                "additional properties 'standalon' not allowed",
		"gateway: {replica: 3}":                                     "additional properties 'replica' not allowed",
		"agent: {kind: Sidecar}":                                    "at '/agent/kind'",
		"gateway: {resources: {limits: {memory: 1.5G}}}":            "/gateway/resources/limits/memory",
		"standalone: {resources: {limits: {cpu: 1, memory: null}}}": "missing property 'memory'",
		"env: {otelcol: a}":                                         "does not match pattern",
		"image: {digest: abc}":                                      "/image/digest",
		"standalone: {enabled: false}":                              "no role is enabled",
		"presets: {annotationDiscovery: {enabled: true}}":           "the agent of each node scrapes its pods: set agent.enabled, and agent.kind to DaemonSet",
		"{standalone: {enabled: false}, agent: {enabled: true, gateway: g}, presets: {kubernetesEvents: {enabled: true}}}": "set gateway.enabled or standalone.enabled",
		"agent: {enabled: true}": "the agent has nowhere to send to",
		"agent: {enabled: true, gateway: a, kubelet: {limits: true}}":                    "set agent.kubelet.enabled as well",
		"agent: {enabled: true, gateway: a, kind: Deployment, podLogs: {enabled: true}}": "set agent.kind to DaemonSet",
		"standalone: {auth: {bearer: {secretName: a}, oidc: {issuer: https://b}}}":       "choose one",
		"networkPolicy: {viewers: [{podSelector: {}}]}":                                  "set standalone.expose.enabled",
		"standalone: {expose: {ingress: {enabled: true, host: a}}}":                      "httpRoute need the status page in the Service",
		"standalone: {expose: {enabled: true, ingress: {enabled: true}}}":                "set the name under which browsers reach the status page",
		"standalone: {expose: {enabled: true, httpRoute: {enabled: true}}}":              "set parentRefs to the Gateways",
		"podMonitor: {enabled: true}\nserviceMonitor: {enabled: true}":                   "scrape the same ports: choose one",
		"agent: {enabled: true, gateway: a, serviceAccount: {create: false}}":            "set agent.serviceAccount.name",
		"standalone: {service: {type: Headless}}":                                        "at '/standalone/service/type'",
		"standalone: {extraEnv: [{value: a}]}":                                           "missing property 'name'",
		"standalone: {preStopSeconds: 60}":                                               "must be longer than preStopSeconds",
		"catalog: {big.yaml: '" + strings.Repeat("a", 900_001) + "'}":                    "split the file",
	} {
		t.Run(complaint, func(t *testing.T) {
			_, err := template(t, values)
			assert.ErrorContains(t, err, complaint)
		})
	}
}

// TestLargeCatalog: what does not fit into a ConfigMap goes into further ones, and all are mounted as one folder.
func TestLargeCatalog(t *testing.T) {
	values := "catalog:\n"
	for i := range 25 {
		values += fmt.Sprintf("  service-%02d.yaml: %q\n", i, strings.Repeat("x", 99_000))
	}
	objects, err := template(t, values)
	require.NoError(t, err)
	files := map[string]bool{}
	var mounted []any
	for _, o := range objects {
		switch o.At("kind") {
		case "ConfigMap":
			assert.Less(t, len(o.JSON()), 1<<20, o)
			for file := range o.At("data").(map[string]any) {
				assert.False(t, files[file], "%s is there twice", file)
				files[file] = true
			}
		case "StatefulSet":
			for _, volume := range o.At("spec", "template", "spec", "volumes").([]any) {
				if volume := Object(volume.(map[string]any)); volume["name"] == "catalog" {
					for _, source := range volume.At("projected", "sources").([]any) {
						mounted = append(mounted, Object(source.(map[string]any)).At("configMap", "name"))
					}
				}
			}
		}
	}
	assert.Len(t, files, 25)
	assert.Equal(t, []any{"otelcol-sre-catalog", "otelcol-sre-catalog-2", "otelcol-sre-catalog-3"}, mounted)
}

// TestOwnConfig: a config of the user's is the last that is merged, and a change of it replaces the pods.
func TestOwnConfig(t *testing.T) {
	var checksums []any
	for _, value := range []string{"1s", "2s"} {
		objects, err := template(t, "standalone: {config: {processors: {slo: {flush_interval: "+value+"}}}}")
		require.NoError(t, err)
		for _, o := range objects {
			if o.At("kind") == "StatefulSet" {
				checksums = append(checksums, o.At("spec", "template", "metadata", "annotations", "checksum/config"))
				args := container(o).At("args").([]any)
				assert.Equal(t, "--config=/etc/otelcol-sre/config/config.yaml", args[len(args)-1])
			}
		}
	}
	require.Len(t, checksums, 2)
	assert.NotEqual(t, checksums[0], checksums[1])
}

func container(workload Object) Object {
	return workload.At("spec", "template", "spec", "containers").([]any)[0].(map[string]any)
}

// TestScrapesWithAuthentication: Prometheus gets what port 9464 asks for.
func TestScrapesWithAuthentication(t *testing.T) {
	objects, err := template(t, "serviceMonitor: {enabled: true, endpoint: {scrapeTimeout: 10s}}\nstandalone: {auth: {tls: true, bearer: {secretName: tokens, key: scrape}}}")
	require.NoError(t, err)
	for _, o := range objects {
		if o.At("kind") == "ServiceMonitor" {
			endpoint := Object(o.At("spec", "endpoints").([]any)[1].(map[string]any))
			assert.Equal(t, Object{
				"port": "prometheus", "interval": "15s", "honorLabels": true, "scrapeTimeout": "10s", "scheme": "https",
				"tlsConfig": map[string]any{
					"ca":         map[string]any{"secret": map[string]any{"name": "otelcol-sre-standalone-tls", "key": "ca.crt"}},
					"serverName": "otelcol-sre-standalone",
				},
				"authorization": map[string]any{"credentials": map[string]any{"name": "tokens", "key": "scrape"}},
			}, endpoint)
			return
		}
	}
	t.Error("no ServiceMonitor")
}

// TestOtherNames: two releases in a namespace have no name in common, but for the Secret that a namespace shares.
func TestOtherNames(t *testing.T) {
	names := map[string]bool{}
	for _, release := range []string{Release, "shop"} {
		text, err := Helm.Run("template", release, Chart, "--namespace", Namespace, "--kube-version", Version, "--values", Chart+"/examples/prod.yaml")
		require.NoError(t, err)
		objects, err := Objects(text)
		require.NoError(t, err)
		for _, o := range objects {
			assert.False(t, names[o.String()], o)
			names[o.String()] = true
		}
	}
	assert.True(t, names["StatefulSet/shop-otelcol-sre-gateway"])
}

// TestOwnAlerts: the alerts about the collector itself are those of alerts/examples in the chart and in Kustomize too.
func TestOwnAlerts(t *testing.T) {
	chart, component := Root(Chart, "files", "otelcol-sre.rules.yaml"), Root("deploy", "kustomize", "components", "monitoring", "prometheus-rule.yaml")
	if golden.Update() {
		text, err := os.ReadFile(Root("alerts", "examples", "otelcol-sre.rules.yaml"))
		require.NoError(t, err)
		_, own, _ := strings.Cut(string(text), "\ngroups:\n")
		for path, indent := range map[string]string{chart: "", component: "  "} {
			old, err := os.ReadFile(path)
			require.NoError(t, err)
			head, _, found := strings.Cut(string(old), indent+"groups:\n")
			require.True(t, found, path)
			require.NoError(t, os.WriteFile(path, []byte(head+indent+"groups:\n"+regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimSuffix(own, "\n"), indent)+"\n"), 0o600))
		}
	}
	groups := func(path string) any {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var rules struct {
			Groups any
			Spec   struct{ Groups any }
		}
		require.NoError(t, yaml.Unmarshal(text, &rules))
		if rules.Groups == nil {
			return rules.Spec.Groups
		}
		return rules.Groups
	}
	want := groups(Root("alerts", "examples", "otelcol-sre.rules.yaml"))
	require.NotEmpty(t, want)
	assert.Equal(t, want, groups(chart), "go test ./test/kubernetes -run TestOwnAlerts -update")
	assert.Equal(t, want, groups(component), "go test ./test/kubernetes -run TestOwnAlerts -update")
}

// TestEveryValueIsDocumented: each value has a comment, and a line in the README with its default.
func TestEveryValueIsDocumented(t *testing.T) {
	text, err := os.ReadFile(Root(Chart, "values.yaml"))
	require.NoError(t, err)
	readme, err := os.ReadFile(Root(Chart, "README.md"))
	require.NoError(t, err)
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &document))
	table := valuesTable(t, document.Content[0], "")
	if golden.Update() {
		before, rest, found := strings.Cut(string(readme), "| value | default | what it is |\n| --- | --- | --- |\n")
		require.True(t, found)
		_, after, _ := strings.Cut(rest, "\n\n")
		readme = []byte(before + "| value | default | what it is |\n| --- | --- | --- |\n" + table + "\n" + after)
		require.NoError(t, os.WriteFile(Root(Chart, "README.md"), readme, 0o600))
	}
	assert.Contains(t, string(readme), table, "go test ./test/kubernetes -run TestEveryValueIsDocumented -update")
}

// valuesTable are the lines of the README for the values of a mapping. A value is what has a comment that begins with `-- `.
func valuesTable(t *testing.T, mapping *yaml.Node, prefix string) (table string) {
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		name := prefix + key.Value
		if _, comment, documented := strings.Cut(key.HeadComment, "# -- "); documented {
			text, err := yaml.Marshal(&yaml.Node{Kind: value.Kind, Tag: value.Tag, Value: value.Value, Content: value.Content, Style: value.Style | yaml.FlowStyle})
			require.NoError(t, err)
			table += fmt.Sprintf("| `%s` | `%s` | %s |\n", name, strings.Join(strings.Fields(string(text)), " "), strings.ReplaceAll(comment, "\n# ", " "))
			continue
		}
		if value.Kind != yaml.MappingNode || len(value.Content) == 0 {
			t.Errorf("values.yaml: %s has no comment `# -- ...`", name)
			continue
		}
		table += valuesTable(t, value, name+".")
	}
	return table
}
