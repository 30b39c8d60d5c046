// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"time"
)

const (
	minuteLength = int64(time.Minute)
	hourLength   = int64(time.Hour)
	// openHours is how many hours, with the present one, have their minutes in memory. It covers the 2h window.
	openHours = 3
	// keptBytes bounds the chunks of an SLO that are in memory without storage, and unsavedBytes those that could not be saved yet. Of
	// older hours than these, only the totals are known.
	keptBytes    = 64 << 10
	unsavedBytes = 1 << 20
)

// Minutes are the good and bad events of each minute of event time, as far back as any window reaches. In memory are the totals of the
// hours, and the minutes of the last ones. An older hour's minutes are sealed into a chunk, which storage keeps.
// Nothing here depends on the objective, so what is asked today has the answer that it would have had, asked from the start.
type minutes struct {
	// id names the chunks in storage. It stays with the history wherever that goes.
	id uint64
	// archive is nil without storage.
	archive *archive
	// source has the minutes of sealed hours, if they are derived from those of another history.
	source func(number int64) hourOfMinutes
	// first is the number of the first hour, since 1970.
	first int64
	// hours are the totals of the sealed ones, from the first on; open are the minutes since, to the end of the present hour.
	hours, open [outcomes]packed
	// lost are hours whose chunks could not be read, until that is taken up.
	lost []int64
	// kept are the chunks that storage does not have, in the order of the hours.
	kept []keptChunk
	// expired are the last hours of days that storage need not have any more. The first of them, so many, are being removed.
	expired  []int64
	removing int
	// edges are where windows begin, of those that have no ring.
	edges []edge
}

type keptChunk struct {
	hour int64
	data []byte
	// addition: it is to be added to the one that storage has.
	addition bool
	// saving: it is being saved as it is.
	saving bool
}

// An edge is where a window begins: in a minute, of which the total at its start and its events are known, and if that is sealed, in an hour
// that was read.
type edge struct {
	minute    int64
	known     bool
	total, in sum
	// next is where the first event after it may be; 0 if that is not known.
	next int64

	hour    int64
	read    bool
	before  sum // total at the start of the hour
	minutes [outcomes]packed
}

// forget forgets what an increase from the time on may have changed.
func (e *edge) forget(from int64) {
	e.known = e.known && from >= (e.minute+1)*minuteLength
	e.read = e.read && from >= (e.hour+1)*hourLength
	if from < e.next {
		e.next = 0
	}
}

func newMinutes(now int64, hours int) minutes {
	m := minutes{}
	m.begin(now, hours)
	return m
}

// begin makes it one without events, whose present is now.
func (m *minutes) begin(now int64, hours int) {
	m.first = now/hourLength - (openHours - 1) - int64(hours)
	for o := range outcomes {
		m.hours[o], m.open[o] = packed{n: hours}, packed{n: openHours * minutesPerHour}
	}
	m.kept, m.edges = nil, nil
}

func (m *minutes) openHour() int64 { return m.first + int64(m.hours[good].n) }

// openMinute is the number of the first minute that is not sealed.
func (m *minutes) openMinute() int64 { return m.openHour() * minutesPerHour }

// advance brings the minutes to now and seals hours. Of the sealed ones, so many are remembered.
func (m *minutes) advance(now int64, hours int) {
	present := now / hourLength
	if present-m.openHour() > int64(hours+openHours) {
		m.keep(m.openHour()+int64(openHours), 0)
		m.begin(now, hours)
		return
	}
	for present-m.openHour() >= openHours {
		m.seal()
	}
	m.keep(m.first+int64(m.hours[good].n-hours), hours)
}

// seal makes a sealed hour of the first open one.
func (m *minutes) seal() {
	n := m.openHour()
	var h hourOfMinutes
	for o := range outcomes {
		for i := range h {
			h[i][o] = m.open[o].at(i)
		}
	}
	total := h.all()
	for o := range outcomes {
		m.open[o].drop(minutesPerHour)
		m.open[o].push(minutesPerHour)
		m.hours[o].push(1)
		m.hours[o].set(m.hours[o].n-1, total[o])
	}
	if total != (sum{}) {
		m.putAside(keptChunk{hour: n, data: h.encode()})
	}
}

