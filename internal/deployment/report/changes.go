// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// mostChanges is how many changes one record may report.
const mostChanges = 50

// Changes are what a record reports besides deployments: of feature flags, configurations, infrastructure, and incidents. It is not ok
// if the record reports none, as most do; an error says which field of a report is wrong. sum makes the short name of a
// content that must not be shown.
func Changes(resource pcommon.Map, record plog.LogRecord, sum func([]byte) string) (changes []tracker.Report, ok bool, err error) {
	if change.IsEvent(record) {
		c, err := change.Read(resource, record)
		if err != nil {
			return nil, true, err
		}
		return []tracker.Report{{Change: *c}}, true, nil
	}
	body, ok := changeBody(record.Body())
	if !ok {
		return nil, false, nil
	}
	read, part := recognizeChange(body)
	if read == nil {
		return nil, false, nil
	}
	p := &changePayload{payload: payload{body: part, hints: pcommon.NewMap()}, watched: textAt(body, "type"), sum: sum}
	if !read(p) {
		return nil, false, nil
	}
	return p.finish(resource, record)
}

// changePayload is a body that reports changes, and what has been read of it.
type changePayload struct {
	payload
	watched string // the type of the watch that an object comes from
	sum     func([]byte) string
	found   []tracker.Report
}

func (p *changePayload) add(r tracker.Report) { p.found = append(p.found, r) }

// finish lets the record's attributes come before those of the body.
func (p *changePayload) finish(resource pcommon.Map, record plog.LogRecord) ([]tracker.Report, bool, error) {
	if err := errors.Join(p.errs...); err != nil {
		return nil, true, fmt.Errorf("%s: %w", p.kind, err)
	}
	attributes := pcommon.NewMap()
	copyOver(attributes, p.hints)
	copyOver(attributes, record.Attributes())
	fillEnvironment(attributes, resource)
	if len(p.found) > mostChanges {
		return nil, true, fmt.Errorf("%s: reports %d changes; send at most %d in a record", p.kind, len(p.found), mostChanges)
	}
	for i := range p.found {
		c := &p.found[i].Change
		for _, one := range [...]struct {
			key string
			to  *string
		}{
			{semconv.ServiceName, &c.Service.Name}, {semconv.ServiceNamespace, &c.Namespace}, {semconv.Environment, &c.Environment},
			{semconv.ClusterName, &c.Cluster}, {semconv.CloudRegion, &c.Region}, {semconv.CloudAccount, &c.Account},
		} {
			*one.to = cmp.Or(textAt(attributes, one.key), *one.to)
		}
		c.Cluster = cmp.Or(c.Cluster, textAt(resource, semconv.ClusterName))
		if at := timeOf(record); c.Start.IsZero() && at != 0 {
			c.Start = at.AsTime()
		}
		if c.Name == "" {
			return nil, true, fmt.Errorf("%s is missing; say what has changed", cmp.Or(p.named, p.kind))
		}
	}
	return p.found, len(p.found) > 0, nil
}

// changeBody is the body as a map, if it may report a change.
func changeBody(body pcommon.Value) (pcommon.Map, bool) {
	switch body.Type() {
	case pcommon.ValueTypeMap:
		return body.Map(), true
	case pcommon.ValueTypeStr:
		text := strings.TrimLeft(body.Str(), " \t\r\n")
		if !strings.HasPrefix(text, "{") || len(text) > maxBody || !mentionsChange(text) {
			return pcommon.Map{}, false
		}
		m, err := parse(text)
		return m, err == nil
	}
	return pcommon.Map{}, false
}

// mentionsChange looks for the words that every form has, so that other JSON is not parsed.
func mentionsChange(text string) bool {
	return slices.ContainsFunc(changeWords, func(word string) bool { return strings.Contains(text, word) })
}

var changeWords = []string{
	`"accesses"`, `"featureName"`, flagdChange, providerChange, cdIncident, cdEvents + "removed",
	`"ConfigMap"`, `"Secret"`, `"Node"`, `"Job"`, `"Application"`, rescaled, scaleUp, scaledUp, fluxGroup,
}

type changeReader func(*changePayload) bool

// recognizeChange finds the reader of a body, and the part of it that is the report.
func recognizeChange(body pcommon.Map) (changeReader, pcommon.Map) {
	if v, ok := body.Get("object"); ok && v.Type() == pcommon.ValueTypeMap {
		return changeReaderOfObject(v.Map()), v.Map()
	}
	if read := changeReaderOfObject(body); read != nil {
		return read, body
	}
	kind := textAt(body, "type")
	switch {
	case kind == flagdChange, kind == providerChange:
		return readFlagd, body
	case strings.HasPrefix(textAt(body, "context", "type"), cdPrefix):
		return readCDChange, body
	case strings.HasPrefix(kind, cdPrefix):
		if data, ok := body.Get("data"); ok && data.Type() == pcommon.ValueTypeMap {
			return readCDChange, data.Map()
		}
	}
	if _, ok := body.Get("featureName"); ok && kind != "" {
		return readUnleash, body
	}
	if v, ok := body.Get("accesses"); ok && v.Type() == pcommon.ValueTypeSlice && textAt(body, "kind") == "flag" {
		return readLaunchDarkly, body
	}
	return nil, body
}

func changeReaderOfObject(object pcommon.Map) changeReader {
	version := textAt(object, "apiVersion")
	switch kind := textAt(object, "kind"); {
	case version == "v1" && (kind == "ConfigMap" || kind == "Secret"):
		return readContent
	case version == "v1" && kind == "Node":
		return readNode
	case strings.HasPrefix(version, "batch/") && kind == "Job":
		return readJob
	case strings.HasPrefix(version, "argoproj.io/") && kind == "Application":
		return readApplication
	}
	switch textAt(object, "reason") {
	case rescaled, scaleUp, scaledUp:
		return readScaling
	case fluxSynced:
		return readSync
	}
	return nil
}

// cdPrefix begins the types of all CDEvents, cdIncident those about incidents.
const (
	cdPrefix   = "dev.cdevents."
	cdIncident = cdPrefix + "incident."
)

// readCDChange reads the CDEvents incident.detected, .reported and .resolved, and service.removed.
func readCDChange(p *changePayload) bool {
	kind := p.text("context", "type")
	p.kind = fmt.Sprintf("CDEvent %.60q", kind)
	subject, rest, _ := strings.Cut(strings.TrimPrefix(kind, cdPrefix), ".")
	predicate, _, _ := strings.Cut(rest, ".")
	at := p.time(time.RFC3339, "context", "timestamp")
	id := p.text("subject", "id")
	last := id[strings.LastIndexByte(id, '/')+1:]
	p.named = "subject.id"
	r := tracker.Report{Change: change.Change{Name: last, Start: at}}
	r.Environment = p.text("subject", "content", "environment", "id")
	switch {
	case subject == "incident":
		r.Kind = change.Incident
		if last != "" {
			r.ID = "incident-" + last
		}
		service := p.text("subject", "content", "service", "id")
		r.Service.Name = service[strings.LastIndexByte(service, '/')+1:]
		r.Summary, r.URL = p.text("subject", "content", "description"), p.text("subject", "content", "ticketURI")
		switch predicate {
		case "detected", "reported":
			r.Status = change.Started
		case "resolved":
			r.Status, r.End = change.Resolved, at
		default:
			return false
		}
	case subject == "service" && predicate == "removed":
		r.Kind, r.Service.Name, r.Value = change.Business, last, "removed"
		r.Name = "service " + last
		if last == "" {
			r.Name = ""
		}
	default:
		return false
	}
	p.add(r)
	return true
}
