// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// sloth has a user interface that reads a Prometheus with Sloth's recording rules.
var sloth = gotool.Module{
	Path: "github.com/slok/sloth", Version: "v0.16.0",
	Sum: "h1:3CpcWE0H0Ixe60b+DnBAfdiusnuNm8+t1MIGkksfsuQ=", GoModSum: "h1:dXmEXtJrrQblite3SRFfc6p+WexbAjYMIVgO5+QBgB8=",
}

// Sloth's own user interface reads the store as if Sloth had written the rules: services, SLOs by environment, budgets, alerts
// and the chart of an SLO.
func TestComplianceSlothReadsTheStore(t *testing.T) {
	program, err := gotool.BuildOf(sloth, "cmd/sloth")
	require.NoError(t, err)
	const good, bad, budget = 1600, 400, 0.01
	c, store := slothsStore(t, good, bad)

	at, status := freeAddress(t), freeAddress(t)
	ui := startServer(t, "http://"+at, exec.Command(program, "server", "--prometheus-address=http://"+c.api,
		"--app-listen-address="+at, "--status-listen-address="+status))
	remaining := store(`slo:period_error_budget_remaining:ratio{sloth_id="checkout-availability"}`)

	services := tableRows(t, ui.url+"/u/app/services")
	require.Len(t, services, 2, "%q", services)
	assert.Equal(t, []string{"checkout", "2", "1 50%", "Firing 2 alerts"}, services[0])
	assert.Equal(t, []string{"payment", "1", "0 0%", "No alerts firing"}, services[1])

	objectives := map[string][]string{} // by service and SLO
	for _, row := range tableRows(t, ui.url+"/u/app/slos") {
		require.Len(t, row, 7, "%q", row)
		objectives[row[3]+"/"+row[1]] = row
	}
	require.Len(t, objectives, 3, "%q", objectives)
	burning := objectives["checkout/availability"]
	assert.Equal(t, "deployment_environment_name= production", burning[2])
	assert.InDelta(t, 100*bad/budget/(good+bad), percent(t, burning[4]), 0.01)
	assert.InDelta(t, 100*remaining, percent(t, burning[5]), 0.5, "the page is as old as its start")
	assert.Equal(t, "Critical", burning[6])
	for _, id := range []string{"checkout/latency", "payment/availability"} {
		assert.Equal(t, []string{"deployment_environment_name= production", "0%", "100%", "-"}, append(objectives[id][2:3:3], objectives[id][4:]...), id)
	}

	page := ui.url + detailsPage(t, ui.url+"/u/app/slos", "checkout")
	assert.Contains(t, read(t, page), "FIRING")
	var drawn struct {
		SLIs      []*float64 `json:"sli_values"`
		Objective float64    `json:"slo_objective"`
	}
	chart := regexp.MustCompile(`chartData = JSON.parse\('(.*)'\)`)
	require.EventuallyWithT(t, func(t *assert.CollectT) { // its last point is some minute old
		found := chart.FindStringSubmatch(read(t, page))
		require.NotNil(t, found, "no chart on %s", page)
		require.NoError(t, json.Unmarshal([]byte(found[1]), &drawn))
		require.NotEmpty(t, drawn.SLIs)
		last := drawn.SLIs[len(drawn.SLIs)-1]
		require.NotNil(t, last)
		require.InDelta(t, 100*good/(good+bad), *last, 0.01)
	}, 3*time.Minute, time.Second)
	assert.InDelta(t, 99, drawn.Objective, 0)

	failed := read(t, "http://"+status+"/metrics")
	assert.NotRegexp(t, `(?m)^sloth_.*success="false".* [1-9]`, failed, "a query of Sloth's was not answered")
	assert.NotContains(t, ui.output(), "level=error")
}

