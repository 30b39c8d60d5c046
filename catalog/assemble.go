// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A definition is a service as some document defines it, whole or broken.
type definition struct {
	*Service
	at     place // the document
	name   place // of the service
	broken bool
	// dependsOn is the place of the list.
	dependsOn place
	// joins: the document has SLOs of a service, which other documents may define too.
	joins bool
	// labels are those of the document, where the service has only the ones that all of its documents have.
	labels map[string]string
}

// readService reads a document of the catalog's own format.
func (l *loader) readService(doc place) {
	s := new(Service)
	ok := serviceShape.read(&l.reader, doc, s)
	s.Position = doc.position()
	l.services = append(l.services, &definition{
		Service: s, at: doc, name: doc.key("metadata", "name"), broken: !ok, dependsOn: doc.key("spec", "dependsOn"),
	})
}

// finish builds the catalog from everything that was read.
func (l *loader) finish() (*Catalog, Problems) {
	l.finishOpenSLO()
	l.finishSloth()
	l.joinServices()
	l.refuseTwins()
	l.checkDependencies()
	c := &Catalog{Defaults: l.finishDefaults()}
	for _, d := range l.services {
		if !d.broken {
			c.Services = append(c.Services, d.Service)
		}
	}
	slices.SortFunc(c.Services, compareServices)
	tellApart(c.Services)
	c.Revision = revision(c.Services, c.Defaults...)
	l.problems.sort()
	return c, l.problems.distinct().bounded()
}

type identity struct{ namespace, name string }

// refuseTwins drops services that are defined twice: either definition may be the right one.
func (l *loader) refuseTwins() {
	first := map[identity]*definition{}
	for _, d := range l.services {
		if d.Name == "" {
			continue
		}
		id := identity{d.Namespace, d.Name}
		twin, ok := first[id]
		if !ok {
			first[id] = d
			continue
		}
		twin.broken, d.broken = true, true
		l.problem(d.name, fmt.Sprintf("the service %s is also defined at %s", quote(d.Name), twin.name.position()), "merge the two, or change the name or namespace of one")
	}
}

// tellApart gives services with the same name different slugs.
func tellApart(services []*Service) {
	named := map[string]int{}
	for _, s := range services {
		named[s.Name]++
	}
	for _, s := range services {
		if named[s.Name] == 1 || s.Namespace == "" {
			continue
		}
		s.slug = s.Namespace + "." + s.Name
		for n := 2; named[s.slug] > 0; n++ {
			s.slug = fmt.Sprintf("%s.%s-%d", s.Namespace, s.Name, n)
		}
		named[s.slug]++
	}
}

// checkDependencies warns of services without a definition, and of ambiguous names. Broken definitions count.
func (l *loader) checkDependencies() {
	all := make([]*Service, len(l.services))
	for i, d := range l.services {
		all[i] = d.Service
	}
	index := NewIndex(all)
	for _, d := range l.services {
		if d.broken {
			continue // has worse problems
		}
		for i, dependency := range index.Dependencies(d.Service) {
			if dependency.Service == nil {
				l.warning(d.dependsOn.item(i), "there is no service "+quote(dependency.Reference)+" in the catalog", "add its file, or correct the name")
				continue
			}
			if index.ambiguous(d.Namespace, dependency.Reference) {
				l.warning(d.dependsOn.item(i), "several services are called "+quote(dependency.Reference)+"; "+
					quote(dependency.Service.Namespace+"/"+dependency.Service.Name)+" is taken", "write NAMESPACE/NAME")
			}
		}
	}
}

// revision is a digest of the content, independent of files and formatting.
func revision(services []*Service, defaults ...*Defaults) string {
	digest := sha256.New()
	for _, s := range services {
		hashNode(digest, serviceShape.write(*s))
	}
	for _, d := range defaults {
		hashNode(digest, defaultsShape.write(*d))
	}
	return hex.EncodeToString(digest.Sum(nil)[:16])
}

func hashNode(w hash.Hash, n *yaml.Node) {
	w.Write(fmt.Appendf(nil, "%d %d %d %s\n", n.Kind, len(n.Content), len(n.Value), n.Value))
	for _, child := range n.Content {
		hashNode(w, child)
	}
}