// keep forgets the sealed hours before the one. If hours are missing before the first, they count as without events.
func (m *minutes) keep(from int64, hours int) {
	switch drop := int(from - m.first); {
	case drop > 0:
		drop = min(drop, m.hours[good].n)
		for i := range drop {
			if hour := m.first + int64(i); m.archive != nil && hour%hoursPerDay == hoursPerDay-1 { // the last of its day
				m.expired = append(m.expired, hour)
			}
		}
		for o := range outcomes {
			m.hours[o].drop(drop)
		}
		m.first += int64(drop)
		m.kept = slices.DeleteFunc(m.kept, func(k keptChunk) bool { return k.hour < m.first })
	case drop < 0:
		for o := range outcomes {
			longer := packed{n: hours}
			for i := range m.hours[o].n {
				longer.set(i-drop, m.hours[o].at(i))
			}
			m.hours[o] = longer
		}
		m.first = from
	}
}

// putAside keeps a chunk until it is saved.
func (m *minutes) putAside(chunk keptChunk) {
	at, _ := slices.BinarySearchFunc(m.kept, chunk.hour, func(k keptChunk, hour int64) int { return int(k.hour - hour) })
	m.kept = slices.Insert(m.kept, at, chunk)
	size, most := 0, keptBytes
	if m.archive != nil {
		most = unsavedBytes
	}
	for i, v := range slices.Backward(m.kept) {
		if size += len(v.data); size > most {
			m.kept = slices.Delete(m.kept, 0, i+1)
			return
		}
	}
}

// add counts n events that happened evenly over (from, to]; to is not after the present.
func (m *minutes) add(from, to int64, o outcome, n count) {
	open := m.openMinute() * minuteLength
	if start := m.first * hourLength; from < open && to > start {
		m.addSealed(from, to, o, n)
	}
	for i := range m.edges {
		m.edges[i].forget(from)
	}
	if to <= open {
		return
	}
	last := int((to - 1 - open) / minuteLength)
	for i := int(max(from-open, 0) / minuteLength); i <= last; i++ {
		start := open + int64(i)*minuteLength
		m.open[o].add(i, part(n, from, to, start+minuteLength)-part(n, from, to, start))
	}
}

// addSealed counts in the hours that are sealed. Of one that the increase covers as a whole, the total is enough.
func (m *minutes) addSealed(from, to int64, o outcome, n count) {
	for i := int(max(from/hourLength-m.first, 0)); i < m.hours[o].n; i++ {
		number := m.first + int64(i)
		start, end := number*hourLength, (number+1)*hourLength
		if start >= to {
			return
		}
		m.hours[o].add(i, part(n, from, to, end)-part(n, from, to, start))
		if from > start || to < end {
			var h hourOfMinutes
			for k := range h {
				at := start + int64(k)*minuteLength
				h[k][o] = part(n, from, to, at+minuteLength) - part(n, from, to, at)
			}
			m.addTo(number, &h)
		}
	}
}

// addTo adds minutes to a sealed hour.
func (m *minutes) addTo(number int64, h *hourOfMinutes) {
	i := slices.IndexFunc(m.kept, func(k keptChunk) bool { return k.hour == number && !k.saving })
	if i < 0 {
		m.putAside(keptChunk{hour: number, data: h.encode(), addition: m.archive != nil})
		return
	}
	if before, err := decodeHour(m.kept[i].data); err == nil { // it was encoded here
		h.add(&before)
	}
	m.kept[i].data = h.encode()
}

// hour reads the minutes of a sealed hour.
func (m *minutes) hour(number int64) (h hourOfMinutes) {
	i := int(number - m.first)
	total := sum{m.hours[good].at(i), m.hours[bad].at(i)}
	if total == (sum{}) {
		return h
	}
	if m.source != nil {
		h = m.source(number)
		h.fill(total)
		return h
	}
	whole := false
	for _, k := range m.kept {
		if k.hour != number {
			continue
		}
		if one, err := decodeHour(k.data); err == nil { // it was encoded here
			h.add(&one)
		}
		whole = whole || !k.addition
	}
	if !whole {
		saved, err := m.archive.hour(m.id, number)
		m.damaged(number, err)
		h.add(&saved)
	}
	h.fill(total)
	return h
}

// read reads the hour into the edge, unless it is there.
func (m *minutes) read(e *edge, number int64, total sum) {
	if e.read && e.hour == number {
		return
	}
	h := m.hour(number)
	*e = edge{hour: number, read: true, before: total}
	for o := range outcomes {
		e.minutes[o] = packed{n: minutesPerHour}
		for i := range h {
			e.minutes[o].set(i, h[i][o])
		}
		hours := &m.hours[o]
		e.before[o] -= m.open[o].sum(0, m.open[o].n) + hours.sum(int(number-m.first), hours.n)
	}
}

