// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Namespace is where the manifests are for, and Release what Helm's release is called: with these names Helm gives the
// objects the names that they have with Kustomize.
const (
	Namespace = "otelcol-sre"
	Release   = "otelcol-sre"
	Chart     = "deploy/helm/otelcol-sre"
	// Version is of Kubernetes: of the schemas, of the API server, and what Helm is told.
	Version = "1.36.3"
)

// A Choice is one way to run it, as Kustomize and as Helm say it.
type Choice struct{ Name, Overlay, Values string }

// Choices are those that are shipped, and those that only the tests make.
var Choices = func() (choices []Choice) {
	for _, name := range []string{"standalone", "agent", "gateway", "namespace-only", "dev", "stage", "prod"} {
		choices = append(choices, Choice{name, "deploy/kustomize/overlays/" + name, Chart + "/examples/" + name + ".yaml"})
	}
	for _, name := range []string{"autoscaling", "autoscaling-keda", "bearer", "oidc", "expose", "catalog-objects", "catalog-objects-standalone", "kubelet-limits"} {
		folder := "test/kubernetes/testdata/" + name
		choices = append(choices, Choice{name, folder, folder + "/values.yaml"})
	}
	return choices
}()

// Kustomize renders the choice as `kubectl kustomize` does.
func (c Choice) Kustomize() ([]byte, error) { return Kustomize.Run("build", c.Overlay) }

// Helm renders the choice as `helm template` does.
func (c Choice) Helm(args ...string) ([]byte, error) {
	return Helm.Run(append([]string{"template", Release, Chart, "--namespace", Namespace, "--kube-version", Version, "--values", c.Values}, args...)...)
}

// An Object is a Kubernetes object as its JSON has it.
type Object map[string]any

// Objects reads a stream of YAML documents.
func Objects(text []byte) (objects []Object, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document any
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case document == nil:
			continue
		}
		text, err := json.Marshal(document)
		if err != nil {
			return nil, err
		}
		var object Object
		if err := json.Unmarshal(text, &object); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		objects = append(objects, object)
	}
}

// At returns what is at a path of the object, and nil if nothing is.
func (o Object) At(path ...string) any {
	var at any = map[string]any(o)
	for _, key := range path {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	return at
}

// String names the object.
func (o Object) String() string {
	return fmt.Sprintf("%v/%v", o.At("kind"), o.At("metadata", "name"))
}

// Normalised are the objects by name, without what only says who rendered them and without the order of what has none: Helm
// sorts environment variables and Kustomize appends them.
func Normalised(objects []Object) map[string]Object {
	byName := map[string]Object{}
	for _, o := range objects {
		if o.At("kind") == "Namespace" { // Helm leaves it to whoever installs
			continue
		}
		if labels, ok := o.At("metadata", "labels").(map[string]any); ok {
			for _, label := range []string{"app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
				delete(labels, label)
			}
		}
		if pod, ok := o.At("spec", "template", "spec").(map[string]any); ok {
			sortByName(pod["volumes"])
			for _, container := range pod["containers"].([]any) {
				sortByName(container.(map[string]any)["env"])
				sortByName(container.(map[string]any)["volumeMounts"])
			}
		}
		byName[o.String()] = o
	}
	return byName
}

func sortByName(list any) {
	items, _ := list.([]any)
	slices.SortFunc(items, func(a, b any) int {
		return cmp.Compare(fmt.Sprint(a.(map[string]any)["name"]), fmt.Sprint(b.(map[string]any)["name"]))
	})
}

// JSON is the object as the API server takes it.
func (o Object) JSON() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // it came from JSON
	}
	return text
}
