// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import "time"

// A Question asks what ate the budget of an SLO.
type Question struct {
	Namespace, Service, SLO string
	// Environment is empty for all of them together.
	Environment string
	// From and To bound the time of the events. What is kept is coarser the older it is: the answer says which time it is about.
	From, To time.Time
}

// An Attribute is a name and a value of a span, log record, data point or resource.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Line is an attribute's value, or a pair of them, and the events that have it.
type Line struct {
	// Attributes are one, or two where it takes both.
	Attributes []Attribute `json:"attributes"`
	// Same are other attributes that the same events have, such as a pod's node.
	Same []Attribute `json:"same,omitempty"`
	// Bad are the bad events with it that are certain; there may be up to Uncertain more.
	Bad       float64 `json:"bad"`
	Uncertain float64 `json:"uncertain"`
	// OfBad is its share of all bad events, OfTraffic of all events, each from 0 to 1. OfTraffic is estimated from a sample.
	OfBad     float64 `json:"share_of_bad"`
	OfTraffic float64 `json:"share_of_traffic"`
	// Rate is the share of its events that are bad, RestRate that of the others.
	Rate     float64 `json:"bad_ratio"`
	RestRate float64 `json:"bad_ratio_of_rest"`
	// Since is when its bad events began to rise; zero if they did not within the time.
	Since time.Time `json:"since,omitzero"`
	// Traces are IDs of traces with such a bad event, the newest first.
	Traces []string `json:"traces,omitempty"`
}

// A Dimension is an attribute, and all its values: the bad events of Lines, of Other and of Without add up to the Bad of the answer.
type Dimension struct {
	Name  string `json:"name"`
	Lines []Line `json:"lines"`
	// Other are the bad events of values that have no line, Without of events that do not have the attribute.
	Other   float64 `json:"other"`
	Without float64 `json:"without"`
}

// An Answer is what ate the budget of an SLO.
type Answer struct {
	// From and To are the time that it is about.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Good and Bad are the events that the SLO counted in this time. Of the bad ones, Booked are in the ledger: fewer if an agent sends none.
	Good   float64 `json:"good"`
	Bad    float64 `json:"bad"`
	Booked float64 `json:"booked"`
	// Causes are what is over-represented among the bad events and not by chance, the first explains most. Empty if nothing is.
	Causes []Line `json:"causes"`
	// Dimensions are sorted by name.
	Dimensions []Dimension `json:"dimensions"`
	// Text is the answer in one sentence.
	Text string `json:"text"`
}

// A Keeper answers questions about the SLOs whose events it has.
type Keeper interface {
	// Explain answers the question, and false if it has no events of this SLO.
	Explain(q Question) (Answer, bool)
}

// A Shelf is an extension that shows the answers of keepers.
type Shelf interface {
	KeepAttribution(k Keeper)
}
