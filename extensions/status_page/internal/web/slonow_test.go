// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// The runbook of an SLO says how it is now: since when it burns, what likely changed, and the way back of this deployment, before all else.
func TestRunbookOfAnSLOSaysHowItIsNow(t *testing.T) {
	v, _, start := outage(t, func(o *Options) {
		served := runbooks.DefaultOptions()
		served.StatusPage = "/"
		o.Runbooks = runbook.NewLibrary("", o.Catalog, served)
	})
	var book struct {
		Title string
		Now   *struct {
			SLOs []struct {
				Environment, State string
				Since              *time.Time
				Burn               float64 `json:"burn_rate"`
				Left               float64 `json:"error_budget_remaining"`
			}
			Incident string
			Change   struct{ Service, Version string }
			Undo     struct {
				Version  string
				Commands []string
			}
		}
	}
	require.Nil(t, v.answer("/runbooks/payment/slo-availability", "/runbooks/{service}/{alert}", &book))
	assert.Equal(t, "availability of payment", book.Title)
	require.NotNil(t, book.Now)
	require.Len(t, book.Now.SLOs, 1)
	one := book.Now.SLOs[0]
	assert.Equal(t, "production burning_fast", one.Environment+" "+one.State)
	require.NotNil(t, one.Since)
	assert.WithinDuration(t, start, *one.Since, time.Minute)
	assert.Equal(t, []float64{500, 0.4}, []float64{one.Burn, one.Left})
	assert.Equal(t, "payment 2.0.0", book.Now.Change.Service+" "+book.Now.Change.Version)
	assert.Equal(t, []string{"kubectl rollout undo deployment/payment -n shop"}, book.Now.Undo.Commands)
	assert.Equal(t, "1.0.0", book.Now.Undo.Version)

	var incident incidentAnswer
	require.Nil(t, v.answer(book.Now.Incident, "/incidents/{id}", &incident))
	assert.Equal(t, incident.Undo.Commands, book.Now.Undo.Commands, "the same as on the page of the incident")

	text := v.page("/runbooks/payment/slo-availability")
	title, below, found := strings.Cut(text, `<section class="now"`)
	require.True(t, found)
	assert.Contains(t, title, "availability of payment</h1>", "the title is first")
	assert.NotContains(t, below, "<h1")
	now, rest, found := strings.Cut(text, `<article class="runbook">`)
	require.True(t, found)
	for _, fact := range []string{"burning_fast", book.Now.Incident, "payment 2.0.0", `<code class="id">kubectl rollout undo deployment/payment -n shop</code> <button type="button" class="copy"`} {
		assert.Contains(t, now, fact)
	}
	assert.Contains(t, rest, "kubectl rollout undo deployment/payment -n shop\nkubectl rollout status deployment/payment -n shop\n</code></pre><button type=\"button\" class=\"copy\" hidden>Copy</button>")
	assert.NotContains(t, text, "localhost:8686", "links lead to this server")

	book.Now = nil
	require.Nil(t, v.answer("/runbooks/payment/rollback", "/runbooks/{service}/{alert}", &book))
	assert.Equal(t, "Roll back: payment", book.Title)
	assert.Nil(t, book.Now, "it is about no SLO")
}
