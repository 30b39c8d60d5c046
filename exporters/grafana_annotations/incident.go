// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
)

// readIncident reads the record of an incident, to the millisecond, which is what Grafana keeps.
func readIncident(resource pcommon.Map, record plog.LogRecord) (*event.Event, error) {
	e, err := event.Read(resource, record)
	if err != nil {
		return nil, err
	}
	if e.End.IsZero() {
		e.End = e.At
	}
	e.Start, e.End = e.Start.Truncate(time.Millisecond), e.End.Truncate(time.Millisecond)
	if e.End.Before(e.Start) {
		e.End = e.Start
	}
	if !plausible(e.Start) || !plausible(e.End) {
		return nil, errors.New("a time of the incident is in another century; set the present time")
	}
	return e, nil
}

// ofIncident is the annotation of an incident: from the beginning of the burn to its end, or to what was said last. Each event has all that is known,
// so it replaces the present one, unless that knows the end already.
func ofIncident(e *event.Event, present *annotation, config *Config) *annotation {
	if over := pairTag(keyState, string(incident.Resolved)); present != nil && slices.Contains(present.Tags, over) && e.At.UnixMilli() < present.TimeEnd {
		return present
	}
	b := newText("<b>" + escape(e.Origin.Name, maxValue) + "</b> incident " + escape(string(e.State), maxValue))
	b.part(escape(strings.Join(e.SLOs, ", "), maxValue))
	if e.Change != "" {
		b.part("likely change: " + escape(e.Change, maxValue) + " (" + strconv.Itoa(int(100*e.Probability)) + " %)")
	}
	if e.Failed >= 1 {
		b.part(strconv.FormatInt(int64(e.Failed), 10) + " failed")
	}
	if e.PartOf != "" {
		b.part("a part of " + escape(e.PartOf, maxValue))
	}
	if e.URL != "" {
		b.part(link(e.URL, "incident"))
	}
	return &annotation{Time: e.Start.UnixMilli(), TimeEnd: e.End.UnixMilli(), Tags: incidentTags(e, config.Tags), Text: b.String()}
}
