// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"cmp"
	"io"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/services"
)

// facts are what a source other than telemetry says of a service; empty is not known.
type facts struct {
	owner, description, repository, chat string
	dependsOn                            []string
	workload                             *workload
	// note is for the reader of the file.
	note string
}

// or fills what is not known from another source.
func (f facts) or(other facts) facts {
	f.owner, f.description = cmp.Or(f.owner, other.owner), cmp.Or(f.description, other.description)
	f.repository, f.chat, f.note = cmp.Or(f.repository, other.repository), cmp.Or(f.chat, other.chat), cmp.Or(f.note, other.note)
	if f.workload == nil {
		f.workload = other.workload
	}
	f.dependsOn = append(f.dependsOn, other.dependsOn...)
	return f
}

// sources say what telemetry does not. The first that knows something counts.
type sources struct {
	owner      string
	components map[string]component
	workloads  []object
	openSLO    map[string]facts
	owners     owners
}

func (o *options) sources(stdin io.Reader) (s sources, err error) {
	s.owner = o.owner
	if o.backstage != "" {
		if s.components, err = readBackstage(o.backstage); err != nil {
			return s, err
		}
	}
	if o.kubernetes != "" {
		if s.workloads, err = readWorkloads(o.kubernetes, stdin); err != nil {
			return s, err
		}
	}
	if o.openSLO != "" {
		if s.openSLO, err = readOpenSLO(o.openSLO); err != nil {
			return s, err
		}
	}
	if o.codeowners != "" {
		s.owners, err = readOwners(o.codeowners)
	}
	return s, err
}

// of is what they say of a service.
func (s *sources) of(one *services.Service) facts {
	c := s.components[one.Service]
	return facts{owner: s.owner}.or(c.facts()).or(workloadFacts(s.workloads, one.Namespace, one.Service)).or(s.openSLO[one.Service]).or(facts{owner: s.owners.of(one.Service)})
}
