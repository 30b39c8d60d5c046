// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package event says what becomes of incidents: that one has started, that more is known of it, that it is over.
//
// An event is a log record with an event name and attributes of [semconv]; its resource is the service where the incident likely began.
package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Name is what an event is called.
type Name string

// The events, in the order in which an incident has them. Updated comes as often as there is something new.
const (
	Started  Name = semconv.EventIncident + "started"
	Updated  Name = semconv.EventIncident + "updated"
	Resolved Name = semconv.EventIncident + "resolved"
)

// maxList bounds the services and SLOs that an event names.
const maxList = 20

// An Event is one of them, with all that is known of the incident.
type Event struct {
	Name Name
	// At is when it happened.
	At       time.Time
	ID       string
	State    incident.State
	Page     bool
	Start    time.Time
	End      time.Time // zero while it is open
	Origin   incident.Service
	Services []string // NAMESPACE/NAME, the origin first
	SLOs     []string // SERVICE/SLO
	// Change is the change that likely caused it, in words, or empty.
	Change      string
	Probability float64
	// Failed is how many events failed of the SLO of which most did; 0 is none, or not known.
	Failed float64
	URL    string
	// PartOf is the ID of the incident that this one was found to be a part of. It goes on under that one.
	PartOf string
}

// of is the event of an incident.
func of(i *incident.Incident, name Name, id string, at time.Time) Event {
	e := Event{Name: name, At: at, ID: id, State: i.State, Page: i.Page, Start: i.Start, End: i.End, Origin: i.Origin().Service}
	for _, a := range i.Services {
		e.Services = append(e.Services, qualified(a.Service))
		for _, slo := range a.SLOs {
			e.SLOs = append(e.SLOs, a.Name+"/"+slo)
		}
	}
	e.Services, e.SLOs = e.Services[:min(len(e.Services), maxList)], e.SLOs[:min(len(e.SLOs), maxList)]
	if i.Change != nil {
		e.Change, e.Probability = i.Change.String(), i.Change.Probability
	}
	return e
}

func qualified(s incident.Service) string {
	if s.Namespace == "" {
		return s.Name
	}
	return s.Namespace + "/" + s.Name
}

// Sentence is the event for people.
func (e *Event) Sentence() string {
	var b strings.Builder
	what := map[Name]string{Started: "Incident", Updated: "Incident goes on", Resolved: "Incident is over"}[e.Name]
	fmt.Fprintf(&b, "%s: %s", what, qualified(e.Origin))
	if e.Origin.Environment != "" {
		fmt.Fprintf(&b, " in %s", e.Origin.Environment)
	}
	if len(e.SLOs) > 0 {
		fmt.Fprintf(&b, ", %s", strings.Join(e.SLOs, ", "))
	}
	fmt.Fprintf(&b, ", since %s", e.Start.UTC().Format("2006-01-02 15:04 UTC"))
	if !e.End.IsZero() {
		fmt.Fprintf(&b, ", for %s", strings.TrimSuffix(max(e.End.Sub(e.Start).Round(time.Minute), time.Minute).String(), "0s"))
	}
	if e.Change != "" {
		fmt.Fprintf(&b, ". Likely change: %s (%.0f %%)", e.Change, 100*e.Probability)
	}
	if e.PartOf != "" {
		fmt.Fprintf(&b, ". It is a part of %s", e.PartOf)
	}
	return b.String()
}

// Severity is that of its alerts.
func (e *Event) Severity() string {
	if e.Page {
		return "page"
	}
	return "ticket"
}

// Logs are the events as log records.
func Logs(all []Event, scope pcommon.InstrumentationScope, now time.Time) plog.Logs {
	logs := plog.NewLogs()
	for i := range all {
		e := &all[i]
		rl := logs.ResourceLogs().AppendEmpty()
		for _, one := range e.place() {
			put(rl.Resource().Attributes(), one.key, *one.value)
		}
		sl := rl.ScopeLogs().AppendEmpty()
		scope.CopyTo(sl.Scope())
		e.write(sl.LogRecords().AppendEmpty(), now)
	}
	return logs
}

type field struct {
	key   string
	value *string
}

func (e *Event) place() []field {
	return []field{{semconv.ServiceName, &e.Origin.Name}, {semconv.ServiceNamespace, &e.Origin.Namespace}, {semconv.Environment, &e.Origin.Environment}}
}

