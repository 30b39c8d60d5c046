// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

// Services finds what belongs to a service of the catalog by the identity of its telemetry. Finding one costs the same
// whatever else is in it.
type Services[T any] struct{ byName map[string]namespaces[T] }

type namespaces[T any] struct {
	any *T
	in  map[string]*T
}

// Add adds the value of a service; an empty namespace matches any.
func (s *Services[T]) Add(namespace, name string, of *T) {
	if s.byName == nil {
		s.byName = make(map[string]namespaces[T])
	}
	n := s.byName[name]
	if namespace == "" {
		n.any = of
	} else {
		if n.in == nil {
			n.in = make(map[string]*T)
		}
		n.in[namespace] = of
	}
	s.byName[name] = n
}

// Find returns what belongs to the service of the telemetry: that of its namespace, else that for any.
func (s *Services[T]) Find(id Identity) *T {
	n, ok := s.byName[id.Name]
	if !ok {
		return nil
	}
	if in, ok := n.in[id.Namespace]; ok {
		return in
	}
	return n.any
}
