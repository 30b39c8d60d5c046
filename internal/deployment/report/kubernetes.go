// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// attributeAnnotation starts an annotation that sets an attribute of the pods' telemetry.
const attributeAnnotation = "resource.opentelemetry.io/"

// readKubernetes reads a Deployment object. What its annotations do not say is inferred as the semantic
// conventions have it. The annotation kubernetes.io/change-cause is left out: it is often a whole command line.
func readKubernetes(p *payload) bool {
	p.kind = "Deployment"
	if !p.progress() {
		return false
	}
	template := []string{"spec", "template", "metadata"}
	for _, meta := range [][]string{{"metadata"}, template} {
		if v, ok := at(p.body, append(meta, "annotations")...); ok && v.Type() == pcommon.ValueTypeMap {
			p.takeHints(attributeAnnotation, v.Map())
		}
	}
	label := func(name string) string {
		return cmp.Or(p.text(append(template, "labels", name)...), p.text("metadata", "labels", name))
	}
	p.named, p.said.Name = "metadata.name", cmp.Or(label("app.kubernetes.io/name"), p.text("metadata", "name"))
	p.said.Namespace = p.text("metadata", "namespace")
	p.said.Version = p.version(label("app.kubernetes.io/version"), p.said.Name, label("app"))
	p.said.Configuration = p.text("metadata", "annotations", "deployment.kubernetes.io/revision")
	return true
}

// progress reads how far the rollout has come. A condition that is older than the spec is about the rollout before.
func (p *payload) progress() bool {
	if generation, ok := at(p.body, "metadata", "generation"); ok {
		observed, ok := at(p.body, "status", "observedGeneration")
		if !ok || observed.AsString() != generation.AsString() {
			return false
		}
	}
	conditions, ok := at(p.body, "status", "conditions")
	if !ok || conditions.Type() != pcommon.ValueTypeSlice {
		return false
	}
	for _, c := range conditions.Slice().All() {
		if c.Type() != pcommon.ValueTypeMap || textAt(c.Map(), "type") != "Progressing" {
			continue
		}
		switch textAt(c.Map(), "reason") {
		case "NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated":
			p.said.Status = deployment.Started
		case "NewReplicaSetAvailable":
			p.said.Status = deployment.Completed
		case "ProgressDeadlineExceeded", "ReplicaSetCreateError":
			p.said.Status = deployment.Failed
		default: // paused, resumed
			return false
		}
		condition := payload{body: c.Map()}
		p.at = condition.time(time.RFC3339, "lastUpdateTime")
		p.errs = append(p.errs, condition.errs...)
		return true
	}
	return false
}

// takeHints takes what is named as attributes under the prefix.
func (p *payload) takeHints(prefix string, from pcommon.Map) {
	for key, v := range from.All() {
		if attribute, ok := strings.CutPrefix(key, prefix); ok && v.Type() == pcommon.ValueTypeStr {
			p.hints.PutStr(attribute, v.Str())
		}
	}
}

// version is the label's, or else the tag of the main container's image, or its digest: the first that says anything. If none does,
// the template tells one rollout from another, but the object does not hold its hash.
func (p *payload) version(label string, names ...string) string {
	tag, digest := p.image(append(names, p.text("metadata", "name")))
	for _, version := range []string{label, tag, digest} {
		if !deployment.SaysNothing(version) {
			return version
		}
	}
	return ""
}

// image is the tag and the digest of the main container's image.
func (p *payload) image(names []string) (tag, digest string) {
	v, ok := at(p.body, "spec", "template", "spec", "containers")
	if !ok || v.Type() != pcommon.ValueTypeSlice {
		return "", ""
	}
	var containers []pcommon.Map
	for _, c := range v.Slice().All() {
		if c.Type() == pcommon.ValueTypeMap {
			containers = append(containers, c.Map())
		}
	}
	main := p.text("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/default-container")
	image, digest, _ := strings.Cut(textAt(mainOf(containers, append([]string{main}, names...)), "image"), "@")
	_, tag, _ = strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag, digest
}

// sidecars are containers that are put beside the one that serves, in whatever order.
var sidecars = []string{"proxy", "sidecar", "envoy", "istio", "linkerd", "vault", "dapr", "otel", "collector", "fluent", "agent", "exporter", "logger", "reloader"}

// mainOf is the container that is called like one of the names, best first; or whose image is; or that listens, if one alone does; or
// that is no sidecar by its name; or the first.
func mainOf(containers []pcommon.Map, names []string) pcommon.Map {
	repository := func(c pcommon.Map) string {
		image, _, _ := strings.Cut(textAt(c, "image"), "@")
		base, _, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		return base
	}
	called := func(c pcommon.Map) string { return textAt(c, "name") }
	for _, of := range []func(pcommon.Map) string{called, repository} {
		for _, name := range names {
			for _, c := range containers {
				if name != "" && of(c) == name {
					return c
				}
			}
		}
	}
	left := slices.DeleteFunc(slices.Clone(containers), func(c pcommon.Map) bool {
		return slices.ContainsFunc(sidecars, func(word string) bool { return strings.Contains(called(c), word) })
	})
	if len(left) == 0 {
		left = containers
	}
	listening := slices.DeleteFunc(slices.Clone(left), func(c pcommon.Map) bool {
		ports, ok := c.Get("ports")
		return !ok || ports.Type() != pcommon.ValueTypeSlice || ports.Slice().Len() == 0
	})
	switch {
	case len(listening) == 1:
		return listening[0]
	case len(left) > 0:
		return left[0]
	}
	return pcommon.NewMap()
}
