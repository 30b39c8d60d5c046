// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxValue is the length of a value in bytes; what is longer is cut.
const maxValue = 512

// EventName is the record's.
func (s Status) EventName() string { return semconv.EventDeployment + string(s) }

// IsEvent reports whether the record says how far a deployment has come, by its event name or the older attribute event.name.
func IsEvent(record plog.LogRecord) bool {
	status, ok := eventStatus(record)
	return ok && status != Verified
}

func eventStatus(record plog.LogRecord) (Status, bool) {
	name := record.EventName()
	if name == "" {
		if v, ok := record.Attributes().Get("event.name"); ok {
			name = v.Str()
		}
	}
	for _, s := range Statuses {
		if name == s.EventName() {
			return s, true
		}
	}
	if name == Verified.EventName() {
		return Verified, true
	}
	return "", false
}

// texts are the attributes that are plain text.
func (d *Deployment) texts() [20]struct {
	key   string
	value *string
} {
	return [...]struct {
		key   string
		value *string
	}{
		{semconv.ServiceName, &d.Name}, {semconv.ServiceNamespace, &d.Namespace}, {semconv.Environment, &d.Environment},
		{semconv.ClusterName, &d.Cluster}, {semconv.CloudRegion, &d.Region}, {semconv.CloudAccount, &d.Account},
		{semconv.ServiceVersion, &d.Version}, {semconv.DeploymentPreviousVersion, &d.Previous}, {semconv.DeploymentID, &d.ID},
		{semconv.Revision, &d.Revision}, {semconv.Branch, &d.Branch}, {semconv.Repository, &d.Repository},
		{semconv.DeploymentCompareURL, &d.Compare}, {semconv.Change, &d.Change}, {semconv.Pipeline, &d.Pipeline},
		{semconv.PipelineRun, &d.RunID}, {semconv.PipelineURL, &d.RunURL}, {semconv.UserName, &d.Actor},
		{semconv.DeploymentConfiguration, &d.Configuration}, {semconv.DeploymentTickets, &d.Tickets},
	}
}

// times are the attributes that are points in time.
func (d *Deployment) times() [2]struct {
	key   string
	value *time.Time
} {
	return [...]struct {
		key   string
		value *time.Time
	}{{semconv.DeploymentStartTime, &d.Start}, {semconv.DeploymentCommitTime, &d.Committed}}
}

// Write makes the record say the state of the deployment at the time.
func (d *Deployment) Write(record plog.LogRecord, at time.Time) {
	record.SetEventName(d.Status.EventName())
	record.SetTimestamp(pcommon.NewTimestampFromTime(at))
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.SetSeverityText("INFO")
	record.Body().SetStr(d.sentence())
	m := record.Attributes()
	for _, text := range d.texts() {
		if *text.value != "" {
			m.PutStr(text.key, *text.value)
		}
	}
	status := string(d.Status)
	if d.Status == Completed {
		status = "succeeded" // as the semantic conventions have it
	}
	if d.Status != Verified {
		m.PutStr(semconv.DeploymentStatus, status)
	}
	if d.Rollback {
		m.PutBool(semconv.DeploymentRollback, true)
	}
	if d.Adoption > 0 {
		m.PutInt(semconv.DeploymentAdoption, int64(d.Adoption))
	}
	d.Effect.write(m)
	d.Gate.write(m)
	for _, t := range d.times() {
		if !t.value.IsZero() {
			m.PutStr(t.key, t.value.UTC().Format(time.RFC3339Nano))
		}
	}
}

// sentence is what a person reads in the log.
func (d *Deployment) sentence() string {
	what := "deployment of " + d.String() + " " + d.Version
	switch d.Status {
	case Started:
		what += " has started"
	case Canary:
		what += " is a canary"
	case Completed:
		what += " is complete"
	case RolledBack:
		what += " is rolled back"
	case Failed:
		what += " has failed"
	}
	if d.Adoption > 0 {
		what += fmt.Sprintf(" and has %d %% of the traffic", d.Adoption)
	}
	if d.Previous != "" {
		what += " (before: " + d.Previous + ")"
	}
	if effect := d.Effect.String(); effect != "" {
		what += ": " + effect
	}
	if gate := d.Gate.String(); gate != "" {
		what += "; " + gate
	}
	return what
}

// Read is the way back. Attributes of the record come before those of its resource; the status is the event's
// name or else deployment.status. What is not text, or has control characters, is an error
// that names the attribute; what is too long is cut.
func Read(resource pcommon.Map, record plog.LogRecord) (*Deployment, error) {
	d := &Deployment{}
	get := func(key string) (string, error) {
		v, ok := record.Attributes().Get(key)
		if !ok {
			v, ok = resource.Get(key)
		}
		if !ok {
			return "", nil
		}
		if v.Type() != pcommon.ValueTypeStr {
			return "", fmt.Errorf("%s is %s; make it a string", key, v.Type())
		}
		return clean(key, v.Str())
	}
	var errs []error
	for _, text := range d.texts() {
		value, err := get(text.key)
		*text.value = value
		errs = append(errs, err)
	}
	if v, ok := record.Attributes().Get(semconv.DeploymentRollback); ok {
		d.Rollback = v.Bool()
	}
	if v, ok := record.Attributes().Get(semconv.DeploymentAdoption); ok {
		d.Adoption = int(min(max(v.Int(), 0), 100))
	}
	errs = append(errs, d.Effect.read(record.Attributes(), get), d.Gate.read(get))
	status, ok := eventStatus(record)
	if !ok {
		text, err := get(semconv.DeploymentStatus)
		if err == nil {
			status, err = ParseStatus(text)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", semconv.DeploymentStatus, err)
		}
		errs = append(errs, err)
	}
	d.Status = status
	if d.Status == Verified && d.Gate.Verdict == "" {
		errs = append(errs, fmt.Errorf("%s is missing; use one of %q", semconv.DeploymentGateVerdict, GateVerdicts))
	}
	if d.Name == "" {
		errs = append(errs, fmt.Errorf("%s is missing; say what is deployed", semconv.ServiceName))
	}
	at := record.Timestamp()
	if at == 0 {
		at = record.ObservedTimestamp()
	}
	if at != 0 {
		d.Start = at.AsTime()
		if status.Over() {
			d.End = d.Start
		}
	}
	for _, t := range d.times() {
		text, err := get(t.key)
		errs = append(errs, err)
		if text == "" {
			continue
		}
		if *t.value, err = time.Parse(time.RFC3339Nano, text); err != nil {
			errs = append(errs, fmt.Errorf("%s is %.60q; write it as 2006-01-02T15:04:05Z", t.key, text))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

func clean(key, text string) (string, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", fmt.Errorf("%s is %.60q; leave out control characters", key, text)
	}
	return strings.Clone(cut(strings.TrimSpace(text), maxValue)), nil
}

// cut is at most so many bytes of a text, of whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