func put(to pcommon.Map, key, value string) {
	if value != "" {
		to.PutStr(key, value)
	}
}

func (e *Event) write(record plog.LogRecord, now time.Time) {
	record.SetEventName(string(e.Name))
	record.SetTimestamp(pcommon.NewTimestampFromTime(e.At))
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.SetSeverityText("INFO")
	if e.Name != Resolved {
		record.SetSeverityNumber(plog.SeverityNumberWarn)
		record.SetSeverityText("WARN")
		if e.Page {
			record.SetSeverityNumber(plog.SeverityNumberError)
			record.SetSeverityText("ERROR")
		}
	}
	record.Body().SetStr(e.Sentence())
	to := record.Attributes()
	put(to, semconv.IncidentID, e.ID)
	put(to, semconv.IncidentState, string(e.State))
	put(to, semconv.IncidentSeverity, e.Severity())
	put(to, semconv.IncidentStart, e.Start.UTC().Format(time.RFC3339Nano))
	if !e.End.IsZero() {
		put(to, semconv.IncidentEnd, e.End.UTC().Format(time.RFC3339Nano))
	}
	for key, list := range map[string][]string{semconv.IncidentServices: e.Services, semconv.IncidentSLOs: e.SLOs} {
		values := to.PutEmptySlice(key)
		for _, one := range list {
			values.AppendEmpty().SetStr(one)
		}
	}
	if e.Change != "" {
		put(to, semconv.IncidentChange, e.Change)
		to.PutDouble(semconv.IncidentProbability, e.Probability)
	}
	if e.Failed > 0 {
		to.PutDouble(semconv.IncidentFailed, e.Failed)
	}
	put(to, semconv.IncidentURL, e.URL)
	put(to, semconv.IncidentPartOf, e.PartOf)
}

var events = []Name{Started, Updated, Resolved}

// Is reports whether the record is an event of an incident. Others may call theirs the same.
func Is(record plog.LogRecord) bool {
	_, ok := record.Attributes().Get(semconv.IncidentID)
	return ok && slices.Contains(events, Name(record.EventName()))
}

// Read is the way back. An error says what the record lacks.
func Read(resource pcommon.Map, record plog.LogRecord) (*Event, error) {
	e := &Event{Name: Name(record.EventName()), At: record.Timestamp().AsTime()}
	if !slices.Contains(events, e.Name) {
		return nil, fmt.Errorf("event name %.60q is not that of an incident; use one of %q", record.EventName(), events)
	}
	attributes := record.Attributes()
	text := func(from pcommon.Map, key string) string {
		if v, ok := from.Get(key); ok {
			return v.AsString()
		}
		return ""
	}
	for _, one := range e.place() {
		*one.value = text(resource, one.key)
	}
	e.ID, e.State, e.Page = text(attributes, semconv.IncidentID), incident.State(text(attributes, semconv.IncidentState)), text(attributes, semconv.IncidentSeverity) == "page"
	e.Change, e.URL, e.PartOf = text(attributes, semconv.IncidentChange), text(attributes, semconv.IncidentURL), text(attributes, semconv.IncidentPartOf)
	for key, list := range map[string]*[]string{semconv.IncidentServices: &e.Services, semconv.IncidentSLOs: &e.SLOs} {
		if v, ok := attributes.Get(key); ok && v.Type() == pcommon.ValueTypeSlice {
			for _, one := range v.Slice().All() {
				if len(*list) < maxList {
					*list = append(*list, one.AsString())
				}
			}
		}
	}
	for key, number := range map[string]*float64{semconv.IncidentProbability: &e.Probability, semconv.IncidentFailed: &e.Failed} {
		if v, ok := attributes.Get(key); ok && v.Type() == pcommon.ValueTypeDouble {
			*number = v.Double()
		}
	}
	var errs []error
	if e.ID == "" {
		errs = append(errs, fmt.Errorf("%s is missing", semconv.IncidentID))
	}
	for key, at := range map[string]*time.Time{semconv.IncidentStart: &e.Start, semconv.IncidentEnd: &e.End} {
		value := text(attributes, key)
		if value == "" && key == semconv.IncidentEnd {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339Nano, value); err != nil {
			errs = append(errs, fmt.Errorf("%s is %.60q; write it as 2006-01-02T15:04:05Z", key, value))
		}
	}
	return e, errors.Join(errs...)
}
