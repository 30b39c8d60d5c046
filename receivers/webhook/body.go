// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/url"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxEvents are in a body that has a list of them.
const maxEvents = 1000

// What is wrong with a body, for its sender.
const (
	noJSON     = "The body is not a JSON object, nor a list of them. Choose JSON as the content type of the webhook."
	tooMany    = "The body has more than 1000 events. Send fewer at a time."
	tooLong    = "The body is too long. max_request_body_size sets how long it may be."
	unreadable = "The body cannot be read."
)

// events are the JSON objects in a body: one, those of a list, or that in the field payload of a form, as GitHub sends it if nothing else is chosen.
func events(contentType string, body []byte) (all []json.RawMessage, problem string) {
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, noJSON
		}
		body = []byte(form.Get("payload"))
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if !json.Valid(body) {
		return nil, noJSON
	}
	all = []json.RawMessage{body}
	if body[0] == '[' {
		all = nil
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, noJSON
		}
	}
	if len(all) > maxEvents {
		return nil, tooMany
	}
	for _, one := range all {
		if one[0] != '{' {
			return nil, noJSON
		}
	}
	return all, ""
}

// records makes log records of events. The name of their source is webhook.source.
func records(source string, all []json.RawMessage, scope pcommon.InstrumentationScope, now time.Time) plog.Logs {
	logs := plog.NewLogs()
	in := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.CopyTo(in.Scope())
	for _, one := range all {
		r := in.LogRecords().AppendEmpty()
		r.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
		r.Body().SetStr(string(one))
		r.Attributes().PutStr("webhook.source", source)
	}
	return logs
}
