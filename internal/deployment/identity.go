// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Source is where a version was read. The less it is, the better it is known: versions from
// different sources do not compare.
type Source uint8

const (
	// FromVersion is service.version.
	FromVersion Source = iota
	// FromImage is the tag of the container image.
	FromImage
	// FromTemplate is the hash of the Kubernetes pod template.
	FromTemplate
	// Unknown is no version.
	Unknown
)

// Identity is who sends telemetry. Its strings are those of the resource: clone what is kept.
type Identity struct {
	Service
	Version  string
	Source   Source
	Instance string // empty if the resource does not tell
}

// The attributes that tell, the best first.
const (
	keyInstance     = "service.instance.id"
	keyPodUID       = "k8s.pod.uid"
	keyPodName      = "k8s.pod.name"
	keyContainer    = "container.id"
	keyHostID       = "host.id"
	keyHostName     = "host.name"
	keyImageTags    = "container.image.tags"
	keyImageTag     = "container.image.tag" // as it was before semantic conventions 1.22
	keyTemplateHash = "k8s.pod.label.pod-template-hash"
	keyReplicaSet   = "k8s.replicaset.name"
	keyDeployment   = "k8s.deployment.name"
)

// instanceKeys are in order of preference.
var instanceKeys = [...]string{keyInstance, keyPodUID, keyPodName, keyContainer, keyHostID, keyHostName}

// Identify reads a resource; ok is false if it names no service. The version is service.version, or else the
// tag of the container image, or else the hash of the pod template.
func Identify(resource pcommon.Map) (id Identity, ok bool) {
	var tag, hash, replicaSet, controller, environment string
	rank := len(instanceKeys)
	for key, v := range resource.All() {
		switch key {
		case semconv.ServiceName:
			id.Name = text(v)
		case semconv.ServiceNamespace:
			id.Namespace = text(v)
		case semconv.Environment:
			id.Environment = text(v)
		case semconv.DeprecatedEnvironment:
			environment = text(v)
		case semconv.ServiceVersion:
			id.Version = text(v)
		case keyImageTags:
			if v.Type() == pcommon.ValueTypeSlice && v.Slice().Len() > 0 {
				tag = text(v.Slice().At(0))
			}
		case keyImageTag:
			if tag == "" {
				tag = text(v)
			}
		case keyTemplateHash:
			hash = text(v)
		case keyReplicaSet:
			replicaSet = text(v)
		case keyDeployment:
			controller = text(v)
		case keyInstance, keyPodUID, keyPodName, keyContainer, keyHostID, keyHostName:
			for i, one := range instanceKeys[:rank] {
				if one == key && text(v) != "" {
					rank, id.Instance = i, text(v)
				}
			}
		}
	}
	if id.Environment == "" {
		id.Environment = environment
	}
	if hash == "" && controller != "" { // a Deployment names its ReplicaSets after itself and the hash
		if rest, ok := strings.CutPrefix(replicaSet, controller); ok {
			hash = strings.TrimPrefix(rest, "-")
		}
	}
	switch {
	case id.Version != "":
	case tag != "" && tag != "latest":
		id.Version, id.Source = tag, FromImage
	case hash != "":
		id.Version, id.Source = hash, FromTemplate
	default:
		id.Source = Unknown
	}
	return id, id.Name != ""
}

// text is the value of a string, or of a number: a version may come as 2.
func text(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return v.Str()
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble:
		return v.AsString()
	default:
		return ""
	}
}
