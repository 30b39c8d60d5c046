// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func only(sources ...Source) func(*Config) {
	return func(c *Config) { c.Sources, c.Generate = sources, generateNone }
}

func TestSpanSources(t *testing.T) {
	type attributes = map[string]any
	for name, test := range map[string]struct {
		resource attributes
		span     spanOf
		change   func(*Config)
		want     any
	}{
		"there":                      {span: spanOf{attributes: attributes{"correlation.id": "a1b2c3d4"}}, want: "a1b2c3d4"},
		"a header":                   {span: spanOf{attributes: attributes{"http.request.header.x-request-id": "a1b2c3d4"}}, want: "a1b2c3d4"},
		"a header's array":           {span: spanOf{attributes: attributes{"http.request.header.x-correlation-id": []any{"", "a1b2c3d4", "a2b3c4d5"}}}, want: "a1b2c3d4"},
		"the better header":          {span: spanOf{attributes: attributes{"http.request.header.x-request-id": "a2b3c4d5", "http.request.header.x-correlation-id": "a1b2c3d4"}}, want: "a1b2c3d4"},
		"the valid header":           {span: spanOf{attributes: attributes{"http.request.header.x-request-id": "a2b3c4d5", "http.request.header.x-correlation-id": "<b>"}}, want: "a2b3c4d5"},
		"a message":                  {span: spanOf{attributes: attributes{"messaging.message.conversation_id": "a1b2c3d4"}}, want: "a1b2c3d4"},
		"a number":                   {span: spanOf{attributes: attributes{"messaging.message.conversation_id": 700000000042}}, want: "700000000042"},
		"a small number":             {span: spanOf{attributes: attributes{"messaging.message.conversation_id": 42}}},
		"no session":                 {span: spanOf{attributes: attributes{"session.id": "a1b2c3d4"}}},
		"a session, if wanted":       {span: spanOf{attributes: attributes{"session.id": "a1b2c3d4"}}, change: only(Source{Attribute: "session.id"}), want: "a1b2c3d4"},
		"baggage":                    {span: spanOf{attributes: attributes{"baggage": "x=y, correlation.id = a%2D1b2c3d4;ttl=1,z=1"}}, want: "a-1b2c3d4"},
		"a baggage header":           {span: spanOf{attributes: attributes{"http.request.header.baggage": []any{"x=y", "correlation.id=a1b2c3d4"}}}, want: "a1b2c3d4"},
		"baggage that lies":          {span: spanOf{attributes: attributes{"baggage": "correlation.id=%0A%0d<,correlation.id=%zz"}}},
		"tracestate":                 {span: spanOf{state: "ot=th:c,correlation=a1b2c3d4"}, want: "a1b2c3d4"},
		"the resource":               {resource: attributes{"correlation.id": "a1b2c3d4"}, want: "a1b2c3d4"},
		"better than the resource":   {resource: attributes{"correlation.id": "a2b3c4d5"}, span: spanOf{attributes: attributes{"http.request.header.x-request-id": "a1b2c3d4"}}, want: "a1b2c3d4"},
		"the resource, if better":    {resource: attributes{"job": "a1b2c3d4"}, span: spanOf{attributes: attributes{"x": "a2b3c4d5"}}, change: only(Source{Resource: "job"}, Source{Attribute: "x"}), want: "a1b2c3d4"},
		"an expression":              {span: spanOf{attributes: attributes{"url.path": "/orders/a1b2c3d4"}}, change: only(Source{OTTL: `Split(attributes["url.path"], "/")[2]`}), want: "a1b2c3d4"},
		"an expression that fails":   {span: spanOf{attributes: attributes{"url.path": "/"}}, change: only(Source{OTTL: `Split(attributes["url.path"], "/")[2]`})},
		"an expression for logs":     {change: only(Source{OTTL: `log.body`})},
		"hostile and removed":        {span: spanOf{attributes: attributes{"correlation.id": "a\nb"}}, change: only()},
		"hostile and hashed":         {span: spanOf{attributes: attributes{"correlation.id": "jane doe"}}, change: func(c *Config) { c.OnInvalid = invalidHash }, want: "ed37d99b1445238af3386f81a77a2caf"},
		"trimmed":                    {span: spanOf{attributes: attributes{"correlation.id": " a1b2c3d4 "}}, want: "a1b2c3d4"},
		"an array at the attribute":  {span: spanOf{attributes: attributes{"correlation.id": []any{"a1b2c3d4"}}}, want: "a1b2c3d4"},
		"something else there":       {span: spanOf{attributes: attributes{"correlation.id": map[string]any{"a": "b"}}}, change: only()},
		"generated":                  {span: spanOf{trace: trace1}, want: "4bf92f35000000000000000000000001"},
		"none to be generated":       {span: spanOf{trace: trace1}, change: only()},
		"no trace to be joined by":   {},
		"generated in a 2nd process": {span: spanOf{trace: trace1, attributes: attributes{"correlation.id": "4bf92f35000000000000000000000001"}}, want: "4bf92f35000000000000000000000001"},
	} {
		t.Run(name, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*Config) {}
			}
			out := coreOf(t, change).through(t, test.resource, test.span)
			require.Equal(t, test.want, out[0]["correlation.id"])
		})
	}
}

