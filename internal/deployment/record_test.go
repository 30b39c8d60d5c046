// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

var start = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

// every has something in every field, so that a field that is not written or read is seen.
func every(t *testing.T) Deployment {
	d := Deployment{Service: Service{Name: "checkout", Namespace: "shop", Environment: "production"}, Status: Completed, Start: start, End: start.Add(time.Minute), Committed: start.Add(-time.Hour)}
	d.Place, d.Adoption = Place{Cluster: "eu", Region: "eu-west-1", Account: "7"}, 50
	d.Rollback = true
	d.Effect = Effect{SLO: "availability", Times: 4, Low: 2.5, High: 6.6, Spent: 3600, At: start.Add(time.Hour), Final: true}
	d.Gate = Gate{Verdict: "pass", Reason: "few failed", At: start.Add(time.Hour)}
	fields := reflect.ValueOf(&d).Elem()
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.String && f.String() == "" {
			f.SetString(fields.Type().Field(i).Name)
		}
		require.False(t, fields.Field(i).IsZero())
	}
	return d
}

func TestReadIsTheWayBack(t *testing.T) {
	for _, status := range Statuses {
		d := every(t)
		d.Status = status
		at := d.End
		if !status.Over() {
			d.End = time.Time{}
		}
		record := plog.NewLogRecord()
		d.Write(record, at)
		require.True(t, IsEvent(record))
		require.Equal(t, "deployment."+string(status), record.EventName())
		require.Contains(t, record.Body().Str(), "shop/checkout in production at eu at eu-west-1 at 7 Version")
		got, err := Read(pcommon.NewMap(), record)
		require.NoError(t, err)
		require.Equal(t, d, *got)
	}
}

func TestReadWhatOthersWrite(t *testing.T) {
	resource, record := pcommon.NewMap(), plog.NewLogRecord()
	resource.PutStr("service.name", "checkout")
	resource.PutStr("service.version", "resource's")
	record.Attributes().PutStr("event.name", "deployment.failed")
	record.Attributes().PutStr("service.version", " 1.2 ")
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(start))
	got, err := Read(resource, record)
	require.NoError(t, err)
	require.Equal(t, Deployment{Service: Service{Name: "checkout"}, Version: "1.2", Status: Failed, Start: start, End: start}, *got)

	record.Attributes().Remove("event.name")
	record.Attributes().PutStr("deployment.status", "succeeded")
	require.False(t, IsEvent(record))
	got, err = Read(resource, record)
	require.NoError(t, err)
	require.Equal(t, Completed, got.Status)
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	record := plog.NewLogRecord()
	record.Attributes().PutInt("service.version", 2)
	record.Attributes().PutStr("user.name", "a\x1b[2Jb")
	record.Attributes().PutStr("deployment.status", "shiny")
	record.Attributes().PutStr("deployment.start_time", "yesterday")
	record.Attributes().PutStr("vcs.ref.head.name", strings.Repeat("é", 1000))
	_, err := Read(pcommon.NewMap(), record)
	for _, want := range []string{
		`service.name is missing; say what is deployed`,
		`service.version is Int; make it a string`,
		`user.name is "a\x1b[2Jb"; leave out control characters`,
		`deployment.status: status "shiny" is not known; use one of ["started" "canary" "completed" "rolled_back" "failed"]`,
		`deployment.start_time is "yesterday"; write it as 2006-01-02T15:04:05Z`,
	} {
		require.ErrorContains(t, err, want)
	}

	record = plog.NewLogRecord()
	record.SetEventName("deployment.started")
	record.Attributes().PutStr("service.name", strings.Repeat("é", 1000))
	got, err := Read(pcommon.NewMap(), record)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("é", 256), got.Name)
}

func TestIDs(t *testing.T) {
	s := Service{Name: "checkout", Environment: "production"}
	first, again := NewID(s, "1.0", 0), NewID(s, "1.0", 0)
	require.Equal(t, first, again)
	require.Len(t, NewID(s, "1.0", 0), 16)
	require.NotEqual(t, first, NewID(Service{Name: "checkout", Environment: "production", Place: Place{Cluster: "eu"}}, "1.0", 0))
	others := map[string]bool{}
	for _, id := range []string{NewID(s, "1.0", 0), NewID(s, "1.0", 1), NewID(s, "1.1", 0),
		NewID(Service{Name: "checkout"}, "1.0", 0), NewID(Service{Namespace: "checkout", Environment: "production"}, "1.0", 0)} {
		require.False(t, others[id])
		others[id] = true
	}
}

func TestMergeFillsIn(t *testing.T) {
	all := every(t)
	d := Deployment{Service: all.Service, ID: "own", Version: "1", Previous: "0", Status: Started, Start: start.Add(time.Hour), Actor: "own"}
	d.Merge(&all)
	want := all
	want.ID, want.Version, want.Previous, want.Status, want.Start, want.End, want.Actor = "own", "1", "0", Started, start.Add(time.Hour), time.Time{}, "own"
	require.Equal(t, want, d)
}

func FuzzRead(f *testing.F) {
	f.Add("deployment.started", "service.version", "1.0")
	f.Add("", "deployment.status", "succeeded")
	f.Add("", "deployment.start_time", "2026-11-21T14:00:00Z")
	f.Fuzz(func(t *testing.T, event, key, value string) {
		record := plog.NewLogRecord()
		record.SetEventName(event)
		record.Attributes().PutStr("service.name", "checkout")
		record.Attributes().PutStr("deployment.status", "started")
		record.Attributes().PutStr(key, value)
		d, err := Read(pcommon.NewMap(), record)
		if err != nil {
			return
		}
		for _, text := range d.texts() {
			require.LessOrEqual(t, len(*text.value), maxValue)
		}
		again := plog.NewLogRecord()
		d.Write(again, d.Start)
		_, err = Read(pcommon.NewMap(), again)
		require.NoError(t, err)
	})
}
