// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package slow says because of what a service has become slow. Time is booked where it was spent: a service's own time is that of its requests less the
// time in which it waits for what it calls, and the time between a call and the request that it causes is that of the way (network, queues, pools
// of connections, a callee that gets no processor). What grew most against the hour before, weighted by how often a request of the service needs it,
// is the likely cause.
package slow

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Place is where time is spent.
type Place string

// The places.
const (
	Own Place = "own" // in a service itself
	Way Place = "way" // between a caller and the service that it calls
)

const (
	// enough is how many requests the means before and now need at least.
	enough = 20
	// muchSlower is how much longer the requests of a service take before it is asked why: as a ratio, and at least least.
	muchSlower = 1.3
	least      = 5 * time.Millisecond
	// most is the share of the growth that a cause explains at least.
	most = 0.5
	// muchMore is how much more than each of them the ways of a service explain together, if its network is the cause.
	muchMore = 1.25
	// maxDepth bounds the calls that are followed.
	maxDepth = 8
)

// A Name is that of a service, or of something else that is called, such as a database.
type Name struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
}

// A Cause is because of what the requests of a service take longer. Times are means.
type Cause struct {
	Place Place `json:"place"`
	Name
	// Caller is at the other end of the way; nil if it is about all ways of the service, to it and from it.
	Caller *Name `json:"caller"`
	// Before and Now are the time that one request spends at the place: the hour before, and in the time that was asked about.
	Before float64 `json:"seconds_before"`
	Now    float64 `json:"seconds"`
	// ServiceBefore and ServiceNow are those of a request of the service that was asked about.
	ServiceBefore float64 `json:"service_seconds_before"`
	ServiceNow    float64 `json:"service_seconds"`
	// Share is how much of its growth the place explains, at most 1.
	Share float64 `json:"share"`
	// Text is the cause for people.
	Text string `json:"text"`
}

// A pair is a caller and what it calls. The connection is "" if it calls directly.
type pair struct {
	client, server Name
	connection     string
}

// The connections that are no direct call.
const (
	messaging = "messaging_system"
	virtual   = "virtual_node"
	user      = "user" // the client of a request from outside
)

// outside: nobody who sends spans made the request.
func (p pair) outside() bool { return p.connection == virtual && p.client.Service == user }

// blind: what is called sends no spans.
func (p pair) blind() bool { return p.connection != "" && !p.outside() }

// A call is what the calls of a pair took, in all: as the caller sees it, with the way, and as the callee does.
type call struct{ count, client, server float64 }

// calls are all of a time.
type calls map[pair]call

// A graph is calls with what follows from them.
type graph struct {
	calls
	// count and seconds are the requests of a service, and how long they took in all; waits is the time in which it waits for what it calls.
	count, seconds, waits map[Name]float64
	// pairs are in the same order each time.
	pairs []pair
}

func graphOf(c calls) graph {
	g := graph{c, map[Name]float64{}, map[Name]float64{}, map[Name]float64{}, make([]pair, 0, len(c))}
	for p := range c {
		g.pairs = append(g.pairs, p)
	}
	slices.SortFunc(g.pairs, func(x, y pair) int {
		return cmp.Or(compare(x.client, y.client), compare(x.server, y.server), cmp.Compare(x.connection, y.connection))
	})
	for _, p := range g.pairs {
		one := c[p]
		g.count[p.server] += one.count
		g.seconds[p.server] += p.within(one)
		if !p.outside() {
			g.waits[p.client] += one.client
		}
	}
	return g
}

func (g *graph) mean(of Name) float64 { return g.seconds[of] / g.count[of] }

// within is the time that the callee has.
func (p pair) within(c call) float64 {
	if p.blind() {
		return c.client
	}
	return c.server
}

// way is the time between caller and callee. Clocks differ, so it may seem to be less than nothing.
func (p pair) way(c call) float64 {
	if p.connection != "" {
		return 0
	}
	return max(0, c.client-c.server)
}

// own is a service's time for a request without its calls.
func (g *graph) own(of Name) float64 {
	return max(0, (g.seconds[of]-g.waits[of])/g.count[of]) // calls at the same time take less than their sum
}

// needs are how often a request of a service needs each other one.
func (g *graph) needs(of Name) map[Name]float64 {
	needs, level := map[Name]float64{}, map[Name]float64{of: 1}
	for depth := 0; depth <= maxDepth && len(level) > 0; depth++ {
		next := map[Name]float64{}
		for name, times := range level {
			needs[name] += times
		}
		for _, p := range g.pairs {
			if times := level[p.client]; times > 0 && g.count[p.client] > 0 && !p.outside() {
				next[p.server] += times * g.calls[p].count / g.count[p.client]
			}
		}
		level = next
	}
	return needs
}

