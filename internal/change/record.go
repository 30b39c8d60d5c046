// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// EventName is that of the record.
func (k Kind) EventName() string { return semconv.EventChange + string(k) }

// IsEvent reports whether the record is that of a change, by its event name or the older attribute event.name.
func IsEvent(record plog.LogRecord) bool {
	_, ok := kindOf(record)
	return ok
}

func kindOf(record plog.LogRecord) (Kind, bool) {
	name := record.EventName()
	if name == "" {
		if v, ok := record.Attributes().Get("event.name"); ok {
			name = v.Str()
		}
	}
	text, ok := strings.CutPrefix(name, semconv.EventChange)
	if !ok {
		return "", false
	}
	kind, err := ParseKind(text)
	return kind, err == nil
}

type field struct {
	key   string
	value *string
}

// place are the attributes of what the change is about: those of the event's resource.
func (c *Change) place() []field {
	return []field{
		{semconv.ServiceName, &c.Service.Name}, {semconv.ServiceNamespace, &c.Namespace}, {semconv.Environment, &c.Environment},
		{semconv.ClusterName, &c.Cluster}, {semconv.CloudRegion, &c.Region}, {semconv.CloudAccount, &c.Account},
	}
}

// facts are the other attributes.
func (c *Change) facts() []field {
	return []field{
		{semconv.ChangeID, &c.ID}, {semconv.ChangeName, &c.Name}, {semconv.ChangePrevious, &c.Previous}, {semconv.ChangeValue, &c.Value},
		{semconv.ChangeStatus, &c.Status}, {semconv.ChangeSummary, &c.Summary}, {semconv.ChangeURL, &c.URL}, {semconv.UserName, &c.Actor},
		{semconv.ChangeVerdict, &c.Gate.Verdict}, {semconv.ChangeReason, &c.Gate.Reason}, {semconv.ChangeEvidence, &c.Gate.Evidence},
	}
}

// Attributes writes what tells the change into attributes, the kind included.
func (c *Change) Attributes(to pcommon.Map) {
	to.PutStr(semconv.ChangeKind, string(c.Kind))
	all := append(c.place(), c.facts()...)
	for _, one := range all {
		if *one.value != "" {
			to.PutStr(one.key, *one.value)
		}
	}
}

// Write makes the record say the change.
func (c *Change) Write(record plog.LogRecord) {
	record.SetEventName(c.Kind.EventName())
	record.SetTimestamp(pcommon.NewTimestampFromTime(c.Start))
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.SetSeverityText("INFO")
	record.Body().SetStr(c.Sentence())
	c.Attributes(record.Attributes())
	if !c.End.IsZero() {
		record.Attributes().PutStr(semconv.ChangeEndTime, c.End.UTC().Format(time.RFC3339Nano))
	}
	if c.Gate.Verdict != "" {
		record.Attributes().PutStr(semconv.ChangeVerdictTime, c.Gate.At.UTC().Format(time.RFC3339Nano))
	}
}

// Read is the way back. Attributes of the record come before those of its resource.
func Read(resource pcommon.Map, record plog.LogRecord) (*Change, error) {
	c := &Change{}
	kind, ok := kindOf(record)
	if !ok {
		return nil, fmt.Errorf("event name %.60q is no change; use %s and one of %q", record.EventName(), semconv.EventChange, Kinds)
	}
	c.Kind = kind
	var errs []error
	get := func(key string) string {
		v, ok := record.Attributes().Get(key)
		if !ok {
			v, ok = resource.Get(key)
		}
		if ok && v.Type() != pcommon.ValueTypeStr {
			errs = append(errs, fmt.Errorf("%s is %s; make it a string", key, v.Type()))
			return ""
		}
		if !ok {
			return ""
		}
		return v.Str()
	}
	for _, one := range append(c.place(), c.facts()...) {
		*one.value = get(one.key)
	}
	if c.Environment == "" {
		c.Environment = get(semconv.DeprecatedEnvironment)
	}
	at := record.Timestamp()
	if at == 0 {
		at = record.ObservedTimestamp()
	}
	if at != 0 {
		c.Start = at.AsTime()
	}
	for key, to := range map[string]*time.Time{semconv.ChangeEndTime: &c.End, semconv.ChangeVerdictTime: &c.Gate.At} {
		text := get(key)
		if text == "" {
			continue
		}
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is %.60q; write it as 2006-01-02T15:04:05Z", key, text))
		}
		*to = parsed
	}
	c.Bound()
	if c.Name == "" {
		errs = append(errs, fmt.Errorf("%s is missing; say what has changed", semconv.ChangeName))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Events are the log records of changes, each with what it is about as its resource.
func Events(changes []Change, scope pcommon.InstrumentationScope, now time.Time) plog.Logs {
	ld := plog.NewLogs()
	for i := range changes {
		c := &changes[i]
		rl := ld.ResourceLogs().AppendEmpty()
		for _, one := range c.place() {
			if *one.value != "" {
				rl.Resource().Attributes().PutStr(one.key, *one.value)
			}
		}
		sl := rl.ScopeLogs().AppendEmpty()
		scope.CopyTo(sl.Scope())
		record := sl.LogRecords().AppendEmpty()
		c.Write(record)
		record.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	}
	return ld
}
