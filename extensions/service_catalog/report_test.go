// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/metadatatest"
)

func TestInternalMetrics(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	write(t, dir, "b.yaml", service("payment"))
	e := start(t, byBoth, dir)
	e.assertGauges(t, 2, 2, 0, 1_800_000_000)

	replace(t, dir, "b.yaml", broken("payment"))
	e.outcomes(t, swapped, refused)
	e.assertGauges(t, 2, 2, 1, 1_800_000_000)
	replace(t, dir, "b.yaml", service("payment"))
	e.outcomes(t, swapped, refused, unchanged)
	require.NoError(t, os.Remove(filepath.Join(dir, "b.yaml")))
	e.outcomes(t, swapped, refused, unchanged, swapped)
	e.assertGauges(t, 1, 1, 0, 1_800_000_000)
	metadatatest.AssertEqualExtensionServiceCatalogReloads(t, e.telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(swapped.attribute()), Value: 2},
		{Attributes: attribute.NewSet(refused.attribute()), Value: 1},
		{Attributes: attribute.NewSet(unchanged.attribute()), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
}

func TestNeverSucceeded(t *testing.T) {
	e := start(t, byBoth, filepath.Join(t.TempDir(), "missing"))
	e.assertGauges(t, 0, 0, 1, 0)
}

func (e *environment) assertGauges(t *testing.T, services, slos, problems, lastSuccess int64) {
	t.Helper()
	ignore := metricdatatest.IgnoreTimestamp()
	one := func(v int64) []metricdata.DataPoint[int64] { return []metricdata.DataPoint[int64]{{Value: v}} }
	metadatatest.AssertEqualExtensionServiceCatalogServices(t, e.telemetry, one(services), ignore)
	metadatatest.AssertEqualExtensionServiceCatalogSlos(t, e.telemetry, one(slos), ignore)
	metadatatest.AssertEqualExtensionServiceCatalogLastSuccess(t, e.telemetry, one(lastSuccess), ignore)
	metadatatest.AssertEqualExtensionServiceCatalogProblems(t, e.telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("severity", "error")), Value: problems},
		{Attributes: attribute.NewSet(attribute.String("severity", "warning")), Value: 0},
	}, ignore)
}

func TestProblemsAreLoggedWithPlaceAndFix(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", broken("checkout"))
	e := start(t, byBoth, dir)
	problems := e.logs.FilterMessage("Problem in the service catalog").All()
	require.Len(t, problems, 1)
	assert.Equal(t, zap.WarnLevel, problems[0].Level)
	assert.Regexp(t, `a\.yaml:\d+:\d+: error: .+`, problems[0].ContextMap()["problem"])

	require.Len(t, e.host.reported, 1)
	err := e.host.reported[0].Err()
	require.ErrorIs(t, err, errCatalog)
	assert.Contains(t, err.Error(), "service catalog has errors (1), the services without errors are used; the first: "+filepath.Join(dir, "a.yaml"))
}

