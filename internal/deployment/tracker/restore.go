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
	d.Require(s.key.Name != "")
	s.serial = uint32(d.Uint(math.MaxUint32))
	s.source = deployment.Source(d.Uint(uint64(deployment.Unknown)))
	s.first, s.bare, s.heard, s.gap = d.int(), d.int(), d.int(), d.int()
	d.Require(s.heard >= 0 && s.gap >= 0)
	s.gap = min(s.gap, int64(s.config.InstanceTTL))
	s.arrived.Store(d.int())
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
	d.fit(s)
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
	v.serial = uint32(d.Uint(uint64(s.serial)))
	v.first, v.seen, v.heard = d.int(), d.int(), d.int()
	d.Require(v.name != "" && v.heard <= s.heard)
	var deployed bool
	d.flags(&v.confirmed, &v.past, &deployed)
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
	c.Status, c.Start, c.End = d.status(), d.time(), d.time()
	d.Require(c.Status != "" && c.Status.Over() != c.End.IsZero())
	if d.format > 1 {
		c.Committed = d.time()
	}
	for _, fact := range facts(&c.Deployment) {
		*fact = d.Text()
	}
	for range min(d.Length(1), mostAliases) {
		c.aliases = append(c.aliases, d.name())
	}
	c.said, c.renewed = d.status(), d.int()
	d.flags(&c.silent, &c.blind, &c.returned, &c.news)
	c.peak, c.grew = int(d.Uint(math.MaxInt32)), d.int()
}