func TestDestination(t *testing.T) {
	c := coreOf(t, func(c *Config) { c.Attribute = "request.id" })
	out := c.through(t, nil,
		spanOf{trace: trace1, attributes: map[string]any{"correlation.id": "a1b2c3d4"}},
		spanOf{trace: trace2, attributes: map[string]any{"correlation.id": "a2b3c4d5", "request.id": "a3b4c5d6"}})
	require.Equal(t, "a1b2c3d4", out[0]["request.id"])
	require.Equal(t, "a3b4c5d6", out[1]["request.id"], "what is there is read first")
}

func TestUUIDv7(t *testing.T) {
	c := coreOf(t, func(c *Config) { c.Generate = generateUUIDv7 })
	out := c.through(t, nil, spanOf{trace: trace1}, spanOf{trace: trace1}, spanOf{trace: trace2})
	id := out[0]["correlation.id"].(string)
	require.True(t, isUUID(id))
	require.Equal(t, byte('7'), id[14])
	require.Equal(t, id, out[1]["correlation.id"], "one a trace")
	require.NotEqual(t, id, out[2]["correlation.id"])
	out = c.through(t, nil, spanOf{trace: trace1, attributes: map[string]any{"correlation.id": "a1b2c3d4"}}, spanOf{trace: trace1})
	require.Equal(t, "a1b2c3d4", out[1]["correlation.id"], "a true one takes its place")
	require.NotContains(t, out[0], semconv.CorrelationConflict)
}

func TestBodySources(t *testing.T) {
	for name, test := range map[string]struct {
		body   any
		change func(*Config)
		want   string
	}{
		"a map":                 {body: map[string]any{"requestId": "a1b2c3d4"}, want: "a1b2c3d4"},
		"a map in a map":        {body: map[string]any{"mdc": map[string]any{"X-Request-ID": "a1b2c3d4"}}, want: "a1b2c3d4"},
		"not anywhere":          {body: map[string]any{"upstream": map[string]any{"request_id": "a1b2c3d4"}}},
		"a path":                {body: map[string]any{"http": map[string]any{"request": "a1b2c3d4"}}, change: only(Source{Body: "http.request"}), want: "a1b2c3d4"},
		"the better key":        {body: `{"request_id":"a2b3c4d5","correlationId":"a1b2c3d4"}`, want: "a1b2c3d4"},
		"an array":              {body: map[string]any{"request_id": []any{"a1b2c3d4"}}, want: "a1b2c3d4"},
		"JSON with spaces":      {body: " {\n\"a\" : [1,{\"request_id\":\"no\"}], \"request_id\" : \"a1b2c3d4\" }", want: "a1b2c3d4"},
		"a JSON number":         {body: `{"request_id": 700000000042}`, want: "700000000042"},
		"a small JSON number":   {body: `{"request_id": 42}`},
		"JSON true":             {body: `{"request_id": true}`},
		"JSON null":             {body: `{"request_id": null}`},
		"JSON escapes":          {body: `{"request_id": "a\u000ab"}`},
		"a key in a value":      {body: `{"message": "\"request_id\":\"a1b2c3d4\""}`},
		"JSON that is cut":      {body: `{"request_id": "a1b2c3d4`},
		"JSON past the bound":   {body: `{"m":"` + strings.Repeat("x", 9000) + `","request_id":"a1b2c3d4"}`},
		"logfmt, then a text":   {body: `level=info request_id=a1b2c3d4: no such order`, want: "a1b2c3d4"},
		"logfmt":                {body: `level=info request_id=a1b2c3d4 msg="request_id=a2b3c4d5"`, want: "a1b2c3d4"},
		"quoted":                {body: `level=info request-id="a1b2c3d4"`, want: "a1b2c3d4"},
		"brackets":              {body: `INFO [RequestId: a1b2c3d4] ok`, want: "a1b2c3d4"},
		"not a part of a key":   {body: `parent_request_id=a1b2c3d4 request_id_count=3`},
		"after a level":         {body: `ERROR: request_id=a1b2c3d4`, want: "a1b2c3d4"},
		"in a URL":              {body: `GET url=/a?request_id=a1b2c3d4&x=y`},
		"an open quote":         {body: `request_id="a1b2c3d4`},
		"an overlong key":       {body: `{"` + strings.Repeat("x", 65) + `":{"request_id":"a1b2c3d4"}}`},
		"nothing":               {body: `request_id= x`},
		"Rails":                 {body: `[` + requestID + `] Started GET "/"`, want: requestID},
		"a quoted UUID":         {body: `"curl" "` + requestID + `" "host"`, change: only(Source{Text: textQuotedUUID}), want: requestID},
		"not by default":        {body: `"curl" "` + requestID + `" "host"`},
		"an RE2 expression":     {body: `order A-17 paid`, change: only(Source{Regex: `order ([A-Z]-\d+)`}), want: "A-17"},
		"a group without match": {body: `order`, change: only(Source{Regex: `order( x)?`})},
		"an expression":         {body: `order A-17`, change: only(Source{OTTL: `ExtractPatterns(body, "(?P<id>A-\\d+)")["id"]`}), want: "A-17"},
		"text that is cut":      {body: strings.Repeat("x", 8178) + ` request_id=abcdef`},
		"text before the cut":   {body: `request_id=abc1def2 ` + strings.Repeat("x", 9000), want: "abc1def2"},
		"text past the bound":   {body: strings.Repeat("x", 9000) + ` request_id=a1b2c3d4`},
	} {
		t.Run(name, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*Config) {}
			}
			records := coreOf(t, change).logged(t, logOf{body: test.body})
			assert.Equal(t, test.want, idOf(records.At(0).Attributes()))
		})
	}
}
