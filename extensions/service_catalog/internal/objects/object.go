// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// maxSize bounds the text of one object, as the loader bounds a file. One byte more is kept, by which the loader sees that it is too long.
const maxSize = 1 << 20

// Annotations of the catalog's own objects: the names of Kubernetes allow less than those of services.
const (
	prefix              = catalog.Group + "/"
	serviceAnnotation   = prefix + "service"
	namespaceAnnotation = prefix + "namespace"
)

// An Object is one that was read.
type Object struct {
	// Name is its name in problems.
	Name string
	text []byte

	place      place
	name       string
	uid        types.UID
	generation int64
	created    time.Time
	// found is what the condition says now; only the catalog's own objects have one.
	found condition
	// recalled: it is as an earlier run has kept it, and nothing is known of its status.
	recalled bool
}

// A condition is what the status of an object says about it.
type condition struct {
	status, reason, message string
	generation              int64
	since                   string
}

// same reports whether two conditions say the same, whenever they did.
func (c condition) same(d condition) bool {
	c.since, d.since = "", ""
	return c == d
}

// newObject keeps what counts of an object.
func newObject(at place, from *unstructured.Unstructured) (*Object, error) {
	o := &Object{
		Name:  at.String() + "/" + from.GetName(),
		place: at, name: from.GetName(), uid: from.GetUID(), generation: from.GetGeneration(), created: from.GetCreationTimestamp().Time,
	}
	document := map[string]any{"apiVersion": from.GetAPIVersion(), "kind": from.GetKind(), "metadata": metadata(from)}
	if at.own() {
		document["metadata"] = ownMetadata(at, from)
		o.found = conditionOf(from)
	}
	for key, value := range from.Object {
		if key != "status" && document[key] == nil {
			document[key] = value
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	o.text = bytes.Clone(text.Bytes()[:min(text.Len(), maxSize+1)])
	return o, nil
}

// ownMetadata is the metadata of a catalog file. An object of Kubernetes is called as the service, or says otherwise in annotations. Labels
// count if they have the catalog's prefix: others are those of whatever applied the object. Defaults have a name only.
func ownMetadata(at place, from *unstructured.Unstructured) map[string]any {
	if at.GroupVersionResource == ownDefaults {
		return map[string]any{"name": from.GetName()}
	}
	annotations := from.GetAnnotations()
	m := map[string]any{"name": cmp.Or(annotations[serviceAnnotation], from.GetName())}
	if namespace := annotations[namespaceAnnotation]; namespace != "" {
		m["namespace"] = namespace
	}
	labels := map[string]any{}
	for key, value := range from.GetLabels() {
		if key, ours := strings.CutPrefix(key, prefix); ours {
			labels[key] = value
		}
	}
	if len(labels) > 0 {
		m["labels"] = labels
	}
	return m
}

// metadata is what people write of an object of others, without what Kubernetes and its tools add.
func metadata(from *unstructured.Unstructured) map[string]any {
	m := map[string]any{"name": from.GetName(), "namespace": from.GetNamespace()}
	annotations := from.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	for key, values := range map[string]map[string]string{"labels": from.GetLabels(), "annotations": annotations} {
		if len(values) > 0 {
			m[key] = values
		}
	}
	return m
}

func conditionOf(from *unstructured.Unstructured) condition {
	conditions, _, _ := unstructured.NestedSlice(from.Object, "status", "conditions") // of another form: none
	for _, c := range conditions {
		found, _ := c.(map[string]any)
		if found["type"] != catalog.Accepted {
			continue
		}
		text := func(key string) string {
			s, _ := found[key].(string)
			return s
		}
		generation, _ := found["observedGeneration"].(int64)
		return condition{text("status"), text("reason"), text("message"), generation, text("lastTransitionTime")}
	}
	return condition{}
}

// older orders objects by age and then by name: of two that claim a name, the older one keeps it, in every collector.
func older(a, b *Object) int {
	return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.Name, b.Name))
}