// slothsStore is a standalone collector with the generated rules, evaluated every second, that has seen so many events of
// checkout's, and what answers questions to its store.
func slothsStore(t *testing.T, good, bad int) (*collector, func(query string) float64) {
	t.Helper()
	const entry = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\n" +
		"spec:\n  owner: test\n  environments: [production]\n  slos:\n    - {name: availability, objective: 99, sli: {availability: {}}}\n"
	folder := writeCatalog(t, map[string]string{
		"checkout": fmt.Sprintf(entry, "checkout") + "    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}\n",
		"payment":  fmt.Sprintf(entry, "payment"),
	})
	rules := t.TempDir()
	loaded, problems := catalog.Load(folder)
	require.NoError(t, problems.Err())
	for _, s := range loaded.Services {
		file, _ := alerts.Generate(s, alerts.DefaultOptions())
		for i := range file.Groups {
			file.Groups[i].Interval = model.Duration(time.Second)
			for j := range file.Groups[i].Rules {
				file.Groups[i].Rules[j].For = 0
			}
		}
		text, err := yaml.Marshal(rulefmt.RuleGroups{Groups: file.Groups})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(rules, s.Name+".rules.yaml"), text, 0o600))
	}
	c := newCollector(t, "standalone", folder, "OTELCOL_SRE_RULES="+rules)
	store := func(query string) float64 {
		value, _, err := c.prometheusAPI().Query(t.Context(), query, time.Now())
		if vector, ok := value.(model.Vector); ok && err == nil && len(vector) == 1 {
			return float64(vector[0].Value)
		}
		return -1
	}
	all := func(query string, want float64) {
		t.Helper()
		require.Eventually(t, func() bool { return store(query) == want }, patience, 100*time.Millisecond, "%s is %v", query, want)
	}
	all(`count(slo_events_total{slo_name="availability"})`, 4) // they begin at 0: two services, two outcomes
	traces := goodSpans("checkout", good+bad)
	resource := traces.ResourceSpans().At(0)
	resource.Resource().Attributes().PutStr("service.namespace", "shop")
	resource.Resource().Attributes().PutStr("deployment.environment.name", "production")
	for i := range bad {
		resource.ScopeSpans().At(0).Spans().At(i).Status().SetCode(ptrace.StatusCodeError)
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	require.NoError(t, err)
	response, err := http.Post("http://"+c.otlpHTTP+"/v1/traces", "application/x-protobuf", strings.NewReader(string(body)))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)

	all(`count(slo:period_error_budget_remaining:ratio == 1)`, 2) // the two that nothing went wrong with
	all(`round(100 * slo:sli_error:ratio_rate5m{sloth_id="checkout-availability"})`, float64(100*bad/(good+bad)))
	all(`count(slo:period_error_budget_remaining:ratio{sloth_id="checkout-availability"} < 1)`, 1)
	all(`count(count by (sloth_severity) (ALERTS{sloth_id="checkout-availability",alertstate="firing"}))`, 2) // a page and a ticket
	return c, store
}

func read(t require.TestingT, url string) string {
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", url, text)
	return string(text)
}

// tableRows are the texts of the cells of a page's table, with single spaces.
func tableRows(t *testing.T, url string) (rows [][]string) {
	t.Helper()
	page, err := html.Parse(strings.NewReader(read(t, url)))
	require.NoError(t, err)
	for node := range page.Descendants() {
		if node.Type != html.ElementNode || node.Data != "tbody" {
			continue
		}
		for row := range node.ChildNodes() {
			var cells []string
			for cell := range row.ChildNodes() {
				if cell.Data != "td" {
					continue
				}
				var text strings.Builder
				for part := range cell.Descendants() {
					if part.Type == html.TextNode {
						text.WriteString(part.Data + " ")
					}
				}
				cells = append(cells, strings.Join(strings.Fields(text.String()), " "))
			}
			if cells != nil {
				rows = append(rows, cells)
			}
		}
	}
	return rows
}

// detailsPage is the path of the page of a service's availability.
func detailsPage(t *testing.T, list, service string) string {
	t.Helper()
	link := regexp.MustCompile(`href="(/u/app/slos/` + service + `-availability[^"]*)"`).FindStringSubmatch(read(t, list))
	require.NotNil(t, link, "no link to the SLO on %s", list)
	path, err := url.PathUnescape(html.UnescapeString(link[1]))
	require.NoError(t, err)
	return path
}

func percent(t *testing.T, text string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	require.NoError(t, err, text)
	return value
}
