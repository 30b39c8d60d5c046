// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

// A Judgment is what a rule says of an event.
type Judgment uint8

// Unselected events do not count. Of the others, ConditionError and NoDuration are those that cannot be judged: a
// condition failed, or a span has no start or ends before it.
const (
	Unselected Judgment = iota
	Good
	Bad
	ConditionError
	NoDuration
)

// verdict is what a condition says: Good when it holds.
func verdict(holds bool, err error) Judgment {
	switch {
	case err != nil:
		return ConditionError
	case holds:
		return Good
	default:
		return Bad
	}
}

// unselect turns the verdict of a match that does not hold.
func (j Judgment) unselect() Judgment {
	if j == Bad {
		return Unselected
	}
	return j
}
