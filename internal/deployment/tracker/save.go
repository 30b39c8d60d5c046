// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// The format of a record; u is an unsigned and i a signed varint, times are Unix nanoseconds:
//
//	record     format:u  n:u  service...
//	service    name:text  namespace:text  environment:text  cluster:text  region:text  account:text
//	           serial:u  source:u  first:i  bare:i  heard:i  gap:i  arrived:i  fleet:u  fleetSince:i
//	           n:u  version...  n:u  instance...  n:u  waiting...
//	version    name:text  n:u  name:text...  sources:u  revision:text  branch:text  digest:text  serial:u  first:i  began:i  runs:u
//	           seen:i  heard:i  flags:u  weight:u  count:u  [deployment]
//	deployment version:text  status:text  start:i  end:i  committed:i  facts:text...  n:u  alias:text...
//	           said:text  renewed:i  flags:u  peak:u  grew:i  adoption:u  slo:text  [effect]  gate:text  [gated]
//	effect     times:f  low:f  high:f  spent:f  at:i  flags:u
//	gated      reason:text  at:i
//	waiting    also:text  until:i  version:text  status:text  start:i  end:i  committed:i  facts:text...
//	instance   id:8 bytes  last:i  offset:i  first:i  heard:u  version:u
//	text       n:u  bytes
//
// Format 1 had no committed; format 2 had one place, one name a version, and no waiting; format 3 had no effects;
// format 4 had no gate.
const format = 5

