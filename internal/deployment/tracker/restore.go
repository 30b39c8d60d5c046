package tracker

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A decoder reads a record from its beginning. Once it has failed, all that it reads is zero. Lengths are not
// trusted: what is made is bounded by the record's own size.
type decoder struct {
	rest   []byte
	format uint64
	failed bool
}

// require fails unless the content is as it must be.
func (d *decoder) require(sound bool) {
	if !sound {
		d.rest, d.failed = nil, true
	}
}

func (d *decoder) uint(most uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > most {
		d.require(false)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) length() int { return int(d.uint(uint64(len(d.rest)))) }

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 || v > 2*farthest || v < -2*farthest {
		d.require(false)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) time() time.Time {
	if v := d.int(); v != 0 {
		return time.Unix(0, v)
	}
	return time.Time{}
}

func (d *decoder) text() string {
	n := d.length()
	if n > len(d.rest) {
		d.require(false)
		return ""
	}
	text := string(d.rest[:n])
	d.rest = d.rest[n:]
	return text
}

// name is a text that a See or a Report would have taken.
func (d *decoder) name() string {
	text := d.text()
	d.require(valid(text))
	return text
}

func (d *decoder) flags(flags ...*bool) {
	v := d.uint(1<<len(flags) - 1)
	for n, flag := range flags {
		*flag = v&(1<<n) != 0
	}
}

func (d *decoder) service(s *service) {
	s.key = deployment.Service{Name: d.name(), Namespace: d.name(), Environment: d.name()}
	d.require(s.key.Name != "")
	s.serial = uint32(d.uint(math.MaxUint32))
	s.source = deployment.Source(d.uint(uint64(deployment.Unknown)))
	s.first, s.bare, s.heard, s.gap = d.int(), d.int(), d.int(), d.int()
	d.require(s.heard >= 0 && s.gap >= 0)
	s.gap = min(s.gap, int64(s.config.InstanceTTL))
	s.arrived.Store(d.int())
	for range d.length() {
		v := &version{}
		d.version(v, s)
		if d.failed {
			return
		}
		d.require(s.version(v.name) == nil && s.bySerial(v.serial) == nil)
		s.versions = append(s.versions, v)
	}
	n := d.length()
	s.instances = make(instances, 0, min(n, len(d.rest)/13))
	for range n {
		i := d.instance()
		at, twice := s.instances.find(i.id)
		d.require(!twice && at == len(s.instances) && s.bySerial(i.version) != nil)
		if d.failed {
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

func (d *decoder) instance() (i instance) {
	if len(d.rest) < 8 {
		d.require(false)
		return i
	}
	i.id = binary.LittleEndian.Uint64(d.rest)
	d.rest = d.rest[8:]
	i.last, i.offset, i.first = d.int(), d.int(), d.int()
	i.heard, i.version = uint32(d.uint(math.MaxUint32)), uint32(d.uint(math.MaxUint32))
	d.require(i.last <= farthest && i.last >= -farthest)
	return i
}

func (d *decoder) version(v *version, s *service) {
	v.name = d.name()
	v.serial = uint32(d.uint(uint64(s.serial)))
	v.first, v.seen, v.heard = d.int(), d.int(), d.int()
	d.require(v.name != "" && v.heard <= s.heard)
	var deployed bool
	d.flags(&v.confirmed, &v.past, &deployed)
	v.count = int(d.uint(math.MaxInt32))
	if deployed {
		v.latest = &candidate{}
		v.latest.Service, v.latest.Version = s.key, v.name
		d.candidate(v.latest)
	}
	d.require(deployed || !v.confirmed && !v.past)
}

func (d *decoder) status() deployment.Status {
	s := deployment.Status(d.text())
	d.require(s == "" || slices.Contains(deployment.Statuses, s))
	return s
}

func (d *decoder) candidate(c *candidate) {
	c.Status, c.Start, c.End = d.status(), d.time(), d.time()
	d.require(c.Status != "" && c.Status.Over() != c.End.IsZero())
	if d.format > 1 {
		c.Committed = d.time()
	}
	for _, fact := range facts(&c.Deployment) {
		*fact = d.text()
	}
	for range min(d.length(), mostAliases) {
		c.aliases = append(c.aliases, d.name())
	}
	c.said, c.renewed = d.status(), d.int()
	d.flags(&c.silent, &c.blind, &c.comeback, &c.news)
	c.peak, c.grew = int(d.uint(math.MaxInt32)), d.int()
}