func TestLogIsBounded(t *testing.T) {
	e := newEnvironment(t, byEvents, t.TempDir())
	e.reporter.host = e.host
	file, message := strings.Repeat("x", 100_000), "\x1b[2J\nforged line\n"+strings.Repeat("y", 100_000)
	var problems catalog.Problems
	for i := range 1000 {
		problems = append(problems, catalog.Problem{Position: catalog.Position{File: file, Line: i}, Message: message})
	}
	e.reporter.report(refused, problems)
	entries := e.logs.All()
	require.Len(t, entries, 1+maxLogged+1)
	assert.EqualValues(t, 1000-maxLogged, entries[len(entries)-1].ContextMap()["more"])
	for _, entry := range entries {
		line := fmt.Sprint(entry.Message, entry.ContextMap())
		assert.Less(t, len(line), 2*maxText)
	}
	assert.Less(t, len(e.host.reported[0].Err().Error()), 2*maxText)
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestWarningsAreLoggedButAreNoFailure(t *testing.T) {
	e := newEnvironment(t, byEvents, t.TempDir())
	e.reporter.host = e.host
	e.reporter.report(swapped, catalog.Problems{{Severity: catalog.Warning, Message: "an alert pair is clamped"}})
	assert.Empty(t, e.host.statuses())
	assert.Len(t, e.logs.FilterMessage("Service catalog is in use").All(), 1)
	assert.Len(t, e.logs.FilterMessage("Problem in the service catalog").All(), 1)
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestOKIsReportedOnceAfterErrors(t *testing.T) {
	e := newEnvironment(t, byEvents, t.TempDir())
	e.reporter.host = e.host
	failure := catalog.Problems{{Message: "wrong"}}
	for _, problems := range []catalog.Problems{nil, failure, failure, nil, nil} {
		e.reporter.report(unchanged, problems)
	}
	assert.Equal(t, []componentstatus.Status{
		componentstatus.StatusRecoverableError, componentstatus.StatusRecoverableError, componentstatus.StatusOK,
	}, e.host.statuses())
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestPollingOnlyIsSaidOnce(t *testing.T) {
	dir := t.TempDir()
	e := start(t, byPoll, dir)
	write(t, dir, "a.yaml", service("checkout"))
	e.eventually(t, "checkout")
	assert.Equal(t, 1, e.logs.FilterMessageSnippet("Cannot watch").Len())
}

func FuzzPrintable(f *testing.F) {
	f.Add("a.yaml:1:1: error: \x00\x1b[31m\u202e\n")
	f.Add(strings.Repeat("é", maxText))
	f.Fuzz(func(t *testing.T, text string) {
		got := printable(text)
		assert.LessOrEqual(t, len(got), maxText+len("..."))
		assert.True(t, utf8.ValidString(got))
		assert.NotContains(t, got, "\n")
		assert.NotContains(t, got, "\x1b")
	})
}

// What is asked for is what the newest reading found, and which catalog is in use since when.
func TestReading(t *testing.T) {
	e := newEnvironment(t, byEvents, t.TempDir())
	e.reporter.host = e.host
	assert.Equal(t, Reading{}, e.Reading(), "nothing was read yet")
	assert.Empty(t, e.Problems())
	at := func(i int) time.Time { return time.Unix(int64(i), 0) }
	failure, warning := catalog.Problem{Message: "wrong"}, catalog.Problem{Severity: catalog.Warning, Message: "odd"}
	for i, step := range []struct {
		outcome  outcome
		problems catalog.Problems
		reported catalog.Problems
		want     Reading
	}{
		{partial, catalog.Problems{warning, failure}, catalog.Problems{failure, warning}, Reading{InUse: at(0), Partial: true, Errors: 1, Warnings: 1}},
		{swapped, nil, nil, Reading{InUse: at(1)}},
		{refused, catalog.Problems{failure}, catalog.Problems{failure}, Reading{InUse: at(1), Refused: true, Errors: 1}},
		{refused, catalog.Problems{failure}, catalog.Problems{failure}, Reading{InUse: at(1), Refused: true, Errors: 1}},
		{unchanged, catalog.Problems{warning}, catalog.Problems{warning}, Reading{InUse: at(4), Warnings: 1}},
	} {
		e.reporter.now = func() time.Time { return at(i) }
		e.reporter.report(step.outcome, step.problems)
		assert.Equal(t, step.reported, e.Problems())
		step.want.Time = at(i)
		assert.Equal(t, step.want, e.Reading())
	}
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestKeptProblemsAreBounded(t *testing.T) {
	long := "\x1b[2J\u202e" + strings.Repeat("x", 100_000)
	failures := slices.Repeat(catalog.Problems{{Position: catalog.Position{File: long}, Path: long, Message: long, Fix: long}}, 1000)
	all := kept(failures, catalog.Problems{{Severity: catalog.Warning}})
	require.Len(t, all, maxKept)
	for _, p := range all {
		assert.Less(t, len(p.String()), 5*maxText)
		assert.NotContains(t, p.String(), "\x1b")
		assert.NotContains(t, p.String(), "\u202e")
	}
	assert.Equal(t, long, failures[0].File, "the problems that others have stay as they are")
}