// Save calls write with each record in which something has changed, or with all: at shutdown, to keep also when each
// instance was seen. A record that is not written is changed still.
func (t *Tracker) Save(all bool, write func(n int, record []byte) error) error {
	var errs []error
	for n := range t.shards {
		shard := &t.shards[n]
		if !shard.changed.Swap(false) && !all {
			continue
		}
		if err := write(n, shard.encode()); err != nil {
			shard.changed.Store(true)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *shard) encode() []byte {
	services := s.append(nil)
	slices.SortFunc(services, func(a, b *service) int { return a.key.Compare(b.key) })
	var b encoder
	b.Uint(format)
	b.Length(len(services))
	for _, one := range services {
		one.mu.Lock()
		b.service(one)
		one.mu.Unlock()
	}
	return b.Writer
}

type encoder struct{ checkpoint.Writer }

func (b *encoder) time(t time.Time) {
	if t.IsZero() {
		b.Int(0)
		return
	}
	b.Int(t.UnixNano())
}

func (b *encoder) flags(flags ...bool) {
	var v uint64
	for n, set := range flags {
		if set {
			v |= 1 << n
		}
	}
	b.Uint(v)
}

func (b *encoder) service(s *service) {
	b.Text(s.key.Name)
	b.Text(s.key.Namespace)
	b.Text(s.key.Environment)
	b.Text(s.key.Cluster)
	b.Text(s.key.Region)
	b.Text(s.key.Account)
	b.Uint(uint64(s.serial))
	b.Uint(uint64(s.source))
	for _, v := range []int64{s.first, s.bare, s.heard, s.gap, s.arrived.Load()} {
		b.Int(v)
	}
	b.flags(s.fleet)
	b.Int(s.fleetSince)
	b.Length(len(s.versions))
	for _, v := range s.versions {
		b.version(v)
	}
	b.Length(len(s.instances))
	for _, i := range s.instances {
		b.Writer = binary.LittleEndian.AppendUint64(b.Writer, i.id)
		b.Int(i.last)
		b.Int(i.offset)
		b.Int(i.first)
		b.Uint(uint64(i.heard))
		b.Uint(uint64(i.version))
	}
	b.Length(len(s.waiting))
	for n := range s.waiting {
		w := &s.waiting[n]
		b.Text(w.also)
		b.Int(w.until)
		b.deployment(&w.Deployment)
	}
}

func (b *encoder) version(v *version) {
	b.Text(v.name)
	b.Length(len(v.names))
	for _, name := range v.names {
		b.Text(name.Text())
	}
	b.Uint(uint64(v.sources))
	for _, text := range []string{v.build.Revision, v.build.Branch, v.build.Digest} {
		b.Text(text)
	}
	b.Uint(uint64(v.serial))
	b.Int(v.first)
	b.Int(v.began)
	b.Uint(uint64(v.runs))
	b.Int(v.seen)
	b.Int(v.heard)
	b.flags(v.confirmed, v.past, v.latest != nil, v.alone)
	b.Uint(uint64(max(v.weight-v.inherit, 0)))
	b.Uint(uint64(v.count))
	if v.latest != nil {
		b.candidate(v.latest)
	}
}

// deployment writes what is the same for all.
func (b *encoder) deployment(d *deployment.Deployment) {
	b.Text(d.Version)
	b.Text(string(d.Status))
	b.Int(d.Start.UnixNano())
	b.time(d.End)
	b.time(d.Committed)
	for _, fact := range facts(d) {
		b.Text(*fact)
	}
}

func (b *encoder) candidate(c *candidate) {
	b.deployment(&c.Deployment)
	b.Length(len(c.aliases))
	for _, alias := range c.aliases {
		b.Text(alias)
	}
	b.Text(string(c.said))
	b.Int(c.renewed)
	b.flags(c.silent, c.blind, c.returned, c.news, c.Rollback)
	b.Uint(uint64(c.peak))
	b.Int(c.grew)
	b.Uint(uint64(c.Adoption))
	b.effect(&c.Effect)
	b.Text(c.Gate.Verdict)
	if c.Gate.Verdict != "" {
		b.Text(c.Gate.Reason)
		b.time(c.Gate.At)
	}
}

func (b *encoder) effect(e *deployment.Effect) {
	b.Text(e.SLO)
	if e.SLO == "" {
		return
	}
	for _, number := range [...]float64{e.Times, e.Low, e.High, e.Spent} {
		b.Float(number)
	}
	b.time(e.At)
	b.flags(e.Final)
}

// facts are the texts of a deployment, in the order of the format.
func facts(d *deployment.Deployment) [13]*string {
	return [...]*string{
		&d.ID, &d.Previous, &d.Revision, &d.Branch, &d.Repository, &d.Compare, &d.Change,
		&d.Pipeline, &d.RunID, &d.RunURL, &d.Actor, &d.Configuration, &d.Tickets,
	}
}

// Restore takes in record n of those that Save wrote, before anything is seen. After an error what the record held is not known; the
// others stay.
func (t *Tracker) Restore(n int, record []byte) error {
	if len(record) == 0 {
		return nil
	}
	d := decoder{Reader: checkpoint.NewReader(record)}
	if d.format = d.Uint(1 << 32); d.format == 0 || d.format > format {
		return fmt.Errorf("deployments: written in format %d, this release reads formats up to %d", d.format, format)
	}
	shard := &t.shards[n]
	services := make(map[deployment.Service]*service)
	instances := 0
	for range d.Length(1) {
		s := &service{tracker: t, config: &t.config, born: t.born, stats: &t.stats, changed: &shard.changed}
		d.service(s)
		if d.Failed() {
			break
		}
		if _, twice := services[s.key]; twice || shardOf(s.key) != n {
			return errors.New("deployments: content does not make sense: a service that does not belong there")
		}
		services[s.key] = s
		instances += len(s.instances)
	}
	if err := d.End(); err != nil {
		return fmt.Errorf("deployments: %w", err)
	}
	for _, s := range services {
		s.resume()
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.services = services
	for key, one := range services {
		shard.quick[hashOf(&key)] = one
		shard.settle(key)
	}
	t.stats.services.Add(int64(len(services)))
	t.stats.instances.Add(int64(instances))
	for t.stats.services.Load() > int64(t.config.MaxServices) && t.evict(shard) {
		continue // the limit was lowered
	}
	return nil
}

// resume announces again what was not announced when the state was saved.
func (s *service) resume() {
	for _, v := range s.versions {
		if c := v.latest; c != nil && !c.silent && c.said != c.Status {
			s.steps = append(s.steps, announcement{c, c.Status, c.End})
		}
	}
	s.busy, s.unstamped = true, true
	s.restamp()
}
