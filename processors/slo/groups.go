// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"iter"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An SLO with groups has an instance for each group in each environment. The group is a text: for each attribute of groupBy, a byte 0, its name,
// a byte 0 and its value, which may be empty. With the environment before it, it is the place of the instance. Without groups, the
// place is the environment.

const groupMark = "\x00"

// maxPlace is the longest place, in bytes.
const maxPlace = 4096

func appendGroup(place []byte, name, value string) []byte {
	place = append(append(place, groupMark...), name...)
	return append(append(place, groupMark...), value...)
}

// splitPlace takes a place apart.
func splitPlace(place string) (environment, group string) {
	at := strings.Index(place, groupMark)
	if at < 0 {
		return place, ""
	}
	return place[:at], place[at:]
}

func (i *instance) place() string { return i.environment + i.group }

// attributesOf are the names and values of a group.
func attributesOf(group string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if group == "" {
			return
		}
		parts := strings.Split(group[len(groupMark):], groupMark)
		for n := 0; n+1 < len(parts); n += 2 {
			if !yield(parts[n], parts[n+1]) {
				return
			}
		}
	}
}

// group is that of the objective with the same value for all of its attributes; "" if it has none.
func (o *objective) group(value string) string {
	var group []byte
	for _, name := range o.slo.GroupBy {
		group = appendGroup(group, name, value)
	}
	return string(group)
}

// fits reports whether the group is one by the attributes that the catalog names.
func (o *objective) fits(group string) bool {
	var names []string
	for name := range attributesOf(group) {
		names = append(names, name)
	}
	return slices.Equal(names, o.slo.GroupBy)
}

// grouped makes ready for finding the present point's group: its identity goes on with the values, and its place is known.
func (t *taker) grouped(by []string, environment string, dp pmetric.NumberDataPoint) bool {
	t.place = append(t.place[:0], environment...)
	for _, name := range by {
		var value string
		if v, ok := dp.Attributes().Get(name); ok && v.Type() == pcommon.ValueTypeStr {
			value = v.Str()
		}
		if strings.Contains(value, groupMark) {
			return false
		}
		t.place = appendGroup(t.place, name, value)
		t.identity = appendField(t.identity, value)
	}
	return len(t.place) <= maxPlace
}

// admitGroup returns the instance that points of the present place count in, or why there is none. A counter that was followed in the overflow stays there,
// also when there is room for its group, or it would be counted twice.
func (t *tracked) admitGroup(environment string, place, restPlace []byte, counter streamID, now int64, maxEnvironments int) (*instance, verdict) {
	if t.objective == nil || !t.objective.wants(environment) {
		return nil, unknownSLO
	}
	rest := t.instanceAt(restPlace)
	if rest != nil {
		if _, follows := rest.streams.find(counter); follows {
			return rest, counted
		}
	}
	if i := t.instanceAt(place); i != nil {
		return i, counted
	}
	if len(environment) > maxEnvironmentName || strings.Contains(environment, groupMark) {
		return nil, invalid
	}
	if environment != "" && t.named() >= maxEnvironments && !t.knows(environment) {
		return nil, overflow
	}
	if string(place[len(environment):]) != t.objective.none && t.groups() >= t.objective.slo.GroupLimit() {
		return t.ensure(string(restPlace), now), counted
	}
	return t.ensure(string(place), now), counted
}

// keptApart reports whether the group is neither that of events without any of the attributes nor the overflow.
func (o *objective) keptApart(group string) bool { return group != o.none && group != o.rest }

// groups is how many groups are kept apart, in all environments together.
func (t *tracked) groups() (n int) {
	for _, i := range t.instances {
		if t.objective.keptApart(i.group) {
			n++
		}
	}
	return n
}

func (t *tracked) knows(environment string) bool {
	return slices.ContainsFunc(t.instances, func(i *instance) bool { return i.environment == environment })
}

// room reports whether an instance that another collector gives may be added.
func (t *tracked) room(environment, group string, maxEnvironments int) bool {
	if t.objective.slo.GroupBy == nil {
		return len(t.instances) <= maxEnvironments
	}
	return (t.knows(environment) || t.named() < maxEnvironments) && (!t.objective.keptApart(group) || t.groups() < t.objective.slo.GroupLimit())
}

// refit lets go of instances by other groups than the catalog names now: what they counted is not what the SLO counts.
func (t *tracked) refit(now int64) {
	var newest int64
	kept := t.instances[:0]
	for _, i := range t.instances {
		if t.objective.fits(i.group) {
			kept = append(kept, i)
			continue
		}
		if i.shown.objective != nil {
			t.shard.ended = append(t.shard.ended, i.end(t))
		}
		newest = max(newest, i.streams.newest())
		t.shard.discard(i.history)
		t.shard.changed = true
	}
	if len(kept) == len(t.instances) {
		return
	}
	clear(t.instances[len(kept):])
	t.instances, t.index = kept, nil
	// A sender that has not read the new catalog yet may go on with one of the counters.
	for _, e := range append([]string{""}, t.objective.environments...) {
		i := t.ensure(e+t.objective.none, now)
		i.forgotten = max(i.forgotten, newest)
	}
}

// few is how many instances are looked through one by one.
const few = 8

// instance is the one at the place; nil if there is none.
func (t *tracked) instance(place string) *instance {
	if len(t.instances) > few {
		return t.indexed()[place]
	}
	environment, group := splitPlace(place)
	for _, i := range t.instances {
		if i.environment == environment && i.group == group {
			return i
		}
	}
	return nil
}

func (t *tracked) instanceAt(place []byte) *instance {
	if len(t.instances) > few {
		return t.indexed()[string(place)]
	}
	for _, i := range t.instances {
		if n := len(i.environment); len(place) == n+len(i.group) && string(place[:n]) == i.environment && string(place[n:]) == i.group {
			return i
		}
	}
	return nil
}

func (t *tracked) indexed() map[string]*instance {
	if len(t.index) != len(t.instances) {
		t.index = make(map[string]*instance, len(t.instances))
		for _, i := range t.instances {
			t.index[i.place()] = i
		}
	}
	return t.index
}

// label adds the environment and the attributes of the group. One without a value is not there.
func label(attributes pcommon.Map, environment, group string) {
	if environment != "" {
		attributes.PutStr(semconv.Environment, environment)
	}
	for name, value := range attributesOf(group) {
		if value != "" {
			attributes.PutStr(name, value)
		}
	}
}

// empty reports whether none of the events that were counted is in a window any more.
func (i *instance) empty(now int64, o *objective) bool {
	if i.history == nil {
		return true
	}
	i.history.advance(now, o)
	return i.history.total == i.history.minutes.totalAt(now-o.horizon, i.history.now, i.history.total, &edge{})
}
