// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// twins are two services of one name: the dashboard of one of them has a uid that is a digest.
const twins = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: wholesale}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`

// generatedDashboards are the services' dashboards and the collector's, with the names of their variables, by uid.
func generatedDashboards(t *testing.T, out string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "dashboards", "*.json"))
	require.NoError(t, err)
	variables := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var d struct {
			UID        string
			Templating struct{ List []struct{ Name string } }
		}
		require.NoError(t, json.Unmarshal(text, &d))
		variables[d.UID] = []string{}
		for _, v := range d.Templating.List {
			variables[d.UID] = append(variables[d.UID], v.Name)
		}
	}
	return variables
}

var dashboardLink = regexp.MustCompile(`dashboard_url: '?([^'\n]+)`)

// Alerts lead to the dashboard of their service in Grafana, over their environment; runbooks lead to it, too.
func TestLinksToDashboardsInGrafana(t *testing.T) {
	const base = "https://grafana.example.com/sre/d/{uid}"
	catalog, out := commandtest.Catalog(t, twins), t.TempDir()
	generate(t, exit.OK, "--catalog", catalog, "--out", out, "--dashboard-url", base)
	variables := generatedDashboards(t, out)
	files, err := filepath.Glob(filepath.Join(out, "alerts", "*.rules.yaml"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	led := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, link := range dashboardLink.FindAllSubmatch(text, -1) {
			for _, environment := range []string{"", "eu & us"} {
				u := expand(t, string(link[1]), environment)
				assert.Equal(t, "grafana.example.com", u.Host)
				uid := filepath.Base(u.Path)
				assert.Equal(t, "/sre/d/"+uid, u.Path)
				require.Contains(t, variables, uid)
				led[uid] = true
				assert.Equal(t, environment, u.Query().Get("var-environment"))
				if uid != "sre_collector" {
					assert.Contains(t, variables[uid], "environment")
				}
			}
		}
	}
	assert.Len(t, led, 3)
	page, err := os.ReadFile(filepath.Join(out, "runbooks/shop.checkout/ErrorBudgetBurnCritical.md"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "(https://grafana.example.com/sre/d/sre-checkout)")

	lint := func() (int, string) {
		code, stdout := linted("--catalog", catalog, "--dir", out, "--dashboard-url", base)
		return code, stdout
	}
	code, said := lint()
	assert.Equal(t, exit.OK, code, said)
	require.NoError(t, os.Rename(filepath.Join(out, "dashboards/shop.checkout.json"), filepath.Join(out, "dashboards/shop.checkout.yaml")))
	code, said = lint()
	assert.Equal(t, exit.OK, code, "of another format: %s", said)
	require.NoError(t, os.Remove(filepath.Join(out, "dashboards/shop.checkout.yaml")))
	code, said = lint()
	assert.Equal(t, exit.NotOK, code)
	assert.Regexp(t, `shop\.checkout\.rules\.yaml:\d+: error: the dashboard of alert "ErrorBudgetBurnCritical", dashboards/shop\.checkout, does not exist; run srectl generate dashboards`, said)
	commandtest.Edit(t, files[1], "/d/sre-checkout", "/d/sre-nobody")
	_, said = lint()
	assert.Contains(t, said, `is "sre-nobody", which belongs to no service of the catalog; run srectl generate alerts`)
	code, stdout := linted("--catalog", catalog, "--dir", out)
	assert.Equal(t, exit.NotOK, code)
	assert.Contains(t, stdout, "set lint's --dashboard-url to the value that generate had")
}

// expand is an annotation as Prometheus sends it for an alert of an environment: by Go's templates.
func expand(t *testing.T, annotation, environment string) *url.URL {
	t.Helper()
	made, err := template.New("").Option("missingkey=zero").Parse(`{{ $labels := . }}` + annotation)
	require.NoError(t, err)
	var to strings.Builder
	require.NoError(t, made.Execute(&to, map[string]string{"deployment_environment_name": environment}))
	u, err := url.Parse(to.String())
	require.NoError(t, err)
	return u
}
