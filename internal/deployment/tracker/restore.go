// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A decoder reads a record.
type decoder struct {
	checkpoint.Reader
	format uint64
}

// int reads a time, or what lies between two.
func (d *decoder) int() int64 { return d.Int(2 * farthest) }

func (d *decoder) time() time.Time {
	if v := d.int(); v != 0 {
		return time.Unix(0, v)
	}
	return time.Time{}
}

// name is a text that a See or a Report would have taken.
func (d *decoder) name() string {
	text := d.Text()
	d.Require(valid(text))
	return text
}

func (d *decoder) flags(flags ...*bool) {
	v := d.Uint(1<<len(flags) - 1)
	for n, flag := range flags {
		*flag = v&(1<<n) != 0
	}
}

func (d *decoder) service(s *service) {
	s.key = deployment.Service{Name: d.name(), Namespace: d.name(), Environment: d.name()}
	if d.format > 2 {
		s.key.Place = deployment.Place{Cluster: d.name(), Region: d.name(), Account: d.name()}
	}
	d.Require(s.key.Name != "")
	s.serial = uint32(d.Uint(math.MaxUint32))
	s.source = d.source()
	s.first, s.bare, s.heard, s.gap = d.int(), d.int(), d.int(), d.int()
	d.Require(s.heard >= 0 && s.gap >= 0)
	s.gap = min(s.gap, int64(s.config.InstanceTTL))
	s.arrived.Store(d.int())
	if d.format > 2 {
		d.flags(&s.fleet)
		s.fleetSince = d.int()
		s.fleetSeen, s.weighed = s.arrived.Load(), s.arrived.Load()
	}
	for range d.Length(1) {
		v := &version{}
		d.version(v, s)
		if d.Failed() {
			return
		}
		d.Require(s.version(v.name) == nil && s.bySerial(v.serial) == nil)
		s.versions = append(s.versions, v)
	}
	n := d.Length(leastInstance)
	s.instances = make(instances, 0, n)
	for range n {
		i := d.instance()
		at, twice := s.instances.find(i.id)
		d.Require(!twice && at == len(s.instances) && s.bySerial(i.version) != nil)
		if d.Failed() {
			return
		}
		s.instances = append(s.instances, i)
	}
	if d.format > 2 {
		for range min(d.Length(1), mostWaiting) {
			w := waiting{also: d.name(), until: d.int()}
			w.Service = s.key
			d.deployment(&w.Deployment)
			s.waiting = append(s.waiting, w)
		}
	}
	d.fit(s)
}

// source is where versions are from. Formats before the third had fewer.
func (d *decoder) source() deployment.Source {
	if d.format > 2 {
		return deployment.Source(d.Uint(uint64(deployment.Unknown)))
	}
	return [...]deployment.Source{deployment.FromVersion, deployment.FromImage, deployment.FromTemplate, deployment.Unknown}[d.Uint(3)]
}

// fit forgets what is beyond limits that were lowered.
func (d *decoder) fit(s *service) {
	for len(s.versions) > s.config.MaxVersions+s.config.History {
		oldest := slices.MinFunc(s.versions, func(a, b *version) int { return int(min(max(a.seen-b.seen, -1), 1)) })
		s.versions = slices.DeleteFunc(s.versions, func(v *version) bool { return v == oldest })
		s.instances = slices.DeleteFunc(s.instances, func(i instance) bool { return i.version == oldest.serial })
	}
	s.instances = s.instances[:min(len(s.instances), s.config.MaxInstances)]
}

// leastInstance is how many bytes an instance takes at least.
const leastInstance = 13

func (d *decoder) instance() (i instance) {
	id := d.Bytes(8)
	if id == nil {
		return i
	}
	i.id = binary.LittleEndian.Uint64(id)
	i.last, i.offset, i.first = d.int(), d.int(), d.int()
	i.heard, i.version = uint32(d.Uint(math.MaxUint32)), uint32(d.Uint(math.MaxUint32))
	d.Require(i.last <= farthest && i.last >= -farthest)
	return i
}

func (d *decoder) version(v *version, s *service) {
	v.name = d.name()
	if d.format > 2 {
		for range min(d.Length(1), mostNames) {
			v.names = append(v.names, deployment.ParseVersion(d.name(), s.key.Name))
		}
		v.sources = sources(d.Uint(1<<nSources - 1))
		v.build = deployment.Build{Revision: d.name(), Branch: d.name(), Digest: d.name()}
	} else {
		v.names = append(v.names, deployment.ParseVersion(v.name, s.key.Name))
	}
	v.serial = uint32(d.Uint(uint64(s.serial)))
	v.first = d.int()
	if d.format > 2 {
		v.began, v.runs = d.int(), int(d.Uint(math.MaxInt32))
	}
	v.seen, v.heard = d.int(), d.int()
	d.Require(v.name != "" && v.heard <= s.heard)
	var deployed bool
	if d.format > 2 {
		d.flags(&v.confirmed, &v.past, &deployed, &v.alone)
		v.weight = float64(d.Uint(math.MaxInt32))
	} else {
		d.flags(&v.confirmed, &v.past, &deployed)
		if v.confirmed && s.source != deployment.Unknown {
			v.sources.add(s.source)
		}
	}
	v.count = int(d.Uint(math.MaxInt32))
	if deployed {
		v.latest = &candidate{}
		v.latest.Service, v.latest.Version = s.key, v.name
		d.candidate(v.latest)
	}
	d.Require(deployed || !v.confirmed && !v.past)
}

func (d *decoder) status() deployment.Status {
	s := deployment.Status(d.Text())
	d.Require(s == "" || slices.Contains(deployment.Statuses, s))
	return s
}

func (d *decoder) candidate(c *candidate) {
	d.deployment(&c.Deployment)
	for range min(d.Length(1), mostAliases) {
		c.aliases = append(c.aliases, d.name())
	}
	c.said, c.renewed = d.status(), d.int()
	if d.format > 2 {
		d.flags(&c.silent, &c.blind, &c.returned, &c.news, &c.Rollback)
	} else {
		d.flags(&c.silent, &c.blind, &c.returned, &c.news)
	}
	c.peak, c.grew = int(d.Uint(math.MaxInt32)), d.int()
	if d.format > 2 {
		c.Adoption = int(d.Uint(100))
	}
	if d.format > 3 {
		d.effect(&c.Effect)
	}
	if d.format > 4 {
		if c.Gate.Verdict = d.Text(); c.Gate.Verdict != "" {
			d.Require(slices.Contains(deployment.GateVerdicts, c.Gate.Verdict))
			c.Gate.Reason, c.Gate.At = d.Text(), d.time()
		}
	}
}

func (d *decoder) effect(e *deployment.Effect) {
	if e.SLO = d.Text(); e.SLO == "" {
		return
	}
	for _, number := range [...]*float64{&e.Times, &e.Low, &e.High, &e.Spent} {
		*number = d.Float()
		d.Require(*number >= 0 && !math.IsInf(*number, 1))
	}
	e.At = d.time()
	d.flags(&e.Final)
}

// deployment reads what is the same for all.
func (d *decoder) deployment(to *deployment.Deployment) {
	if d.format > 2 {
		to.Version = d.name()
	}
	to.Status, to.Start, to.End = d.status(), d.time(), d.time()
	d.Require(to.Status != "" && to.Status.Over() != to.End.IsZero())
	if d.format > 1 {
		to.Committed = d.time()
	}
	all := facts(to)
	for n, fact := range all {
		if n == len(all)-1 && d.format < 3 {
			break
		}
		*fact = d.Text()
	}
}
