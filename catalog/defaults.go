// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// KindDefaults is the kind of a document that is about services without an entry of their own.
const KindDefaults = "Defaults"

// Defaults are what a service gets whose telemetry arrives and that the catalog does not name.
type Defaults struct {
	Name     string
	Selector Selector
	// Proposed marks SLOs that nobody has agreed to yet: they are computed and shown as proposals, without alerts.
	Proposed bool
	// Template has the owner, tier, escalation, alerts, environments and SLOs. It has no name.
	Template Service
	Position Position
}

// A Selector says for which services Defaults are.
type Selector struct {
	// Services are patterns of the service.name: * is any text. None is every service.
	Services []string
	// Namespace is the service.namespace; an empty one is any.
	Namespace string
	// Environments are those that the SLOs are computed for; none is every one.
	Environments []string
}

// Match reports whether a service is selected. Of two selectors that match, the more specific one has the larger rank.
func (s *Selector) Match(namespace, name string) (rank int, ok bool) {
	if s.Namespace != "" && s.Namespace != namespace {
		return 0, false
	}
	if len(s.Services) == 0 {
		ok = true
	}
	for _, pattern := range s.Services {
		if !like(pattern, name) {
			continue
		}
		ok = true
		letters := 2 * (len(pattern) - strings.Count(pattern, "*"))
		if letters == 2*len(pattern) {
			letters++ // the name itself is more than a pattern with as many letters
		}
		rank = max(rank, letters)
	}
	if s.Namespace != "" {
		rank += 4 * maxName // more than any pattern
	}
	return rank, ok
}

// like reports whether the text matches the pattern, in which * is any text.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
}

// DefaultsFor are the Defaults of a service by the service.namespace and service.name of its telemetry: of those that select it the most specific
// ones, and of equally specific ones the first by name. A namespace is more specific than none, then a pattern with more letters. It is nil if
// none select it.
func (c *Catalog) DefaultsFor(namespace, name string) *Defaults {
	if d := mostSpecific(c.Defaults, namespace, name); d != nil {
		return d
	}
	return mostSpecific(c.otherwise, namespace, name)
}

// HasDefaults reports whether there are Defaults at all.
func (c *Catalog) HasDefaults() bool { return len(c.Defaults)+len(c.otherwise) > 0 }

// mostSpecific is one of the Defaults, which are ordered by name.
func mostSpecific(all []*Defaults, namespace, name string) (best *Defaults) {
	highest := -1
	for _, d := range all {
		if rank, ok := d.Selector.Match(namespace, name); ok && rank > highest {
			best, highest = d, rank
		}
	}
	return best
}

// ByDefault makes the service that the Defaults give to telemetry of the service.namespace and service.name. It is nil if the catalog has an
// entry for it, or no Defaults select it. It depends on nothing but the catalog and the two names, so that all collectors with one catalog agree.
func (c *Catalog) ByDefault(namespace, name string) *Service {
	if name == "" || c.Emitter(namespace, name) != nil {
		return nil
	}
	d := c.DefaultsFor(namespace, name)
	if d == nil {
		return nil
	}
	s := d.Template
	s.Name, s.Namespace, s.Position, s.Origin = name, namespace, d.Position, d
	if d.Proposed {
		s.Alerts = s.Alerts.clone()
		s.Alerts.add(Alerting{Disable: []string{PageSeverity, TicketSeverity}})
	}
	return &s
}

// With is the catalog with services by Defaults beside its own. Its revision is the catalog's.
func (c *Catalog) With(byDefault []*Service) *Catalog {
	if len(byDefault) == 0 {
		return c
	}
	merged := &Catalog{Services: slices.Clip(c.Services), Defaults: c.Defaults, Revision: c.Revision, otherwise: c.otherwise}
	taken := make(map[string]bool, len(c.Services)+len(byDefault))
	for _, s := range c.Services {
		taken[s.Slug()] = true
	}
	for _, s := range byDefault {
		own := *s
		own.slug = s.Name
		if taken[own.slug] && s.Namespace != "" {
			own.slug = s.Namespace + "." + s.Name
		}
		for n, slug := 2, own.slug; taken[own.slug]; n++ {
			own.slug = fmt.Sprintf("%s-%d", slug, n)
		}
		taken[own.slug] = true
		merged.Services = append(merged.Services, &own)
	}
	slices.SortFunc(merged.Services, compareServices)
	return merged
}

