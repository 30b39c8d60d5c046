// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

func TestCatalog(t *testing.T) {
	v := silent(t)
	var got struct {
		Services []struct{ Name, Position string }
		SLOs     int
		Reading  *struct{}
	}
	require.Nil(t, v.answer("/catalog", "/catalog", &got))
	assert.Equal(t, 1, got.SLOs)
	assert.Contains(t, got.Services[0].Position, "shop.yaml:")
	assert.Nil(t, got.Reading)
	page := v.page("/catalog")
	assert.Contains(t, page, `href="/services/payment"`)
	assert.NotContains(t, page, "What is wrong")
	empty := open(t, http.DefaultClient, &catalog.Catalog{}, "")
	assert.Contains(t, empty.page("/catalog"), "No service is loaded.")
}

func TestCatalogSaysWhatIsWrong(t *testing.T) {
	read := time.Date(2026, 3, 14, 12, 30, 0, 0, time.UTC)
	failure := catalog.Problem{Position: catalog.Position{File: "team/a.yaml", Line: 7, Column: 3}, Path: "spec.tier", Message: "5 is no tier", Fix: "write 1, 2, 3 or 4"}
	warning := catalog.Problem{Severity: catalog.Warning, Position: catalog.Position{File: "b.yaml", Line: 2}, Message: "an alert is clamped"}
	visit := func(r servicecatalog.Reading) *visitor {
		c := parse(t, document("payment", "payments-team", 2, paymentSLOs))
		return openFrom(t, &http.Client{Transport: refusing}, loaded{c, catalog.Problems{failure, warning}, r}, "", time.Now)
	}
	v := visit(servicecatalog.Reading{Time: read, InUse: read.Add(-time.Hour), Refused: true, Errors: 2, Warnings: 11})
	page := v.page("/catalog")
	for _, want := range []string{
		"has 2 errors", "It is rejected: the catalog of <time datetime=\"2026-03-14T11:30:00Z\"", "stays in use",
		"team/a.yaml:7:3", "spec.tier", "5 is no tier", "write 1, 2, 3 or 4", "b.yaml:2", "an alert is clamped", "11 more are not shown",
	} {
		assert.Contains(t, page, want)
	}
	assert.Less(t, strings.Index(page, "5 is no tier"), strings.Index(page, "an alert is clamped"), "errors first")
	assert.Contains(t, v.page("/"), `2<span class="hidden"> errors</span>`, "in the navigation of every page")

	var got struct {
		Reading struct {
			Refused bool
			InUse   time.Time `json:"in_use"`
		}
		Problems []struct{ Severity, Position, Message, Fix string }
		More     int
	}
	require.Nil(t, v.answer("/catalog", "/catalog", &got))
	assert.True(t, got.Reading.Refused)
	assert.Equal(t, read.Add(-time.Hour), got.Reading.InUse)
	assert.Equal(t, []string{"error", "warning"}, []string{got.Problems[0].Severity, got.Problems[1].Severity})
	assert.Equal(t, 11, got.More)

	page = visit(servicecatalog.Reading{Time: read, InUse: read, Partial: true, Errors: 1, Warnings: 1}).page("/catalog")
	assert.Contains(t, page, "has 1 error.")
	assert.Contains(t, page, "The services without errors are in use.")
	page = visit(servicecatalog.Reading{Time: read, InUse: read, Warnings: 2}).page("/catalog")
	assert.NotContains(t, page, `role="alert"`, "a warning keeps nothing out")
	assert.NotContains(t, page, `class="broken"`)
	assert.Contains(t, page, "an alert is clamped")
}
