// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scatter

import (
	"sync"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
)

// A Part is a request of its own, for one gateway.
type Part struct {
	// Gateway is the number of the gateway.
	Gateway int
	// Data is the request, encoded. Nothing else refers to it.
	Data []byte
	// Items is how many spans, log records or data points it has.
	Items int
}

// Limit is how large a part may be; 0 is any size. One item that is larger is a part of its own.
type Limit struct{ Bytes, Items int }

func (l Limit) exceeded(s *share) bool {
	return l.Bytes > 0 && len(s.buf) > l.Bytes || l.Items > 0 && s.items > l.Items
}

// Divide divides the request among that many gateways: owner returns the number of the one that gets the items with this key. It returns an error if
// the data is not a request, and the parts that are complete are then without meaning.
func Divide(signal Signal, data []byte, gateways int, owner func(key uint64) int, limit Limit) ([]Part, error) {
	d := pool.Get().(*divider)
	defer d.free()
	d.signal, d.owner, d.limit = signal, owner, limit
	if cap(d.shares) < gateways {
		d.shares = append(d.shares[:cap(d.shares)], make([]share, gateways-cap(d.shares))...)
	}
	d.shares = d.shares[:gateways]
	if err := d.request(data); err != nil {
		return nil, err
	}
	for i := range d.shares {
		if d.shares[i].items > 0 {
			d.parts = append(d.parts, d.shares[i].cut(i))
		}
	}
	return d.parts, nil
}

// Cut divides the request into parts that are not above the limit.
func Cut(signal Signal, data []byte, limit Limit) ([]Part, error) {
	return Divide(signal, data, 1, func(uint64) int { return 0 }, limit)
}

// Count returns how many spans, log records or data points the request has.
func Count(signal Signal, data []byte) (items int, err error) {
	d := divider{signal: signal, counted: &items}
	return items, d.request(data)
}

// A divider reads a request, and has the shares while it does.
type divider struct {
	signal  Signal
	owner   func(key uint64) int
	limit   Limit
	shares  []share
	parts   []Part
	counted *int // if items are only counted

	frames  [depth]frame // around what is being read
	around  int          // how many
	service routed       // of the resource that is being read
	last    routed       // of the last trace
	trace   [16]byte     // its ID
}

// routed is a gateway that is known already.
type routed struct {
	gateway int
	known   bool
}

var pool = sync.Pool{New: func() any { return new(divider) }}

// keep is how large a buffer is kept for the next request, in bytes.
const keep = 1 << 20

func (d *divider) free() {
	for i := range d.shares[:cap(d.shares)] {
		s := &d.shares[:cap(d.shares)][i]
		if cap(s.buf) > keep {
			s.buf = nil
		}
		*s = share{buf: s.buf[:0]}
	}
	*d = divider{shares: d.shares}
	pool.Put(d)
}

// within calls read for each field of that number, while the message is the frame around them.
func (d *divider) within(f frame, read func(otlpwire.Field) error) error {
	if d.counted == nil {
		d.frames[d.around] = f
	}
	d.around++
	for body := f.body; len(body) > 0; {
		part, rest, err := otlpwire.Next(body)
		if err != nil {
			return err
		}
		body = rest
		if part.Number == f.many {
			if err := read(part); err != nil {
				return err
			}
		}
	}
	d.around--
	for i := range d.shares {
		d.shares[i].end(d.around)
	}
	return nil
}

// add gives the item to the gateway.
func (d *divider) add(gateway int, item []byte, items int) {
	s := &d.shares[gateway]
	before := *s
	s.add(d.frames[:d.around], item, items)
	if before.items > 0 && d.limit.exceeded(s) {
		s.buf, s.items, s.open, s.bodies = s.buf[:len(before.buf)], before.items, before.open, before.bodies
		d.parts = append(d.parts, s.cut(gateway))
		s.add(d.frames[:d.around], item, items)
	}
}

func (d *divider) request(data []byte) error {
	for len(data) > 0 {
		f, rest, err := otlpwire.Next(data)
		if err != nil {
			return err
		}
		data = rest
		if f.Number != otlpwire.RequestResources {
			continue
		}
		d.service.known = false
		if err := d.within(frame{number: otlpwire.RequestResources, body: f.Value, many: otlpwire.ResourceScopes}, func(f otlpwire.Field) error { return d.scope(f.Value) }); err != nil {
			return err
		}
	}
	return nil
}

func (d *divider) scope(body []byte) error {
	f := frame{number: otlpwire.ResourceScopes, body: body, many: otlpwire.ScopeItems}
	if d.signal != Metrics {
		return d.within(f, d.item)
	}
	if d.counted != nil {
		return d.within(f, d.metric)
	}
	scope, err := otlpwire.Find(body, otlpwire.ScopeScope)
	if err != nil {
		return err
	}
	slo, err := sloOfScope(scope)
	if err != nil {
		return err
	}
	if slo.service == nil {
		return d.within(f, d.metric)
	}
	return d.within(f, func(metric otlpwire.Field) error { return d.sloMetric(slo, metric.Value) })
}

// item is a span or log record: it goes with its trace, or if it has none, with its service.
func (d *divider) item(f otlpwire.Field) error {
	if d.counted != nil {
		*d.counted++
		return nil
	}
	id, err := otlpwire.Find(f.Value, d.signal.traceID())
	if err != nil {
		return err
	}
	if len(id) != len(d.trace) || [16]byte(id) == ([16]byte{}) {
		gateway, err := d.ofService()
		if err != nil {
			return err
		}
		d.add(gateway, f.Raw, 1)
		return nil
	}
	if !d.last.known || d.trace != [16]byte(id) {
		d.trace, d.last = [16]byte(id), routed{d.owner(keyOfTrace(id)), true}
	}
	d.add(d.last.gateway, f.Raw, 1)
	return nil
}

// metric is one that goes with its service.
func (d *divider) metric(f otlpwire.Field) error {
	points, err := count(f.Value)
	if err != nil {
		return err
	}
	if d.counted != nil {
		*d.counted += points
		return nil
	}
	gateway, err := d.ofService()
	if err != nil || points == 0 { // a metric without points says nothing
		return err
	}
	d.add(gateway, f.Raw, points)
	return nil
}

// sloMetric is one whose data points go with their SLO.
func (d *divider) sloMetric(slo sloKey, metric []byte) error {
	for body := metric; len(body) > 0; {
		data, rest, err := otlpwire.Next(body)
		if err != nil {
			return err
		}
		body = rest
		attributes := pointAttributes(data.Number)
		if attributes == 0 {
			continue
		}
		// The kind of data is a frame within the frame of the metric, which has it once.
		err = d.within(frame{number: otlpwire.ScopeItems, body: metric, many: data.Number}, func(f otlpwire.Field) error {
			return d.within(frame{number: data.Number, body: f.Value, many: otlpwire.DataPoints}, func(point otlpwire.Field) error {
				of, err := slo.ofPoint(point.Value, attributes)
				if err != nil {
					return err
				}
				d.add(d.owner(of.key()), point.Raw, 1)
				return nil
			})
		})
		if err != nil {
			return err
		}
		break
	}
	return nil
}

// ofService returns the gateway of the resource's service.
func (d *divider) ofService() (int, error) {
	if d.service.known {
		return d.service.gateway, nil
	}
	resource, err := otlpwire.Find(d.frames[0].body, otlpwire.ResourceResource)
	if err != nil {
		return 0, err
	}
	key, err := keyOfService(resource)
	if err != nil {
		return 0, err
	}
	d.service = routed{d.owner(key), true}
	return d.service.gateway, nil
}
