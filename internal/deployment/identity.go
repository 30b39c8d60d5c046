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
	// FromDigest is the digest of the container image.
	FromDigest
	// FromTemplate is the hash of the Kubernetes pod template, or the revision of the StatefulSet or DaemonSet.
	FromTemplate
	// FromConfiguration is the checksum of the configuration that a chart writes beside the pod.
	FromConfiguration
	// Unknown is no version.
	Unknown
)

// Identity is who sends telemetry. Its strings are those of the resource: clone what is kept.
type Identity struct {
	Service
	Version  string
	Source   Source
	Instance string // empty if the resource does not tell
	Build    Build
}

// A Build is what else a resource says about the version that it runs.
type Build struct {
	Revision string // commit
	Branch   string // branch or tag
	Digest   string // of the image
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
	keyImageID      = "container.image.id"
	keyRepoDigests  = "container.image.repo_digests"
	keyTemplateHash = "k8s.pod.label.pod-template-hash"
	keyRevisionHash = "k8s.pod.label.controller-revision-hash"
	keyChecksum     = "k8s.pod.annotation.checksum/config"
	keyReplicaSet   = "k8s.replicaset.name"
	keyDeployment   = "k8s.deployment.name"
)

// Identify reads a resource; ok is false if it names no service. The version is service.version, or else the
// tag of the container image, its digest, the hash of the pod template, or the checksum of the configuration: the first of
// these that says anything.
func Identify(resource pcommon.Map) (id Identity, ok bool) {
	var tag, hash, replicaSet, controller, environment, revision, checksum string
	rank := 6
	instance := func(preference int, v pcommon.Value) { // the less, the better
		if preference < rank && text(v) != "" {
			rank, id.Instance = preference, text(v)
		}
	}
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
			if v.Type() == pcommon.ValueTypeSlice {
				tag = firstTag(v.Slice())
			}
		case keyImageTag:
			if tag == "" && !SaysNothing(text(v)) {
				tag = text(v)
			}
		case keyRepoDigests:
			if v.Type() == pcommon.ValueTypeSlice && v.Slice().Len() > 0 {
				id.Build.Digest = digestIn(text(v.Slice().At(0)))
			}
		case keyImageID:
			if id.Build.Digest == "" {
				id.Build.Digest = digestIn(text(v))
			}
		case keyRevisionHash:
			revision = text(v)
		case keyChecksum:
			checksum = text(v)
		case semconv.Revision:
			id.Build.Revision = text(v)
		case semconv.Branch:
			id.Build.Branch = text(v)
		case semconv.ClusterName:
			id.Cluster = text(v)
		case semconv.CloudRegion:
			id.Region = text(v)
		case semconv.CloudAccount:
			id.Account = text(v)
		case keyTemplateHash:
			hash = text(v)
		case keyReplicaSet:
			replicaSet = text(v)
		case keyDeployment:
			controller = text(v)
		case keyInstance:
			instance(0, v)
		case keyPodUID:
			instance(1, v)
		case keyPodName:
			instance(2, v)
		case keyContainer:
			instance(3, v)
		case keyHostID:
			instance(4, v)
		case keyHostName:
			instance(5, v)
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
	if hash == "" {
		hash = revision
	}
	switch {
	case !SaysNothing(id.Version):
	case tag != "":
		id.Version, id.Source = tag, FromImage
	case id.Build.Digest != "":
		id.Version, id.Source = id.Build.Digest, FromDigest
	case hash != "":
		id.Version, id.Source = hash, FromTemplate
	case checksum != "":
		id.Version, id.Source = checksum, FromConfiguration
	default:
		id.Version, id.Source = "", Unknown
	}
	return id, id.Name != ""
}

// firstTag is the first tag that says anything.
func firstTag(tags pcommon.Slice) string {
	for i := range tags.Len() {
		if tag := text(tags.At(i)); !SaysNothing(tag) {
			return tag
		}
	}
	return ""
}

// digestIn is the digest of an image's name or ID.
func digestIn(image string) string {
	if i := strings.Index(image, "sha256:"); i >= 0 {
		return image[i:]
	}
	return ""
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
