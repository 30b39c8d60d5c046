// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"
)

// An Index finds services by reference and by the identity in their telemetry. It never changes, so
// goroutines share it without a lock. A nil Index has no service.
type Index struct {
	services []*Service
	bySlug   map[string]*Service
	byName   map[string][]*Service // in the order of services
}

// NewIndex indexes services. Where two have the same identity, the first one is found.
func NewIndex(services []*Service) *Index {
	x := &Index{services: services, bySlug: make(map[string]*Service, len(services)), byName: make(map[string][]*Service, len(services))}
	for _, s := range services {
		if x.bySlug[s.Slug()] == nil {
			x.bySlug[s.Slug()] = s
		}
		x.byName[s.Name] = append(x.byName[s.Name], s)
	}
	return x
}

// Any reports whether one of the services is so.
func (x *Index) Any(is func(*Service) bool) bool {
	return x != nil && slices.ContainsFunc(x.services, is)
}

// Lookup finds the service of a reference: NAMESPACE/NAME, a slug, or NAME. If several namespaces have the NAME, it
// returns the first. It is nil if there is none.
func (c *Catalog) Lookup(reference string) *Service { return c.index().Lookup(reference) }

// Emitter finds the service whose telemetry has this service.namespace and service.name: the service of that
// namespace, else the one that the catalog has without a namespace. Telemetry without a namespace is the first
// service of that name. It is nil if there is none.
func (c *Catalog) Emitter(namespace, name string) *Service { return c.index().Emitter(namespace, name) }

// Dependencies finds the services that s depends on; see [Index.Dependencies].
func (c *Catalog) Dependencies(s *Service) []Dependency { return c.index().Dependencies(s) }

// Dependents are the services that depend on s, in the order of the catalog.
func (c *Catalog) Dependents(s *Service) []*Service { return c.index().Dependents(s) }

func (c *Catalog) index() *Index {
	c.once.Do(func() { c.indexed = NewIndex(c.Services) })
	return c.indexed
}

// Lookup is like [Catalog.Lookup].
func (x *Index) Lookup(reference string) *Service { return x.near("", reference) }

// near finds a reference within a namespace: a NAME is looked up in that namespace first.
func (x *Index) near(namespace, reference string) *Service {
	if x == nil {
		return nil
	}
	in, name, qualified := strings.Cut(reference, "/")
	if qualified {
		return x.Emitter(in, name)
	}
	if s := x.exactly(namespace, reference); s != nil {
		return s
	}
	if s := x.bySlug[reference]; s != nil {
		return s
	}
	return first(x.byName[reference])
}

// Emitter is like [Catalog.Emitter].
func (x *Index) Emitter(namespace, name string) *Service {
	if s := x.exactly(namespace, name); s != nil {
		return s
	}
	if namespace == "" {
		return first(x.byName[name])
	}
	return x.exactly("", name)
}

func (x *Index) exactly(namespace, name string) *Service {
	for _, s := range x.byName[name] {
		if s.Namespace == namespace {
			return s
		}
	}
	return nil
}

func first(services []*Service) *Service {
	if len(services) == 0 {
		return nil
	}
	return services[0]
}

// A Dependency is an entry of dependsOn.
type Dependency struct {
	// Reference is the entry as the catalog has it: NAME or NAMESPACE/NAME.
	Reference string
	// Service is the referenced service, nil if the catalog has no such service.
	Service *Service
}

// Name is the service.name of the dependency's telemetry.
func (d Dependency) Name() string {
	if d.Service != nil {
		return d.Service.Name
	}
	return d.Reference[strings.LastIndex(d.Reference, "/")+1:]
}

// Namespace is the service.namespace of the dependency's telemetry, "" if it is not known.
func (d Dependency) Namespace() string {
	if d.Service != nil {
		return d.Service.Namespace
	}
	namespace, _, qualified := strings.Cut(d.Reference, "/")
	if !qualified {
		return ""
	}
	return namespace
}

// Dependencies are the entries of the service's dependsOn, in their order. A NAME that several namespaces have means
// the one in the service's own namespace.
func (x *Index) Dependencies(s *Service) []Dependency {
	found := make([]Dependency, len(s.DependsOn))
	for i, reference := range s.DependsOn {
		found[i] = Dependency{reference, x.near(s.Namespace, reference)}
	}
	return found
}

// Dependents is like [Catalog.Dependents].
func (x *Index) Dependents(s *Service) []*Service {
	var found []*Service
	for _, other := range x.services {
		if slices.ContainsFunc(x.Dependencies(other), func(d Dependency) bool { return d.Service == s }) {
			found = append(found, other)
		}
	}
	return found
}

// ambiguous reports whether several services have the NAME, and none of them is in the namespace.
func (x *Index) ambiguous(namespace, reference string) bool {
	return !strings.Contains(reference, "/") && len(x.byName[reference]) > 1 && x.exactly(namespace, reference) == nil
}
