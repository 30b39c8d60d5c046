// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
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
	p.said.Version = cmp.Or(label("app.kubernetes.io/version"), p.imageTag())
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

// imageTag is that of the pods' main container: the one that kubectl takes by default, or the first.
func (p *payload) imageTag() string {
	containers, ok := at(p.body, "spec", "template", "spec", "containers")
	if !ok || containers.Type() != pcommon.ValueTypeSlice {
		return ""
	}
	main := p.text("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/default-container")
	image := ""
	for _, c := range containers.Slice().All() {
		if c.Type() != pcommon.ValueTypeMap {
			continue
		}
		if image == "" || textAt(c.Map(), "name") == main {
			image = textAt(c.Map(), "image")
		}
	}
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag
}
