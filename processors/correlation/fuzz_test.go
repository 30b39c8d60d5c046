// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// What the scanner says of JSON that is right is what encoding/json says.
func FuzzMembers(f *testing.F) {
	for _, line := range realLines {
		if text, ok := line.body.(string); ok {
			f.Add(text)
		}
	}
	f.Add(`{"a":{"b":{"c":[1,2,{"d":"}"}]}},"e":"\"f\":"}`)
	f.Add(`{"a":{"b":"c"`)
	f.Add(`{"a":` + strings.Repeat("[", 1000))
	f.Fuzz(func(t *testing.T, text string) {
		got := make(map[string]string)
		if m, ok := readMembers(text); ok {
			n := 0
			for {
				one, ok := m.next()
				if !ok {
					break
				}
				if n++; n > maxMembers {
					t.Fatalf("%d members", n)
				}
				if !one.element {
					got[strings.Join(m.path.all(), "\x00")+"\x00"+one.key] = one.value
				}
			}
		}
		var want map[string]json.RawMessage
		if strings.ContainsAny(text, `\`) || json.Unmarshal([]byte(text), &want) != nil || strings.Count(text, `"`) > 200 {
			return // not right, or with escapes, which the scanner leaves as they are, or long
		}
		check := func(outer, key string, raw json.RawMessage) {
			value := strings.Trim(string(raw), `"`)
			if have, ok := got[outer+"\x00"+key]; raw[0] != '[' && raw[0] != '{' && (!ok || have != value) && strings.ToValidUTF8(text, "") == text {
				t.Fatalf("%q: %q.%q is %q, want %q", text, outer, key, have, value)
			}
		}
		for key, raw := range want {
			var inner map[string]json.RawMessage
			if raw[0] != '{' || json.Unmarshal(raw, &inner) != nil {
				check("", key, raw)
				continue
			}
			if strings.Count(text, `"`+key+`"`) > 1 {
				continue // the last of two by one name counts for encoding/json, with all that is in it
			}
			for name, raw := range inner {
				check(key, name, raw)
			}
		}
	})
}

// Keys come in order, each from where the last value ended, and values without what ends a value.
func FuzzFields(f *testing.F) {
	for _, line := range realLines {
		if text, ok := line.body.(string); ok {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, last := fields{text: text}, -1
		for {
			key, ok := all.next()
			if !ok {
				break
			}
			if all.start <= last || len(key) > longestKey || !strings.Contains(text, key) {
				t.Fatalf("%q: %q", text, key)
			}
			last = all.start
			if key == "" {
				if object := all.object(); !strings.HasPrefix(object, "{") || !strings.Contains(text, object) {
					t.Fatalf("%q: %q", text, object)
				}
			} else if len(key)%2 == 0 {
				if value, _ := all.value(); !strings.Contains(text, value) {
					t.Fatalf("%q: %q=%q", text, key, value)
				}
			}
		}
		for name, find := range places {
			if id := find(text); id != "" && !strings.Contains(text, id) {
				t.Fatalf("%q: %s found %q", text, name, id)
			}
		}
		_ = unwrapped(text)
		_ = unescaped(text)
	})
}

// Whatever a span or a log record holds, what is written is a clean ID, and a second run changes nothing.
func FuzzItem(f *testing.F) {
	for _, line := range realLines {
		if text, ok := line.body.(string); ok {
			f.Add(text, "correlation.id=a%2Db", "ot=th:c,correlation=x")
		}
	}
	c := coreOf(f, func(c *Config) { c.MaxEntries = 128 })
	f.Fuzz(func(t *testing.T, text, baggage, state string) {
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(trace1)
		span.Attributes().PutStr("correlation.id", text)
		span.Attributes().PutStr("baggage", baggage)
		span.TraceState().FromRaw(state)
		ld := plog.NewLogs()
		record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.Body().SetStr(text)
		record.Attributes().PutStr("http.request.header.baggage", baggage)
		for range 2 {
			_, err := c.traces(context.Background(), td)
			require.NoError(t, err)
			_, err = c.logs(context.Background(), ld)
			require.NoError(t, err)
			id := idOf(span.Attributes())
			require.NotEmpty(t, id)
			for _, id := range []string{id, idOf(record.Attributes())} {
				require.True(t, isSafe(id) && len(id) <= 128, "%q", id)
			}
		}
	})
}