// totalAt is the total at t, linear within a minute. Total is that at now, the present. The edge may be one that was used for
// a time near t before.
func (m *minutes) totalAt(t, now int64, total sum, e *edge) sum {
	if t >= now {
		return total
	}
	k := max(t/minuteLength, m.first*minutesPerHour)
	if !e.known || e.minute != k {
		m.find(e, k, total)
	}
	after := sum{e.total[good] + e.in[good], e.total[bad] + e.in[bad]}
	return between(e.total, after, k*minuteLength, min((k+1)*minuteLength, now), max(t, k*minuteLength))
}

// find makes the minute that of the edge.
func (m *minutes) find(e *edge, k int64, total sum) {
	i := int(k - m.openMinute())
	if i < 0 {
		m.read(e, k/minutesPerHour, total)
		i = int(k % minutesPerHour)
		for o := range outcomes {
			e.in[o] = e.minutes[o].at(i)
			e.total[o] = e.before[o] + e.minutes[o].sum(0, i)
		}
	} else {
		for o := range outcomes {
			e.in[o] = m.open[o].at(i)
			e.total[o] = total[o] - m.open[o].sum(i, m.open[o].n)
		}
	}
	e.minute, e.known = k, true
}

// leaves is the earliest time, t or later, after which there may be an event; never, as a length of time can be added to, if there is
// none.
func (m *minutes) leaves(t int64, total sum, e *edge) int64 {
	k := max(t/minuteLength, m.first*minutesPerHour)
	if !e.known || e.minute != k {
		m.find(e, k, total)
	}
	if e.in != (sum{}) {
		return max(t, k*minuteLength)
	}
	if e.next <= t {
		e.next = m.next(k+1, e)
	}
	return e.next
}

// next is when the first minute begins, k or later, that may have an event; never, as a length of time can be added to, if there is none. The
// hour of the minute before k, if it is sealed, is the one of the edge.
func (m *minutes) next(k int64, e *edge) int64 {
	if k < m.openMinute() {
		for ; k%minutesPerHour != 0; k++ {
			if i := int(k % minutesPerHour); e.minutes[good].at(i)+e.minutes[bad].at(i) != 0 {
				return k * minuteLength
			}
		}
		for i := int(k/minutesPerHour - m.first); i < m.hours[good].n; i++ {
			if m.hours[good].at(i)+m.hours[bad].at(i) != 0 {
				return (m.first + int64(i)) * hourLength
			}
		}
		k = m.openMinute()
	}
	for i := int(k - m.openMinute()); i < m.open[good].n; i++ {
		if m.open[good].at(i)+m.open[bad].at(i) != 0 {
			return (m.openMinute() + int64(i)) * minuteLength
		}
	}
	return never / 2
}

// rewind sets the present back to now. What was counted since is taken as of now; totalAt is the total at times before.
func (m *minutes) rewind(now int64, hours int, total sum, totalAt func(int64) sum) {
	fresh := newMinutes(now, hours)
	start := fresh.openHour()
	fresh.fillIn(start, now, total, totalAt)
	if start < m.first {
		m.keep(m.openHour(), 0)
		fresh.id, fresh.archive, fresh.expired = m.id, m.archive, m.expired
		*m = fresh
		return
	}
	m.kept = slices.DeleteFunc(m.kept, func(k keptChunk) bool { return k.hour >= start })
	m.edges, m.open = nil, fresh.open
	for o := range outcomes {
		m.hours[o].cut(int(start - m.first))
	}
}

// fillIn sets the events of the minutes, and of the sealed hours, from the hour on, up to now, from totals. Where the totals of
// two sources meet, they may fall a little: then there are no events until they have risen again.
func (m *minutes) fillIn(from, now int64, total sum, totalAt func(int64) sum) {
	at := func(t int64) sum {
		if t > now {
			return total
		}
		return totalAt(t)
	}
	from = max(from, m.first)
	last := at(from * hourLength)
	for i := int(from - m.first); i < m.hours[good].n; i++ {
		next := last.atLeast(at((m.first + int64(i) + 1) * hourLength))
		m.setHour(i, next.minus(last))
		last = next
	}
	for i := range m.open[good].n {
		next := last.atLeast(at((m.openMinute() + int64(i) + 1) * minuteLength))
		for o, n := range next.minus(last) {
			m.open[o].set(i, n)
		}
		last = next
	}
}

func (m *minutes) setHour(i int, events sum) {
	for o, n := range events {
		m.hours[o].set(i, n)
	}
}