// Otherwise is the catalog with more Defaults, for services that its own do not select.
func (c *Catalog) Otherwise(more []*Defaults) *Catalog {
	if len(more) == 0 {
		return c
	}
	with := &Catalog{Services: c.Services, Defaults: c.Defaults, otherwise: more}
	with.Revision = revision(c.Services, slices.Concat(c.Defaults, more)...)
	return with
}

func compareServices(a, b *Service) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// YAML writes the Defaults as a catalog document. What is left out is the default.
func (d *Defaults) YAML() ([]byte, error) { return marshal(defaultsShape.write(*d)) }

// definedDefaults are Defaults as some document defines them, whole or broken.
type definedDefaults struct {
	*Defaults
	name   place
	broken bool
}

func (l *loader) readDefaults(doc place) {
	d := new(Defaults)
	ok := defaultsShape.read(&l.reader, doc, d)
	d.Position = doc.position()
	d.Template.Environments = d.Selector.Environments
	l.defaults = append(l.defaults, &definedDefaults{Defaults: d, name: doc.key("metadata", "name"), broken: !ok})
}

// finishDefaults are the Defaults without errors, by name.
func (l *loader) finishDefaults() (all []*Defaults) {
	first := map[string]*definedDefaults{}
	for _, d := range l.defaults {
		twin, twice := first[d.Name]
		switch {
		case d.Name == "":
		case twice:
			twin.broken, d.broken = true, true
			l.problem(d.name, "Defaults "+quote(d.Name)+" are also defined at "+twin.name.position().String(), "merge the two, or change the name of one")
		default:
			first[d.Name] = d
		}
	}
	for _, d := range l.defaults {
		if !d.broken {
			all = append(all, d.Defaults)
		}
	}
	slices.SortFunc(all, func(a, b *Defaults) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var defaultsShape = object([]member[Defaults]{
	literal[Defaults]("apiVersion", APIVersion, "The format and its version."),
	literal[Defaults]("kind", KindDefaults, "What services get that have no document of their own."),
	group("metadata", "The identity of the Defaults.", true, object([]member[Defaults]{
		need("name", "The name of the Defaults. Of equally specific ones the first by name counts.", name, func(d *Defaults) *string { return &d.Name }),
	})),
	group("spec", "The services that they are for, and what these get.", true, defaultsSpecShape),
})

var defaultsSpecShape = object(append([]member[Defaults]{
	may("selector", "The services that the Defaults are for. Default: all without a document of their own.", selectorShape, func(d *Defaults) *Selector { return &d.Selector }, Selector{}),
	may("proposed", "Marks the SLOs as proposals: they are computed and shown as such, without alerts.", boolean, func(d *Defaults) *bool { return &d.Proposed }, false),
}, within(templateMembers(), func(d *Defaults) *Service { return &d.Template })...), templateRules)

// templateMembers are the keys of a service's spec that Defaults have too.
func templateMembers() (members []member[Service]) {
	for _, m := range specMembers {
		if slices.Contains([]string{"owner", "tier", "escalation", "alerts", "slos"}, m.key) {
			members = append(members, m)
		}
	}
	return members
}

// templateRules are the conditions on a service's spec that apply.
func templateRules(r *reader, at place, d *Defaults) {
	uniqueSLONames(r, at, &d.Template)
	numbersOfNone(r, at, &d.Template)
	oneHeir(r, at, &d.Template)
	collectorCounts(r, at, &d.Template)
	inherit(r, at, &d.Template)
}

// collectorCounts refuses SLIs that only generated rules evaluate: rules are generated for services with a document.
func collectorCounts(r *reader, at place, s *Service) {
	for i, slo := range s.SLOs {
		if slo.SLI.Prometheus != nil {
			r.problem(at.key("slos").item(i).key("sli", "prometheus"), "is evaluated by generated rules, which only services with a document of their own have",
				"write availability, latency, spans, logs or metrics, or move the SLO to a Service")
		}
	}
}

var selectorShape = object([]member[Selector]{
	may("services", "Patterns of the service.name: `*` is any text. Default: every service.", list(pattern), func(s *Selector) *[]string { return &s.Services }, nil),
	may("namespace", "The service.namespace. Default: any.", name, func(s *Selector) *string { return &s.Namespace }, ""),
	may("environments", "The deployment.environment.name values that the SLOs are computed for. Default: every value in the telemetry.", list(line), func(s *Selector) *[]string { return &s.Environments }, nil),
})

var pattern = text("pattern", maxName, ecma(singleLinePattern), printable(false))
