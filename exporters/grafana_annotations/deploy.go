// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// readDeployment reads the record, to the millisecond, which is what Grafana keeps. Without deployment.id it
// has one made from service, environment, version and start, so that the record sent again means the same deployment.
func readDeployment(resource pcommon.Map, record plog.LogRecord) (*deployment.Deployment, error) {
	d, err := deployment.Read(resource, record)
	if err != nil {
		return nil, err
	}
	if d.Start.IsZero() {
		return nil, errors.New("timestamp is missing; set it, or " + semconv.DeploymentStartTime)
	}
	d.Start, d.End = d.Start.Truncate(time.Millisecond), d.End.Truncate(time.Millisecond)
	if d.Status.Over() && d.End.IsZero() {
		d.End = d.Start
	}
	if !d.End.IsZero() && d.End.Before(d.Start) { // clocks differ
		d.Start = d.End
	}
	for _, at := range []time.Time{d.Start, d.End} {
		if !at.IsZero() && !plausible(at) {
			return nil, fmt.Errorf("timestamp or %s is in the year %d; set the present time", semconv.DeploymentStartTime, at.Year())
		}
	}
	for _, address := range []*string{&d.Repository, &d.Compare, &d.RunURL} {
		*address = withoutUser(*address)
	}
	if d.ID == "" {
		d.ID = deployment.NewID(d.Service, d.Version, int(d.Start.UnixMilli()))
	}
	return d, nil
}

// plausible reports whether a time can be shown: at 0 Grafana would put in the present one.
func plausible(at time.Time) bool { return at.Year() >= 2000 && at.Year() < 2200 }

// ofDeployment is the annotation that says what the record says, and what the present one says already.
func ofDeployment(d *deployment.Deployment, present *annotation, config *Config) *annotation {
	if present != nil {
		merged := merge(recall(present), d)
		d = &merged
	}
	end := d.Start
	if d.Status.Over() {
		end = d.End
	}
	record := plog.NewLogRecord()
	d.Write(record, end)
	return &annotation{
		Time:    d.Start.UnixMilli(),
		TimeEnd: end.UnixMilli(),
		Tags:    deploymentTags(d, config.Tags),
		Text:    deploymentText(d, &config.Links),
		Data:    record.Attributes().AsRaw(),
	}
}

// merge is what two reports of a deployment say together, whichever came first. The start is the earliest one, the end
// the latest. A status does not go back: the later stage wins, of two final ones the one with
// the later end. Its report is believed where both know something.
func merge(a, b *deployment.Deployment) deployment.Deployment {
	if ahead(b, a) {
		a, b = b, a
	}
	m := *a
	m.Merge(b)
	m.ID, m.Version = cmp.Or(a.ID, b.ID), cmp.Or(a.Version, b.Version)
	m.Name, m.Namespace = cmp.Or(a.Name, b.Name), cmp.Or(a.Namespace, b.Namespace)
	m.Environment = cmp.Or(a.Environment, b.Environment)
	if b.Start.Before(m.Start) {
		m.Start = b.Start
	}
	return m
}

// ahead reports whether a is further than b.
func ahead(a, b *deployment.Deployment) bool {
	if a.Status.Over() && b.Status.Over() && !a.End.Equal(b.End) {
		return a.End.After(b.End)
	}
	return rank[a.Status] >= rank[b.Status]
}

// rank orders what is reported of one moment: of two ends the worse one.
var rank = map[deployment.Status]int{
	deployment.Started: 1, deployment.Canary: 2, deployment.Completed: 3, deployment.RolledBack: 4, deployment.Failed: 5,
}

// recall is what is known of a deployment from its annotation: status from the tag, times from its own, the rest from
// its data. So the merge needs no memory that a restart could lose. Data that cannot be read, as
// when somebody else wrote the annotation, says nothing.
func recall(a *annotation) *deployment.Deployment {
	d := &deployment.Deployment{}
	attributes := pcommon.NewMap()
	if attributes.FromRaw(a.Data) == nil {
		record := plog.NewLogRecord()
		attributes.CopyTo(record.Attributes())
		if known, err := deployment.Read(pcommon.NewMap(), record); err == nil {
			d = known
		}
	}
	d.Status = deployment.Started
	for _, tag := range a.Tags {
		if name, ok := strings.CutPrefix(tag, keyStatus+":"); ok {
			if status, err := deployment.ParseStatus(name); err == nil {
				d.Status = status
			}
		}
	}
	d.Start, d.End = time.UnixMilli(a.Time).UTC(), time.Time{}
	if d.Status.Over() {
		d.End = time.UnixMilli(max(a.Time, a.TimeEnd)).UTC()
	}
	return d
}
