// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incident

import (
	"cmp"
	"slices"
	"time"
)

// A Burn is a time in which an SLO burned, whether or not an alert fired.
type Burn struct {
	Service
	SLO        string    `json:"slo"`
	Start, End time.Time // End is zero while it burns
}

// An Input is what was recorded.
type Input struct {
	Spells []Spell
	// Burns are those of services without an alert on which others depend.
	Burns   []Burn
	Graph   *Graph
	Changes Changes
	Now     time.Time
}

// Build makes the incidents, the newest first.
func Build(in Input) []Incident {
	if in.Graph == nil {
		in.Graph = &Graph{}
	}
	spells := slices.Clone(in.Spells)
	slices.SortFunc(spells, func(a, b Spell) int { return compare(&a, &b) })
	spells = spells[max(0, len(spells)-MaxSpells):]
	var pages, tickets, rest []*Spell
	for i := range spells {
		s := &spells[i]
		switch {
		case lasting[s.Kind]:
			rest = append(rest, s)
		case s.Page:
			pages = append(pages, s)
		default:
			tickets = append(tickets, s)
		}
	}
	b := builder{in}
	clusters := b.join(pages)
	var own []*Spell
	for _, t := range tickets {
		if c := b.place(clusters, t); c != nil {
			c.more = append(c.more, t)
			if t.Start().Before(c.start) {
				c.start = t.Start()
			}
		} else if t.Chance <= Chance {
			own = append(own, t)
		}
	}
	clusters = append(clusters, b.join(own)...)
	for _, s := range rest {
		for i := range clusters {
			c := clusters[i]
			if c.about(s) && !s.From.Before(c.start) && !s.From.After(c.end.Add(time.Hour)) {
				c.more = append(c.more, s)
				break
			}
		}
	}
	all := make([]Incident, 0, len(clusters))
	for _, c := range clusters {
		all = append(all, b.incident(c))
	}
	slices.SortFunc(all, func(a, b Incident) int { return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID)) })
	return all[:min(len(all), Max)]
}

type builder struct{ Input }

// A cluster is an incident while it is put together.
type cluster struct {
	core, more []*Spell // those that hold it open, and the others
	start, end time.Time
}

// end is when a spell is over; one that fires goes on.
func (b builder) end(s *Spell) time.Time {
	if s.Firing && b.Now.After(s.To) {
		return b.Now
	}
	return s.To
}

// join finds which spells belong together.
func (b builder) join(spells []*Spell) []*cluster {
	slices.SortStableFunc(spells, func(x, y *Spell) int { return cmp.Or(x.Start().Compare(y.Start()), compare(x, y)) })
	parent := make([]int, len(spells))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for i, x := range spells {
		until := b.end(x).Add(Quiet)
		for j := i + 1; j < len(spells) && !spells[j].Start().After(until); j++ {
			if b.related(x, spells[j]) {
				low, high := min(root(i), root(j)), max(root(i), root(j))
				parent[high] = low
			}
		}
	}
	byRoot := map[int]*cluster{}
	var all []*cluster
	for i, s := range spells {
		c := byRoot[root(i)]
		if c == nil {
			c = &cluster{start: s.Start()}
			byRoot[root(i)] = c
			all = append(all, c)
		}
		c.core = append(c.core, s)
		if end := b.end(s); end.After(c.end) {
			c.end = end
		}
	}
	return all
}

// related reports whether two spells belong together, of which y began later, but while x lasted or Quiet after it.
func (b builder) related(x, y *Spell) bool {
	if !sameEnvironment(x.Service, y.Service) {
		return false
	}
	near := y.Start().Sub(x.Start()) <= Near
	switch {
	case sameService(x.Service, y.Service):
		return x.SLO == y.SLO || near || x.SLO == "" || y.SLO == "" // an alert of the whole service is about all of its SLOs
	case b.Graph.Depends(y.Service, x.Service):
		return near || !y.Start().After(b.end(x)) // what it depends on burns already
	case b.Graph.Depends(x.Service, y.Service):
		return near // the caller may be seen to burn first
	}
	return false
}

func sameEnvironment(x, y Service) bool {
	return x.Environment == "" || y.Environment == "" || x.Environment == y.Environment
}

func sameService(x, y Service) bool {
	return x.Name == y.Name && (x.Namespace == y.Namespace || x.Namespace == "" || y.Namespace == "")
}

