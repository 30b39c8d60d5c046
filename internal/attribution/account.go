// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

// An account has what a table is to book when it is settled: units by value.
type account struct {
	pending []uint64
	// dimensions are by field: the index in the table and 1, 0 if it is not known, or noDimension.
	dimensions []int16
	// resource are the values of the reader's resource, of this number, and since is how many units there were before them.
	resource  []int32
	resources uint64
	since     uint64
	// runs are the values of the last event, by position, of this shape and number.
	runs         []run
	shape, event uint64
}

const noDimension = -1

// A run is a value of several events, one after the other; since is how many units there were before.
type run struct {
	value int32
	since uint64
}

// account is an empty one.
func (w *vocabulary) account() *account {
	if w.used == len(w.accounts) {
		w.accounts = append(w.accounts, &account{})
	}
	a := w.accounts[w.used]
	w.used++
	clear(a.dimensions)
	clear(a.runs)
	a.resource, a.resources, a.since = a.resource[:0], 0, 0
	a.shape, a.event = 0, 0
	return a
}

// Batch begins events of the reader's resource. Of a reader's batches there may be several, of any resources; what they have is not in the lines before Settle,
// and until then there is nothing else to do with the table than BadEvent and GoodEvent.
func (t *Table) Batch(r *Reader) {
	if t.account == nil {
		t.ready()
		t.account, t.batch = r.account(), 0
	}
	c := t.account
	if c.resources == r.resources {
		return
	}
	c.grow(r)
	c.endResource(t.batch)
	c.resource, c.resources = append(c.resource, r.resource...), r.resources
	clear(t.base)
	t.next = 0
	for _, n := range r.resource {
		v := &r.values[n]
		if at := t.dimensionOf(r, v.field, 0); at >= 0 {
			t.base[at] = v.id
		}
	}
}

// Settle books what its batches have.
func (t *Table) Settle(r *Reader) {
	c := t.account
	if c == nil {
		return
	}
	t.account = nil
	if t.batch == 0 {
		return
	}
	c.endResource(t.batch)
	c.endRuns(t.batch)
	for n, units := range c.pending {
		if units == 0 {
			continue
		}
		c.pending[n] = 0
		v := &r.values[n]
		at := c.dimensions[v.field]
		if at <= 0 {
			continue
		}
		d := t.dimensions[at-1]
		d.seen += units
		if !v.hidden {
			t.add(d, r.text(v), v.hash, units)
		}
	}
	t.batch = 0
}

// grow makes room for all values and fields.
func (c *account) grow(r *Reader) {
	for len(c.pending) < len(r.values) {
		c.pending = append(c.pending, 0)
	}
	for len(c.dimensions) < len(r.fields) {
		c.dimensions = append(c.dimensions, 0)
	}
}

func (c *account) endResource(until uint64) {
	for _, n := range c.resource {
		c.pending[n] += until - c.since
	}
	c.resource, c.since = c.resource[:0], until
}

func (c *account) endRuns(until uint64) {
	for i := range c.runs {
		u := &c.runs[i]
		c.pending[u.value] += until - u.since
		u.value, u.since = 0, until
	}
	c.pending[0] = 0 // no value
}

// BadEvent books the reader's present event. If it is in the sample, Found says next where it is found.
func (t *Table) BadEvent(r *Reader, weight float64) (sampled bool) {
	units, ok := t.begin(weight)
	if !ok {
		return false
	}
	c := t.account
	if len(c.pending) < len(r.values) {
		c.grow(r)
	}
	switch {
	case c.shape != r.shape:
		t.reshape(r, units)
	case c.event+1 == r.event:
		for _, i := range r.changed {
			c.change(i, r.inEvent.all[i].value, t.batch)
		}
	default:
		for _, i := range r.of {
			if n := r.inEvent.all[i].value; n != c.runs[i].value {
				c.change(i, n, t.batch)
			}
		}
	}
	c.event = r.event
	t.batch += units
	var represents float64
	if weight == 1 {
		represents, sampled = t.bad.takesOne(t)
	} else {
		represents, sampled = t.bad.takes(t, weight)
	}
	if sampled {
		t.bad.keep(t.rowOf(r, t.row), represents, [16]byte{}, 0)
	}
	return sampled
}

// Found says in which trace, and at what time, the last bad event is found.
func (t *Table) Found(trace [16]byte, nanos int64) {
	last := t.bad.len() - 1
	t.bad.traces[last], t.bad.times[last] = trace, nanos
}

// change ends a run, and begins one of another value.
func (c *account) change(position, value int32, units uint64) {
	u := &c.runs[position]
	c.pending[u.value] += units - u.since
	u.value, u.since = value, units
}

// reshape ends all runs, and begins those of an event with other attributes, of so many units.
func (t *Table) reshape(r *Reader, units uint64) {
	c := t.account
	c.grow(r)
	c.shape = r.shape
	c.endRuns(t.batch)
	for len(c.runs) < len(r.inEvent.all) {
		c.runs = append(c.runs, run{})
	}
	for _, i := range r.of {
		a := &r.inEvent.all[i]
		c.runs[i] = run{a.value, t.batch}
		t.next = len(r.resource) + int(i)
		t.dimensionOf(r, a.field, units)
	}
}

// dimensionOf is the index of the dimension of a field, which is made if there is room; -1 if there is none. Units are those of the present event.
func (t *Table) dimensionOf(r *Reader, field int32, units uint64) int {
	known := &t.account.dimensions[field]
	if *known == 0 {
		*known = noDimension
		if at := t.dimension(r.fields[field].name, units); at >= 0 {
			*known = int16(at + 1)
		}
	}
	return max(-1, int(*known)-1)
}

// rowOf makes the row of the present event.
func (t *Table) rowOf(r *Reader, row []ID) []ID {
	copy(row, t.base)
	for _, i := range r.of {
		a := &r.inEvent.all[i]
		t.next = len(r.resource) + int(i)
		if at := t.find(a.name); at >= 0 {
			row[at] = r.values[a.value].id
		}
	}
	return row
}

// GoodEvent offers the reader's present event to the sample. It represents weight events.
func (t *Table) GoodEvent(r *Reader, weight float64) {
	if represents, ok := t.good.takes(t, weight); ok {
		t.good.keep(t.rowOf(r, t.goodRow), represents, [16]byte{}, 0)
	}
}
