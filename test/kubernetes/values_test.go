// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A value that users know from other charts, and where it goes: the field that the Kubernetes object has at a path.
var familiarValues = []struct {
	name, values string
	object       string // kind/name
	path         []string
	want         string // YAML
}{
	{
		"extraEnv", "standalone: {extraEnv: [{name: TOKEN, valueFrom: {secretKeyRef: {name: tokens, key: a}}}]}",
		"StatefulSet/otelcol-sre-standalone", inContainer("env", "TOKEN"), "{name: TOKEN, valueFrom: {secretKeyRef: {name: tokens, key: a}}}",
	},
	{
		"extraEnv in place of env", "standalone: {env: {OTELCOL_SRE_QUEUE: 1}, extraEnv: [{name: OTELCOL_SRE_QUEUE, valueFrom: {configMapKeyRef: {name: limits, key: queue}}}]}",
		"StatefulSet/otelcol-sre-standalone", inContainer("env", "OTELCOL_SRE_QUEUE"), "{name: OTELCOL_SRE_QUEUE, valueFrom: {configMapKeyRef: {name: limits, key: queue}}}",
	},
	{
		"extraEnvFrom", "standalone: {extraEnvFrom: [{configMapRef: {name: more}}]}",
		"StatefulSet/otelcol-sre-standalone", inContainer("envFrom"), "[{secretRef: {name: otelcol-sre-credentials, optional: true}}, {configMapRef: {name: more}}]",
	},
	{
		"extraVolumes", "standalone: {extraVolumes: [{name: ca, configMap: {name: company-ca}}]}",
		"StatefulSet/otelcol-sre-standalone", inPod("volumes", "ca"), "{name: ca, configMap: {name: company-ca}}",
	},
	{
		"extraVolumeMounts", "standalone: {extraVolumeMounts: [{name: ca, mountPath: /etc/ssl/certs, readOnly: true}]}",
		"StatefulSet/otelcol-sre-standalone", inContainer("volumeMounts", "ca"), "{name: ca, mountPath: /etc/ssl/certs, readOnly: true}",
	},
	{
		"initContainers", "agent: {enabled: true, gateway: g, initContainers: [{name: wait, image: example.com/wait}]}",
		"DaemonSet/otelcol-sre-agent", inPod("initContainers"), "[{name: wait, image: example.com/wait}]",
	},
	{
		"hostNetwork", "agent: {enabled: true, gateway: g, hostNetwork: true}",
		"DaemonSet/otelcol-sre-agent", inPod("hostNetwork"), "true",
	},
	{
		"DNS of the node's network", "agent: {enabled: true, gateway: g, hostNetwork: true}",
		"DaemonSet/otelcol-sre-agent", inPod("dnsPolicy"), "ClusterFirstWithHostNet",
	},
	{
		"dnsPolicy", "gateway: {enabled: true, dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.10]}}",
		"StatefulSet/otelcol-sre-gateway", inPod("dnsPolicy"), "None",
	},
	{
		"dnsConfig", "gateway: {enabled: true, dnsConfig: {options: [{name: ndots, value: '2'}]}}",
		"StatefulSet/otelcol-sre-gateway", inPod("dnsConfig"), "{options: [{name: ndots, value: '2'}]}",
	},
	{
		"hostAliases", "gateway: {enabled: true, hostAliases: [{ip: 10.1.2.3, hostnames: [tempo.example.com]}]}",
		"StatefulSet/otelcol-sre-gateway", inPod("hostAliases"), "[{ip: 10.1.2.3, hostnames: [tempo.example.com]}]",
	},
	{
		"topologySpreadConstraints", "gateway: {enabled: true, topologySpreadConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]}",
		"StatefulSet/otelcol-sre-gateway", inPod("topologySpreadConstraints"), "[{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]",
	},
	{
		"service.type", "standalone: {service: {type: LoadBalancer}}",
		"Service/otelcol-sre-standalone", []string{"spec", "type"}, "LoadBalancer",
	},
	{
		"service.annotations", "standalone: {service: {annotations: {a: b}}}",
		"Service/otelcol-sre-standalone", []string{"metadata", "annotations"}, "{a: b}",
	},
	{
		"another serviceAccount", "gateway: {enabled: true, serviceAccount: {create: false, name: theirs}}",
		"StatefulSet/otelcol-sre-gateway", inPod("serviceAccountName"), "theirs",
	},
	{
		"no serviceAccount", "standalone: {serviceAccount: {create: false}}",
		"StatefulSet/otelcol-sre-standalone", inPod("serviceAccountName"), "default",
	},
	{
		"rights of another serviceAccount", "agent: {enabled: true, gateway: g, serviceAccount: {create: false, name: theirs}}",
		"ClusterRoleBinding/otelcol-sre-otelcol-sre-agent", []string{"subjects"}, "[{kind: ServiceAccount, name: theirs, namespace: otelcol-sre}]",
	},
	{
		"ingress", "standalone: {expose: {enabled: true, ingress: {enabled: true, className: nginx, host: slo.example.com, tlsSecretName: cert, annotations: {a: b}}}}",
		"Ingress/otelcol-sre-standalone", []string{"spec"},
		"{ingressClassName: nginx, tls: [{hosts: [slo.example.com], secretName: cert}], rules: [{host: slo.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: otelcol-sre-standalone, port: {name: status}}}}]}}]}",
	},
	{
		"the host of the ingress", "standalone: {expose: {enabled: true, hosts: [a.example.com], ingress: {enabled: true, host: slo.example.com}}}",
		"StatefulSet/otelcol-sre-standalone", inContainer("env", "OTELCOL_SRE_ALLOWED_HOSTS", "value"),
		"otelcol-sre-standalone,otelcol-sre-standalone.otelcol-sre,otelcol-sre-standalone.otelcol-sre.svc,a.example.com,slo.example.com",
	},
	{
		"httpRoute", "standalone: {expose: {enabled: true, httpRoute: {enabled: true, parentRefs: [{name: public, namespace: edge}], hostnames: [slo.example.com]}}}",
		"HTTPRoute/otelcol-sre-standalone", []string{"spec"},
		"{parentRefs: [{name: public, namespace: edge}], hostnames: [slo.example.com], rules: [{backendRefs: [{name: otelcol-sre-standalone, port: 8686}]}]}",
	},
	{
		"podMonitor", "podMonitor: {enabled: true, interval: 30s, labels: {release: prometheus}}",
		"PodMonitor/otelcol-sre", []string{"spec", "podMetricsEndpoints"},
		"[{port: metrics, interval: 30s}, {port: prometheus, interval: 30s, honorLabels: true}]",
	},
	{
		"presets.annotationDiscovery", "agent: {enabled: true, gateway: g}\npresets: {annotationDiscovery: {enabled: true}}",
		"DaemonSet/otelcol-sre-agent", inContainer("args"), "[--config=builtin:agent, --config=builtin:gateway-dns, --config=builtin:kubernetes, --config=builtin:annotations]",
	},
	{
		"rights of presets.annotationDiscovery", "agent: {enabled: true, gateway: g, kubernetes: {enabled: false}}\npresets: {annotationDiscovery: {enabled: true}}",
		"ClusterRole/otelcol-sre-otelcol-sre-agent", []string{"rules"}, `[{apiGroups: [""], resources: [pods], verbs: [list, watch]}]`,
	},
	{
		"namespace of presets.annotationDiscovery", "agent: {enabled: true, gateway: g, kubernetes: {enabled: false, scope: namespace}}\npresets: {annotationDiscovery: {enabled: true}}",
		"DaemonSet/otelcol-sre-agent", inContainer("env", "OTELCOL_SRE_NAMESPACE"), "{name: OTELCOL_SRE_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}",
	},
	{
		"presets.kubernetesEvents", "presets: {kubernetesEvents: {enabled: true}}",
		"StatefulSet/otelcol-sre-standalone", inContainer("args"), "[--config=builtin:standalone, --config=builtin:events]",
	},
	{
		"rights of presets.kubernetesEvents", "presets: {kubernetesEvents: {enabled: true}}",
		"ClusterRole/otelcol-sre-otelcol-sre-standalone", []string{"rules"}, "[{apiGroups: [events.k8s.io], resources: [events], verbs: [list, watch]}]",
	},
	{
		"events of gateways that watch the cluster", "standalone: {enabled: false}\ngateway: {enabled: true, cluster: {enabled: true}}\npresets: {kubernetesEvents: {enabled: true}}",
		"StatefulSet/otelcol-sre-gateway", inContainer("args"), "[--config=builtin:gateway, --config=builtin:cluster]",
	},
	{
		"lease of presets.kubernetesEvents", "presets: {kubernetesEvents: {enabled: true}}",
		"RoleBinding/otelcol-sre-standalone", []string{"subjects"}, "[{kind: ServiceAccount, name: otelcol-sre-standalone, namespace: otelcol-sre}]",
	},
	{
		"presets.profiling", "presets: {profiling: {enabled: true}}",
		"StatefulSet/otelcol-sre-standalone", inContainer("args"), "[--config=builtin:standalone, --config=builtin:profiling]",
	},
	{
		"extraManifests", `extraManifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ .Release.Name }}-more"}, data: {a: b}}]`,
		"ConfigMap/otelcol-sre-more", []string{"data"}, "{a: b}",
	},
}

