// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Manifests are renders of everything in deploy/, by where they come from.
func manifests(t *testing.T) map[string][]byte {
	all := map[string][]byte{}
	for _, choice := range Choices {
		text, err := choice.Kustomize()
		require.NoError(t, err)
		all["kustomize "+choice.Name] = text
		text, err = choice.Helm()
		require.NoError(t, err)
		all["helm "+choice.Name] = text
	}
	others, err := Others(t.TempDir())
	require.NoError(t, err)
	maps.Copy(all, others)
	return all
}

// TestSchemas: kubeconform, strict, with schemas of this version of Kubernetes and of all custom resources.
func TestSchemas(t *testing.T) {
	schemas := t.TempDir()
	writeSchemas(t, schemas)
	for name, text := range manifests(t) {
		t.Run(name, func(t *testing.T) {
			out, err := Kubeconform.RunWith(text, nil, "-strict", "-schema-location", schemas+"/{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json", "-")
			require.NoError(t, err, "%s", out)
		})
	}
}

// TestSchemasAreStrict: what has a field too much is refused.
func TestSchemasAreStrict(t *testing.T) {
	schemas := t.TempDir()
	writeSchemas(t, schemas)
	for _, text := range []string{
		"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 1, prot: TCP}]}}",
		"{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: a}, spec: {selfSigned: {}, cA: {}}}",
	} {
		out, err := Kubeconform.RunWith([]byte(text), nil, "-strict", "-schema-location", schemas+"/{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json", "-")
		require.Error(t, err)
		require.Contains(t, string(out), "additional properties")
	}
}

// writeSchemas writes a file a kind, from the OpenAPI description of Kubernetes and from CustomResourceDefinitions.
func writeSchemas(t *testing.T, folder string) {
	module, err := ModuleFolder("k8s.io/kubernetes@v" + Version)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(module, "api", "openapi-spec", "swagger.json"))
	require.NoError(t, err)
	var api struct{ Definitions map[string]Object }
	require.NoError(t, json.Unmarshal(text, &api))
	definitions := map[string]any{}
	for name, definition := range api.Definitions {
		definitions[name] = closed(map[string]any(definition))
	}
	for name, definition := range api.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if !used[name[strings.LastIndex(name, ".")+1:]] || len(kinds) != 1 {
			continue
		}
		kind := Object(kinds[0].(map[string]any))
		writeSchema(t, folder, kind["kind"], kind["group"], kind["version"], Object{"$ref": "#/definitions/" + name, "definitions": definitions})
	}
	crds, err := CRDs()
	require.NoError(t, err)
	resources, err := Objects(crds)
	require.NoError(t, err)
	for _, crd := range resources {
		for _, version := range crd.At("spec", "versions").([]any) {
			version := Object(version.(map[string]any))
			schema := closed(version.At("schema", "openAPIV3Schema")).(map[string]any)
			schema["properties"].(map[string]any)["metadata"] = map[string]any{"type": "object"}
			writeSchema(t, folder, crd.At("spec", "names", "kind"), crd.At("spec", "group"), version["name"], schema)
		}
	}
}

// used are the kinds of Kubernetes' own in deploy/: a schema of each has all others in it.
var used = map[string]bool{
	"ClusterRole": true, "ClusterRoleBinding": true, "ConfigMap": true, "DaemonSet": true, "Deployment": true, "HorizontalPodAutoscaler": true,
	"Ingress": true, "Job": true, "Namespace": true, "NetworkPolicy": true, "PodDisruptionBudget": true, "PriorityClass": true, "Role": true, "RoleBinding": true,
	"Secret": true, "Service": true, "ServiceAccount": true, "StatefulSet": true,
}

func writeSchema(t *testing.T, folder string, kind, group, version any, schema Object) {
	if group == "" {
		group = version // as kubeconform has it
	}
	name := strings.ToLower(kind.(string)) + "-" + group.(string) + "-" + version.(string) + ".json"
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), schema.JSON(), 0o600))
}

// closed is a schema that refuses fields that it does not name, and takes numbers where Kubernetes does.
func closed(schema any) any {
	switch schema := schema.(type) {
	case []any:
		for i := range schema {
			schema[i] = closed(schema[i])
		}
	case map[string]any:
		if schema["format"] == "int-or-string" || schema["x-kubernetes-int-or-string"] == true {
			return map[string]any{"type": []any{"integer", "string"}}
		}
		for key, value := range schema {
			schema[key] = closed(value)
		}
		_, named := schema["properties"].(map[string]any)
		if named && schema["additionalProperties"] == nil && schema["x-kubernetes-preserve-unknown-fields"] != true && schema["type"] == "object" {
			schema["additionalProperties"] = false
		}
	}
	return schema
}

// TestKubeScore: no criticals but those that are a decision.
func TestKubeScore(t *testing.T) {
	accepted := []string{
		"--ignore-container-cpu-limit",                 // a limit delays what is measured; GOMAXPROCS follows one that is set
		"--ignore-test", "container-image-pull-policy", // the tag is a version or a digest
		"--ignore-test", "pod-probes-identical", // one health check, but liveness waits for three minutes
		"--ignore-test", "statefulset-has-host-podantiaffinity,deployment-has-host-podantiaffinity", // topology spread constraints are set
	}
	for _, choice := range Choices {
		t.Run(choice.Name, func(t *testing.T) {
			text, err := choice.Kustomize()
			require.NoError(t, err)
			args := append([]string{"score", "--kubernetes-version", "v1.30", "--output-format", "ci"}, accepted...)
			switch choice.Name {
			case "agent", "kubelet-limits", "stage", "prod":
				args = append(args, "--ignore-test", "container-security-context-user-group-id") // uid 0 reads pod logs, without capabilities
			}
			out, err := KubeScore.RunWith(text, nil, append(args, "-")...)
			require.NoError(t, err, "%s", out)
		})
	}
}