func compare(x, y Name) int {
	return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Service, y.Service))
}

// find is nil if the service is not much slower, or if nothing explains most of it.
func find(earlier, later calls, of Name) *Cause {
	all := ranked(earlier, later, of)
	if len(all) == 0 || all[0].Share < most {
		return nil
	}
	found := &all[0]
	found.Share = min(found.Share, 1)
	found.Text = found.sentence(of)
	return found
}

// ranked are the places by how much of the service's growth they explain; none if it is not much slower.
func ranked(earlier, later calls, of Name) (all []Cause) {
	before, now := graphOf(earlier), graphOf(later)
	if before.count[of] < enough || now.count[of] < enough {
		return nil
	}
	meanBefore, mean := before.mean(of), now.mean(of)
	growth := mean - meanBefore
	if mean < muchSlower*meanBefore || growth < least.Seconds() {
		return nil
	}
	consider := func(times float64, c Cause) {
		c.Share, c.ServiceBefore, c.ServiceNow = times*(c.Now-c.Before)/growth, meanBefore, mean
		all = append(all, c)
	}
	ends := map[Name]end{}
	needs := now.needs(of)
	names := make([]Name, 0, len(needs))
	for name := range needs {
		names = append(names, name)
	}
	slices.SortFunc(names, compare)
	for _, name := range names {
		if before.count[name] >= enough && now.count[name] >= enough {
			consider(needs[name], Cause{Place: Own, Name: name, Before: before.own(name), Now: now.own(name)})
		}
	}
	for _, p := range now.pairs {
		was, is := before.calls[p], now.calls[p]
		if needs[p.client] == 0 || now.count[p.client] == 0 || was.count < enough || is.count < enough {
			continue
		}
		caller := p.client
		consider(needs[p.client]*is.count/now.count[p.client], Cause{Place: Way, Name: p.server, Caller: &caller, Before: p.way(was) / was.count, Now: p.way(is) / is.count})
		if p.connection == "" {
			for _, end := range []Name{p.client, p.server} {
				ends[end] = ends[end].with(all[len(all)-1], p.way(was), was.count, p.way(is), is.count)
			}
		}
	}
	for _, name := range names {
		if e := ends[name]; e.sum > muchMore*e.largest {
			all = append(all, Cause{Place: Way, Name: name, Before: e.before.client / e.before.count, Now: e.now.client / e.now.count, Share: e.sum, ServiceBefore: meanBefore, ServiceNow: mean})
		}
	}
	slices.SortStableFunc(all, func(x, y Cause) int { return cmp.Compare(y.Share, x.Share) })
	return all
}

// An end is a service, with all ways to it and from it: what they explain, and the one that explains most. A service with a slow network is at the end of several.
type end struct {
	sum, largest float64
	before, now  call
}

func (e end) with(one Cause, before, countBefore, now, count float64) end {
	e.sum, e.largest = e.sum+one.Share, max(e.largest, one.Share)
	e.before.client, e.before.count = e.before.client+before, e.before.count+countBefore
	e.now.client, e.now.count = e.now.client+now, e.now.count+count
	return e
}

// sentence is the cause for people.
func (c *Cause) sentence(of Name) string {
	times := fmt.Sprintf("from %s to %s", took(c.Before), took(c.Now))
	who := words.Bounded(of.Service, maxName)
	switch {
	case c.Place == Way && c.Caller == nil:
		return fmt.Sprintf("%s is slow because of all ways to and from %s (network, queues, connections, processor time): %s per call.", who, words.Bounded(c.Service, maxName), times)
	case c.Place == Way:
		return fmt.Sprintf("%s is slow because of the way from %s to %s (network, queues, connections, processor time): %s per call.", who, words.Bounded(c.Caller.Service, maxName), words.Bounded(c.Service, maxName), times)
	case c.Name == of:
		return fmt.Sprintf("%s is slow by itself: its own time went %s per request.", who, times)
	}
	return fmt.Sprintf("%s is slow because of %s, whose own time went %s per request.", who, words.Bounded(c.Service, maxName), times)
}

const maxName = 120

func took(seconds float64) string {
	return words.Elapsed(time.Duration(math.Round(seconds*1e6)) * time.Microsecond)
}