func inPod(path ...string) []string { return append([]string{"spec", "template", "spec"}, path...) }

func inContainer(path ...string) []string {
	return inPod(append([]string{"containers", "otelcol-sre"}, path...)...)
}

// find is At that also goes into lists, by the names of their items.
func find(at any, path []string) any {
	for _, key := range path {
		switch here := at.(type) {
		case map[string]any:
			at = here[key]
		case []any:
			at = nil
			for _, item := range here {
				if m, ok := item.(map[string]any); ok && m["name"] == key {
					if at != nil {
						return "twice"
					}
					at = item
				}
			}
		default:
			return nil
		}
	}
	return at
}

// TestFamiliarValues: values that users of other charts expect arrive where they belong, and the API server's schemas take the objects.
func TestFamiliarValues(t *testing.T) {
	schemas := t.TempDir()
	writeSchemas(t, schemas)
	for _, value := range familiarValues {
		t.Run(value.name, func(t *testing.T) {
			objects, err := template(t, value.values)
			require.NoError(t, err)
			found := false
			var all []byte
			for _, o := range objects {
				text, err := yaml.Marshal(map[string]any(o))
				require.NoError(t, err)
				all = append(append(all, "---\n"...), text...)
				if o.String() == value.object {
					found = true
					var want any
					require.NoError(t, yaml.Unmarshal([]byte(value.want), &want))
					wanted, err := yaml.Marshal(want)
					require.NoError(t, err)
					got, err := yaml.Marshal(find(map[string]any(o), value.path))
					require.NoError(t, err)
					assert.Equal(t, string(wanted), string(got))
				}
			}
			assert.True(t, found, "no %s", value.object)
			out, err := Kubeconform.RunWith(all, nil, "-strict", "-schema-location", schemas+"/{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json", "-")
			require.NoError(t, err, "%s", out)
		})
	}
}

func TestServiceAccountOff(t *testing.T) {
	objects, err := template(t, "standalone: {serviceAccount: {create: false}}")
	require.NoError(t, err)
	for _, o := range objects {
		assert.NotEqual(t, "ServiceAccount", o.At("kind"))
	}
}
