// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/checks"
)

func TestAFailingCheckNamesItsStep(t *testing.T) {
	var out strings.Builder
	require.NoError(t, templates["incident"].ExecuteTemplate(&out, "checks", []checks.Failing{
		{Service: "checkout", Environment: "production", Check: "pay<b>", Location: "eu", Step: "status", At: time.Unix(0, 0)}, {Service: "checkout", Check: "home", Step: "connect"},
	}))
	assert.Contains(t, out.String(), "<strong>pay&lt;b&gt;</strong> fails in step <strong>status</strong> <small>production, from eu, ")
	assert.Contains(t, out.String(), "<strong>home</strong> fails in step <strong>connect</strong>")
	out.Reset()
	require.NoError(t, templates["incident"].ExecuteTemplate(&out, "checks", []checks.Failing{}))
	assert.Empty(t, strings.TrimSpace(out.String()))
}

// The page of an incident names the checks of its services that fail.
func TestChecksOfAnIncident(t *testing.T) {
	v, _, _ := outage(t, nil)
	var list struct{ Incidents []struct{ Path string } }
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	require.NotEmpty(t, list.Incidents)
	var one struct {
		Checks []checks.Failing `json:"failing_checks"`
	}
	require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &one))
	require.Len(t, one.Checks, 1)
	assert.Equal(t, "pay body", one.Checks[0].Check+" "+one.Checks[0].Step)
	text := v.page(list.Incidents[0].Path)
	assert.Contains(t, text, "payment <strong>pay</strong> fails in step <strong>body</strong>")
	assert.NotContains(t, text, "<strong>home</strong>")
}
