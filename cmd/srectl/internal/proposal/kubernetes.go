// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An object is a workload of Kubernetes, as kubectl prints it.
type object struct {
	Kind     string
	Metadata objectMeta
	Spec     struct {
		Template struct{ Metadata objectMeta }
	}
	Items []object
}

type objectMeta struct {
	Name, Namespace     string
	Labels, Annotations map[string]string
}

// A workload is the key kubernetes of a catalog file.
type workload struct {
	Namespace string `yaml:"namespace"`
	Kind      string `yaml:"kind"`
	Name      string `yaml:"name"`
}

const (
	// largestOutput bounds what is read of kubectl, in bytes.
	largestOutput = 256 << 20
	// serviceAnnotation and namespaceAnnotation name a service as the OpenTelemetry Operator reads them
	// (https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/).
	serviceAnnotation   = "resource.opentelemetry.io/service.name"
	namespaceAnnotation = "resource.opentelemetry.io/service.namespace"
)

// workloadKinds are those that a catalog file can name.
var workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet", "Rollout"}

// readWorkloads reads what `kubectl get deployments,statefulsets,daemonsets -o yaml` (or json) printed, from a file or, for -, from the standard input.
func readWorkloads(file string, stdin io.Reader) ([]object, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("--kubernetes: %w", err)
		}
		defer f.Close()
		stdin = f
	}
	var all []object
	decoder := yaml.NewDecoder(io.LimitReader(stdin, largestOutput))
	for {
		var one object
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("--kubernetes %s: %w; give it what `kubectl get deployments,statefulsets,daemonsets -A -o yaml` prints", file, err)
		}
		for _, o := range append(one.Items, one) {
			if slices.Contains(workloadKinds, o.Kind) {
				all = append(all, o)
			}
		}
	}
}

// annotated is the first of the labels and annotations, of the workload or of its pods, that there is.
func (o *object) annotated(names ...string) string {
	for _, name := range names {
		for _, of := range []map[string]string{o.Metadata.Annotations, o.Metadata.Labels, o.Spec.Template.Metadata.Annotations, o.Spec.Template.Metadata.Labels} {
			if value := of[name]; value != "" {
				return value
			}
		}
	}
	return ""
}

// fits says how well a workload names a service: 0 is not at all.
func (o *object) fits(namespace, service string) int {
	if in := cmp.Or(o.annotated(namespaceAnnotation), o.Metadata.Namespace); namespace != "" && in != "" && in != namespace {
		return 0
	}
	for i, name := range []string{o.Metadata.Name, o.annotated("app.kubernetes.io/name"), o.annotated("app.kubernetes.io/instance"), o.annotated(serviceAnnotation)} {
		if name == service {
			return i + 1
		}
	}
	return 0
}

// workloadFacts are those of the workload that names the service best. Labels and annotations that say more are those of https://ambassadorlabs.github.io/k8s-for-humans/,
// the source of an image (https://github.com/opencontainers/image-spec/blob/main/annotations.md), and the usual team and owner.
func workloadFacts(all []object, namespace, service string) facts {
	best, fits := -1, 0
	for i := range all {
		if n := all[i].fits(namespace, service); n > fits {
			best, fits = i, n
		}
	}
	if best < 0 {
		return facts{}
	}
	o := &all[best]
	f := facts{owner: o.annotated("a8r.io/owner", "team", "owner"), description: o.annotated("a8r.io/description"), chat: o.annotated("a8r.io/chat")}
	if source := o.annotated("a8r.io/repository", "org.opencontainers.image.source"); strings.HasPrefix(source, "https://") {
		f.repository = source
	}
	if o.Metadata.Namespace != "" {
		f.workload = &workload{o.Metadata.Namespace, o.Kind, o.Metadata.Name}
	}
	return f
}
