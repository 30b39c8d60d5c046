// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package objects reads catalog entries that are objects of Kubernetes, follows their changes, and writes into the status of the
// catalog's own objects whether they were accepted.
package objects

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// kinds are what is read, if the API server knows it.
var kinds = []schema.GroupVersionResource{
	ownServices, ownDefaults,
	{Group: "sloth.slok.dev", Version: "v1", Resource: "prometheusservicelevels"},
	{Group: "pyrra.dev", Version: "v1alpha1", Resource: "servicelevelobjectives"},
	{Group: "openslo.com", Version: "v1", Resource: "services"},
	{Group: "openslo.com", Version: "v1", Resource: "slos"},
	{Group: "openslo.com", Version: "v1", Resource: "slis"},
	{Group: "openslo.com", Version: "v1", Resource: "datasources"},
	{Group: "openslo.com", Version: "v1", Resource: "alertpolicies"},
	{Group: "openslo.com", Version: "v1", Resource: "alertconditions"},
}

// The catalog's own kinds have a status for us.
var (
	ownServices = schema.GroupVersionResource{Group: catalog.Group, Version: "v1", Resource: catalog.Plural}
	ownDefaults = schema.GroupVersionResource{Group: catalog.Group, Version: "v1", Resource: catalog.PluralDefaults}
)

// A place is a resource in a namespace: what is listed and watched at once.
type place struct {
	schema.GroupVersionResource
	namespace string
}

// own reports whether objects of the place are of the catalog's own kinds.
func (p place) own() bool { return p.Group == catalog.Group }

// kind is what such an object says that it is.
func (p place) kind() string {
	if p.GroupVersionResource == ownDefaults {
		return catalog.KindDefaults
	}
	return catalog.Kind
}

// Prefix begins the names of all objects, and of what is wrong with reading them.
const Prefix = "kubernetes:"

// APIServer is the name of what concerns all objects.
const APIServer = Prefix + "API server"

// IsObject reports whether a position is in an object, not in a file.
func IsObject(p catalog.Position) bool { return strings.HasPrefix(p.File, Prefix) }

func (p place) String() string { return Prefix + p.namespace + "/" + p.GroupResource().String() }