// place finds the incident that a ticket belongs to: the newest in which the burn began that it reports, or else the first that began
// while the ticket was open.
func (b builder) place(clusters []*cluster, t *Spell) *cluster {
	var in, later *cluster
	for _, c := range clusters {
		if !slices.ContainsFunc(c.core, func(s *Spell) bool { return b.sameCause(s, t) }) {
			continue
		}
		start := t.Start()
		if !start.Before(c.start.Add(-Near)) && !start.After(c.end.Add(Quiet)) && (in == nil || c.start.After(in.start)) {
			in = c
		}
		if !c.start.Before(start) && !c.start.After(b.end(t)) && (later == nil || c.start.Before(later.start)) {
			later = c
		}
	}
	return cmp.Or(in, later)
}

// sameCause is related without a look at the time, which place has looked at.
func (b builder) sameCause(s, t *Spell) bool {
	if !sameEnvironment(s.Service, t.Service) {
		return false
	}
	if sameService(s.Service, t.Service) {
		return s.SLO == t.SLO || s.SLO == "" || t.SLO == "" || s.Start().Sub(t.Start()).Abs() <= Near
	}
	return b.Graph.Depends(t.Service, s.Service) || b.Graph.Depends(s.Service, t.Service) && s.Start().Sub(t.Start()).Abs() <= Near
}

// about reports whether a spell is about an SLO of the cluster, or about one of its services.
func (c *cluster) about(s *Spell) bool {
	return slices.ContainsFunc(c.core, func(core *Spell) bool {
		return sameEnvironment(core.Service, s.Service) && sameService(core.Service, s.Service) && (core.SLO == s.SLO || s.SLO == "")
	})
}

func (b builder) incident(c *cluster) Incident {
	one := Incident{Start: c.start, State: Open, Services: b.affected(c)}
	for _, a := range one.Services {
		if a.Start.Before(one.Start) {
			one.Start = a.Start
		}
	}
	all := slices.Concat(c.core, c.more)
	slices.SortFunc(all, compare)
	one.Alerted, one.ID = all[0].From, all[0].ID()
	firing := false
	for _, s := range all {
		one.Spells = append(one.Spells, *s)
		one.Page = one.Page || s.Page
		if id := s.ID(); id != one.ID && !slices.Contains(one.Formerly, id) {
			one.Formerly = append(one.Formerly, id)
		}
	}
	for _, s := range c.core {
		firing = firing || s.Firing
	}
	if !firing {
		one.End, one.State = c.end, Resolved
		if b.Now.Sub(c.end) <= Quiet {
			one.State = Settling
		}
	}
	one.suspect(b.Graph, b.Changes)
	return one
}

// affected are the services, the likely origin first.
func (b builder) affected(c *cluster) []Affected {
	var all []Affected
	add := func(s Service, slo string, start time.Time, silent bool) {
		i := slices.IndexFunc(all, func(a Affected) bool { return sameService(a.Service, s) && sameEnvironment(a.Service, s) })
		if i < 0 {
			all = append(all, Affected{Service: s, Start: start, SLOs: []string{}, Silent: silent})
			i = len(all) - 1
		}
		a := &all[i]
		a.Namespace, a.Environment = cmp.Or(a.Namespace, s.Namespace), cmp.Or(a.Environment, s.Environment)
		if start.Before(a.Start) {
			a.Start = start
		}
		if slo != "" && !slices.Contains(a.SLOs, slo) {
			a.SLOs = append(a.SLOs, slo)
		}
	}
	for _, s := range slices.Concat(c.core, c.more) {
		start := s.Start()
		if start.Before(c.start) || lasting[s.Kind] {
			start = c.start
		}
		add(s.Service, s.SLO, start, false)
	}
	for _, burn := range b.Burns {
		covers := !burn.Start.After(c.start.Add(Near)) && (burn.End.IsZero() || burn.End.After(c.start))
		if covers && slices.ContainsFunc(c.core, func(s *Spell) bool {
			return sameEnvironment(s.Service, burn.Service) && b.Graph.Depends(s.Service, burn.Service)
		}) {
			add(burn.Service, burn.SLO, burn.Start, true)
		}
	}
	for i := range all {
		slices.Sort(all[i].SLOs)
		all[i].Origin = b.deepest(all[i], all)
	}
	slices.SortFunc(all, func(x, y Affected) int {
		return cmp.Or(boolFirst(x.Origin, y.Origin), x.Start.Compare(y.Start), compareServices(x.Service, y.Service))
	})
	for i := 1; i < len(all); i++ { // of several, the one that burned first
		all[i].Origin = false
	}
	return all
}

// deepest reports whether a service depends on no other that is affected, but for those that depend on it, too.
func (b builder) deepest(of Affected, all []Affected) bool {
	return !slices.ContainsFunc(all, func(other Affected) bool {
		return b.Graph.Depends(of.Service, other.Service) && !b.Graph.Depends(other.Service, of.Service)
	})
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func compareServices(a, b Service) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Environment, b.Environment))
}
