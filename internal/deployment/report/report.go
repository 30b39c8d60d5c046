// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package report reads deployments out of log records that others wrote: pipelines, Kubernetes, Flux, webhooks.
//
// What a record's attributes say comes before what its body says, so that a service that forwards a payload can
// name the service and the environment as their telemetry does.
package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Read makes a deployment of a record that reports one. It is not ok if the record reports none, as most do;
// an error says which field of a report is wrong. What is not known stays empty, except for the service.
func Read(resource pcommon.Map, record plog.LogRecord) (d *deployment.Deployment, ok bool, err error) {
	status, ok, err := statusOf(record)
	if err != nil {
		return nil, true, err
	}
	if ok {
		d, err = readAttributes(resource, record, status)
		return d, true, err
	}
	body, ok, err := object(record.Body())
	if !ok || err != nil {
		return nil, ok, err
	}
	read, body := recognize(body)
	if read == nil {
		return nil, false, nil
	}
	p := &payload{body: body, hints: pcommon.NewMap()}
	if !read(p) {
		return nil, false, nil
	}
	d, err = p.deployment(resource, record)
	return d, true, err
}

// readAttributes reads a record that has all in its attributes, and those of its resource.
func readAttributes(resource pcommon.Map, record plog.LogRecord, status deployment.Status) (*deployment.Deployment, error) {
	said := plog.NewLogRecord()
	said.SetTimestamp(timeOf(record))
	said.SetEventName(status.EventName())
	attributes := said.Attributes()
	if v, ok := record.Attributes().Get(semconv.DeprecatedEnvironment); ok {
		v.CopyTo(attributes.PutEmpty(semconv.Environment))
	}
	copyOver(attributes, record.Attributes())
	fillEnvironment(attributes, resource)
	return deployment.Read(resource, said)
}

// copyOver copies the attributes, over those that are there.
func copyOver(to, from pcommon.Map) {
	for key, v := range from.All() {
		v.CopyTo(to.PutEmpty(key))
	}
}

// fillEnvironment takes the environment of the resource if none is known: a collector stamps its own on all it sends.
func fillEnvironment(attributes, resource pcommon.Map) {
	if _, ok := attributes.Get(semconv.Environment); ok {
		return
	}
	for _, key := range []string{semconv.Environment, semconv.DeprecatedEnvironment} {
		if v, ok := resource.Get(key); ok {
			v.CopyTo(attributes.PutEmpty(semconv.Environment))
			return
		}
	}
}

func timeOf(record plog.LogRecord) pcommon.Timestamp {
	if t := record.Timestamp(); t != 0 {
		return t
	}
	return record.ObservedTimestamp()
}

// A payload is a body that reports a deployment, and what has been read of it.
type payload struct {
	kind  string // for errors
	named string // path of the service's name, for errors
	body  pcommon.Map
	said  deployment.Deployment
	at    time.Time
	// hints are attributes that the payload itself names; they come before what is inferred from the rest of it.
	hints pcommon.Map
	errs  []error
}

// deployment is what was said, under the attributes of the record.
func (p *payload) deployment(resource pcommon.Map, record plog.LogRecord) (d *deployment.Deployment, err error) {
	said := plog.NewLogRecord()
	p.said.Write(said, p.at)
	if p.at.IsZero() {
		said.SetTimestamp(timeOf(record))
	}
	copyOver(said.Attributes(), p.hints)
	copyOver(said.Attributes(), record.Attributes())
	fillEnvironment(said.Attributes(), resource)
	if _, ok := said.Attributes().Get(semconv.ServiceName); !ok {
		p.errs = append(p.errs, fmt.Errorf("%s is missing; say what is deployed", p.named))
	}
	err = errors.Join(p.errs...)
	if err == nil {
		d, err = deployment.Read(pcommon.NewMap(), said)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.kind, err)
	}
	return d, nil
}

// text is the text or number at the path; "" if there is none.
func (p *payload) text(path ...string) string {
	v, ok := at(p.body, path...)
	if !ok {
		return ""
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return strings.TrimSpace(v.Str())
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble:
		return v.AsString()
	case pcommon.ValueTypeEmpty:
		return ""
	}
	p.errs = append(p.errs, fmt.Errorf("%s is %s; make it a string", strings.Join(path, "."), v.Type()))
	return ""
}

// time is the time at the path; zero if there is none.
func (p *payload) time(layout string, path ...string) time.Time {
	text := p.text(path...)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s is %.60q; write it as %s", strings.Join(path, "."), text, layout))
	}
	return t
}

// status reads the text at the path: as deployment.ParseStatus does, except that none of the others is a report.
func (p *payload) status(none []string, path ...string) bool {
	text := p.text(path...)
	if slices.Contains(none, text) {
		return false
	}
	status, err := deployment.ParseStatus(text)
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", strings.Join(path, "."), err))
	}
	p.said.Status = status
	return true
}

// at is the value at the path.
func at(m pcommon.Map, path ...string) (pcommon.Value, bool) {
	last := len(path) - 1
	for _, key := range path[:last] {
		v, ok := m.Get(key)
		if !ok || v.Type() != pcommon.ValueTypeMap {
			return pcommon.Value{}, false
		}
		m = v.Map()
	}
	return m.Get(path[last])
}

// textAt is the text at the path; "" if there is none, or something else.
func textAt(m pcommon.Map, path ...string) string {
	if v, ok := at(m, path...); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}
