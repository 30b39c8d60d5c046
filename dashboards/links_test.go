// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

var dashboardLink = regexp.MustCompile(`/d/([^")?\s]+)`)

// A link to a dashboard leads to one that there is. That of a service which is not in the catalog
// is no link.
func TestLinksLeadToDashboards(t *testing.T) {
	services := examples(t)
	stranger := *services[0]
	stranger.Name, stranger.DependsOn = "stranger", []string{"nobody"}
	services = append(services, &stranger)
	uids := map[string]bool{}
	files := generate(t, services...)
	for _, f := range files {
		uids[decode(t, f.JSON)["uid"].(string)] = true
	}
	require.Len(t, uids, len(files))
	found := 0
	for _, f := range files {
		for _, m := range dashboardLink.FindAllStringSubmatch(string(f.JSON), -1) {
			found++
			if m[1] == uidPrefix+"${__value.text}" || m[1] == "${__value.raw}" { // the name, or the uid, is one that the query has found
				continue
			}
			assert.True(t, uids[m[1]], "%s: %s", f.Path, m[0])
		}
	}
	assert.Greater(t, found, len(services))
}

// The runbook of an alert is where the alert says it is.
func TestRunbooksAreThoseOfTheAlerts(t *testing.T) {
	for _, s := range examples(t) {
		var links []string
		walk(decode(t, generate(t, s)[0].JSON), func(key, text string) {
			if key == "url" {
				links = append(links, text)
			}
		})
		file, _ := alerts.Generate(s, alerts.DefaultOptions())
		require.NotEmpty(t, file.Alerts)
		for _, a := range file.Alerts {
			assert.Contains(t, links, strings.TrimSuffix(a.Annotations["runbook_url"], a.Runbook())+"${__value.text}")
		}
	}
}

// Every variable that a dashboard asks for is one that it has.
func TestVariablesAreThere(t *testing.T) {
	for _, f := range generate(t, append(examples(t), &catalog.Service{Name: "empty"})...) {
		d := decode(t, f.JSON)
		have := map[string]bool{"__rate_interval": true, "__range": true, "__range_s": true, "__interval": true, "__interval_ms": true, "__all": true, "__value": true, "__url_time_range": true, "1": true /* of label_replace */}
		for _, one := range d["templating"].(map[string]any)["list"].([]any) {
			have[one.(map[string]any)["name"].(string)] = true
		}
		walk(d, func(_, text string) {
			for _, m := range variable.FindAllStringSubmatch(text, -1) {
				assert.True(t, have[m[1]+m[2]+m[4]], "%s: %s", f.Path, text)
			}
		})
	}
}
