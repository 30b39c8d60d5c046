// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
)

// happened is a record of the event a number of seconds after noon.
func happened(name string, second int, attributes map[string]any) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "checkout")
	rl.Resource().Attributes().PutStr("deployment.environment.name", "production")
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(pcommon.NewTimestampFromTime(noon.Add(time.Duration(second) * time.Second)))
	if err := record.Attributes().FromRaw(attributes); err != nil {
		panic(err)
	}
	return logs
}

func TestEvents(t *testing.T) {
	grafana := grafanatest.New(token)
	config := configFor(serve(t, grafana))
	config.Tags = []string{"cluster:eu-1"}
	config.Events = []Event{
		{Condition: `ToKeyValueString(attributes["x"]) == "fails on most"`},
		{Condition: `event_name == "feature_flag.changed"`, Tags: []string{"feature_flag"},
			Text: `Concat([attributes["feature_flag.key"], attributes["to"]], " is ")`},
		{Condition: `IsMatch(event_name, "^incident\\.")`},
		{Condition: `event_name == "number"`, Text: `attributes["n"]`},
	}
	e, log := started(t, config)
	push := func(logs plog.Logs) {
		logs.MarkReadOnly()
		require.NoError(t, e.push(t.Context(), logs))
	}
	for range 2 { // everything comes twice
		push(happened("feature_flag.changed", 1, map[string]any{"feature_flag.key": "<dark>", "to": "on"}))
		push(happened("feature_flag.changed", 2, map[string]any{"feature_flag.key": "<dark>", "to": "on"}))
		push(happened("incident.opened", 3, nil))
		push(happened("number", 4, map[string]any{"n": int64(42)}))
		push(happened("other", 5, nil))
		e, _ = started(t, config)
	}
	all := grafana.Annotations()
	require.Len(t, all, 4)
	require.Equal(t, "&lt;dark&gt; is on", all[0].Text)
	require.Equal(t, []string{"feature_flag", "service:checkout", "environment:production", "cluster:eu-1"}, all[0].Tags[1:])
	require.True(t, strings.HasPrefix(all[0].Tags[0], "event_id:"))
	require.NotEqual(t, all[0].Tags[0], all[1].Tags[0])
	require.Equal(t, noon.Add(time.Second), all[0].Start())
	require.Equal(t, all[0].Start(), all[0].End())
	require.Equal(t, "incident.opened", all[2].Text)
	require.Equal(t, "event", all[2].Tags[1])
	require.Equal(t, "42", all[3].Text)
	require.Empty(t, log.All())
}

func TestEventsSayWhatIsWrong(t *testing.T) {
	grafana := grafanatest.New(token)
	config := configFor(serve(t, grafana))
	config.Events = []Event{
		{Condition: `event_name == "text"`, Text: `attributes["missing"]`},
		{Condition: `event_name == "fails"`, Text: `Len(attributes["missing"])`},
		{Condition: `true`},
	}
	e, log := started(t, config)
	late := happened("late", 0, nil)
	late.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetTimestamp(5)
	for i, logs := range []plog.Logs{happened("text", 1, nil), happened("fails", 1, nil), happened("", 1, nil), late, happened("\x1b", 1, nil)} {
		require.NoError(t, e.push(t.Context(), logs))
		got := log.All()[i].ContextMap()["error"]
		require.Contains(t, got, []string{
			"events[0]: text is <nil> and empty or no text; guard it in the condition, or use String(...)",
			`events[1]: text: "`,
			"events[2]: the record has no body and no event name; give one, or set text",
			"timestamp is missing or in another century; set the present time",
			"the text has nothing to be printed",
		}[i])
	}
	require.Empty(t, grafana.Requests())
}

func FuzzEvent(f *testing.F) {
	f.Add("feature_flag.changed", "on", "checkout")
	f.Add("<x>", "\"'&\x00", "a:b")
	rules, err := compileRules([]Event{{Condition: "true", Text: `attributes["text"]`}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name, text, service string) {
		logs := happened(name, 1, map[string]any{"text": text, "service.name": service})
		rl := logs.ResourceLogs().At(0)
		sl := rl.ScopeLogs().At(0)
		a, err := readEvent(t.Context(), rules, &Config{}, rl, sl, sl.LogRecords().At(0))
		if err != nil {
			return
		}
		requireSafe(t, a.Text)
		for _, tag := range a.Tags {
			require.LessOrEqual(t, len(tag), maxTag)
			require.LessOrEqual(t, strings.Count(tag, ":"), 1)
		}
	})
}
