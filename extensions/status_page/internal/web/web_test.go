// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const checkoutSLOs = `  dependsOn: [payment, bank]
  escalation: {chat: "#payments", pager: "https://pager.example.com/payments"}
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
    - name: legacy
      objective: 99
      sli: {prometheus: {errors: 'sum(rate(old_errors_total[{{.window}}]))', total: 'sum(rate(old_requests_total[{{.window}}]))'}}
`

const paymentSLOs = `  slos: [{name: availability, objective: 99.5, sli: {availability: {}}}]
`

const rules = `groups:
- name: shop
  rules:
  - {record: "slo:period_error_budget_remaining:ratio", expr: vector(0.25), labels: {service_name: checkout, service_namespace: shop, slo_name: legacy}}
  - {record: "slo:sli_error:ratio_rate1h", expr: vector(0.02), labels: {service_name: checkout, service_namespace: shop, slo_name: legacy}}
  - alert: ErrorBudgetBurnCritical
    expr: slo_burn_rate_ratio{slo_window="1h"} > 14.4
    labels: {severity: page, owner: payments-team}
    annotations: {summary: "{{ $labels.service_name }} burns", runbook_url: "http://localhost:8686/runbooks/checkout/ErrorBudgetBurnCritical"}
`

// shop is a shop in trouble: checkout burns since version 2 was deployed, half an hour ago.
func shop(t *testing.T) *visitor {
	s := startStore(t, rules)
	now := time.Now().Truncate(time.Second)
	for ago := time.Hour; ago >= 0; ago -= time.Minute {
		trouble(now, ago).push(t, s)
	}
	c := parse(t, document("checkout", "payments-team", 1, checkoutSLOs)+document("payment", "payments-team", 2, paymentSLOs))
	v := open(t, s.client, c, filepath.Join("..", "..", "..", "..", "runbooks", "examples"))
	s.waitForAlert(t, "ErrorBudgetBurnCritical")
	return v
}

// trouble is what the shop sends some time ago.
func trouble(now time.Time, ago time.Duration) *batch {
	b := newBatch(now.Add(-ago))
	checkout := attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production"}
	b.slo(checkout.and("slo.name", "latency"), 0.99, "ok", 0.75, 0.5)
	b.slo(attributes{"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production", "slo.name": "availability"}, 0.995, "idle", 1, 0)
	b.slo(attributes{"service.name": "stranger", "slo.name": "availability"}, 0.9, "no_data", 1, 0)
	if ago > 30*time.Minute {
		b.slo(checkout.and("slo.name", "availability"), 0.999, "ok", 0.9, 0.1)
	} else {
		b.slo(checkout.and("slo.name", "availability"), 0.999, "burning_fast", 0.6, 20)
		v2 := checkout.and("service.version", "2.0.0", "deployment.status", "completed", "vcs.ref.head.revision", "02c9b5d")
		b.gauge("deployment.start_time", "s", float64(now.Add(-30*time.Minute).Unix()), v2)
		b.gauge("deployment.instances", "{instance}", 3, v2)
	}
	spans := checkout.and("service.version", "2.0.0", "span.kind", "SPAN_KIND_SERVER")
	b.counter("traces.span.metrics.calls", "", (time.Hour-ago).Seconds()*10, spans.and("status.code", "STATUS_CODE_UNSET"))
	return b
}

// answer is the data of a page as JSON, which must be as the description says.
func (v *visitor) answer(url, path string, into any) *problem {
	v.t.Helper()
	text := v.page(url, "Accept", "application/json")
	v.conforms(text, path, "200")
	var got struct {
		Problem *problem        `json:"problem"`
		Data    json.RawMessage `json:"data"`
	}
	require.NoError(v.t, json.Unmarshal([]byte(text), &got))
	require.NoError(v.t, json.Unmarshal(got.Data, into))
	return got.Problem
}

// conforms tests a text against the schema of a path's answer.
func (v *visitor) conforms(text, path, status string) {
	v.t.Helper()
	description, err := jsonschema.UnmarshalJSON(strings.NewReader(v.page("/openapi.json")))
	require.NoError(v.t, err)
	c := jsonschema.NewCompiler()
	require.NoError(v.t, c.AddResource("mem:///openapi.json", description))
	at := "/paths/" + strings.ReplaceAll(path, "/", "~1") + "/get/responses/" + status
	if status != "200" {
		at = "/components/responses/Failure"
	}
	schema, err := c.Compile("mem:///openapi.json#" + url.PathEscape(at+"/content/application~1json/schema"))
	require.NoError(v.t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(v.t, err)
	require.NoError(v.t, schema.Validate(value), text)
}

func TestFleet(t *testing.T) {
	v := shop(t)
	var got struct {
		SLOs []struct {
			Service, SLO, State, Environment, Owner string
			Remaining                               *float64     `json:"error_budget_remaining"`
			Burn                                    *float64     `json:"burn_rate"`
			Firing                                  int          `json:"alerts_firing"`
			History                                 [][]*float64 `json:"burn_rate_history"`
		}
		Total, Matching int
	}
	require.Nil(t, v.answer("/", "/", &got))
	var lines []string
	for _, s := range got.SLOs {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", s.State, s.Service, s.SLO, s.Environment))
	}
	assert.Equal(t, []string{
		"burning_fast checkout availability production",
		"no_data stranger availability ",
		"ok checkout legacy production",
		"ok checkout latency production",
		"idle payment availability production",
	}, lines)
	assert.InDelta(t, 20, *got.SLOs[0].Burn, 0)
	assert.Equal(t, 1, got.SLOs[0].Firing)
	assert.GreaterOrEqual(t, len(got.SLOs[0].History), 5)
	assert.InDelta(t, 2, *got.SLOs[2].Burn, 1e-9, "a query's burn rate is its error ratio over the budget")
	assert.InDelta(t, 0.25, *got.SLOs[2].Remaining, 0)

	page := v.page("/")
	assert.Contains(t, page, "<title>(1) SLOs")
	assert.Contains(t, page, "at this rate spent in 21 h 36 min", "0.6 of 30 days, twenty times too fast")
	assert.Contains(t, page, `href="/services/checkout?environment=production"`)
	assert.Contains(t, page, "not in the catalog")
	assert.Contains(t, page, `<path class="trace" d="M`)

	require.Nil(t, v.answer("/?owner=payments-team&state=idle&tier=2&q=pay", "/", &got))
	assert.Equal(t, []int{1, 5}, []int{got.Matching, got.Total})
	page = v.page("/?owner=payments-team")
	assert.Contains(t, page, "4 of 5 SLOs")
	assert.Contains(t, page, `href="/?owner=payments-team&amp;sort=burn"`, "a column keeps the filter")
	assert.Contains(t, v.page("/?q=nothing"), "No SLO matches the filter.")
	assert.Contains(t, v.page("/?size=2&page=99"), "Page 3 of 3", "rows have gone since the page was bookmarked")
}

func TestService(t *testing.T) {
	v := shop(t)
	var got struct {
		Name, Environment string
		SLOs              []struct {
			SLO    string
			Budget struct {
				Lines []struct{ Points [][]*float64 }
			} `json:"budget_history"`
		}
		Requests []struct {
			Lines []struct {
				Name   string
				Points [][]*float64
			}
		}
		Versions []struct {
			Version, Revision string
			Instances         int
		}
		Alerts    []struct{ Name, Runbook, Page string }
		DependsOn []struct{ Name, Page, State string } `json:"depends_on"`
	}
	require.Nil(t, v.answer("/services/checkout?range=1h", "/services/{slug}", &got))
	assert.Equal(t, "production", got.Environment)
	require.Len(t, got.SLOs, 3)
	assert.Equal(t, "availability", got.SLOs[0].SLO, "what burns comes first")
	assert.Greater(t, len(got.SLOs[0].Budget.Lines[0].Points), 30)
	require.Len(t, got.Requests, 3)
	assert.Equal(t, "2.0.0", got.Requests[0].Lines[0].Name)
	rates := got.Requests[0].Lines[0].Points
	assert.InDelta(t, 10, *rates[len(rates)/2][1], 1)
	require.Len(t, got.Versions, 1)
	assert.Equal(t, 3, got.Versions[0].Instances)
	require.Len(t, got.Alerts, 1)
	assert.Equal(t, "/runbooks/checkout/slo-availability", got.Alerts[0].Runbook)
	assert.Equal(t, "/services/payment", got.DependsOn[0].Page)
	assert.Equal(t, "idle", got.DependsOn[0].State)
	assert.Empty(t, got.DependsOn[1].Page, "the catalog does not know the bank")

	page := v.page("/services/checkout?range=1h")
	assert.NotContains(t, page, `class="marker"`, "what was there first was not deployed")
	assert.Contains(t, page, "1h and 5m: a page above 14.4×")
	assert.Contains(t, page, `href="https://pager.example.com/payments"`)
	// The clock may move on by a second between two pages, not between those of ten tries.
	same := false
	for range 10 {
		same = same || v.page("/services/checkout?range=1h") == v.page("/services/shop/checkout?range=1h")
	}
	assert.True(t, same, "by namespace and name")
	assert.Contains(t, v.page("/services/payment"), "Needed by", "the page of a service that is idle")

	for url, status := range map[string]int{
		"/services/nobody": 404, "/services/checkout?environment=moon": 404, "/services/checkout?range=2h": 400, "/services/checkout?range=%00": 400,
	} {
		assert.Equal(t, status, v.do(http.MethodGet, url).StatusCode, url)
	}
}

func TestFromAlertToRunbook(t *testing.T) {
	v := shop(t)
	page := v.page("/alerts")
	assert.Contains(t, page, "checkout burns")
	link := `href="/runbooks/checkout/slo-availability"`
	require.Contains(t, page, link)
	var alerts struct{ Alerts []struct{ Name string } }
	require.Nil(t, v.answer("/alerts", "/alerts", &alerts))
	assert.Equal(t, "ErrorBudgetBurnCritical", alerts.Alerts[0].Name)

	page = v.page("/runbooks/checkout/ErrorBudgetBurnCritical")
	assert.Contains(t, page, `<h2 id="first-five-minutes">`)
	assert.Contains(t, page, `href="README.md"`)
	assert.Contains(t, v.page("/runbooks/checkout/README.md"), "ErrorBudgetBurnCritical", "where the link leads to")
	assert.Contains(t, v.page("/runbooks/"), `href="/runbooks/checkout/"`)
	moved := v.do(http.MethodGet, "/runbooks/checkout")
	assert.Equal(t, []any{http.StatusMovedPermanently, "/runbooks/checkout/"}, []any{moved.StatusCode, moved.Header.Get("Location")})
	var book struct{ Title, Markdown string }
	require.Nil(t, v.answer("/runbooks/checkout/ErrorBudgetBurnCritical", "/runbooks/{service}/{alert}", &book))
	assert.Equal(t, "ErrorBudgetBurnCritical: checkout", book.Title)
	var index struct{ Folders []struct{ Name string } }
	require.Nil(t, v.answer("/runbooks/", "/runbooks/", &index))
	assert.Equal(t, "checkout", index.Folders[0].Name)
}

func TestDeployments(t *testing.T) {
	v := shop(t)
	var got struct {
		Environments []string
		Services     []struct {
			Service, Page string
			Places        [][]struct {
				Version   string
				Instances int
			}
		}
		History []struct{ Version, Status string }
		Changes struct {
			Complete bool
			Overall  struct {
				Deployments int
				FailureRate *float64 `json:"change_failure_rate"`
				Restore     *float64 `json:"time_to_restore_seconds"`
			}
			Services []struct{ Service string }
		}
	}
	for !got.Changes.Complete { // figures that take long on a busy machine come with a later look
		require.Nil(t, v.answer("/deployments", "/deployments", &got))
	}
	assert.Equal(t, []string{"production"}, got.Environments)
	require.Len(t, got.Services, 1)
	assert.Equal(t, "/services/checkout", got.Services[0].Page)
	assert.Equal(t, "2.0.0", got.Services[0].Places[0][0].Version)
	assert.Equal(t, 3, got.Services[0].Places[0][0].Instances)
	assert.Equal(t, "completed", got.History[0].Status)
	assert.Zero(t, got.Changes.Overall.Deployments, "what was there first is no change")
	assert.Nil(t, got.Changes.Overall.FailureRate)
	assert.Nil(t, got.Changes.Overall.Restore, "what burns still has not been restored")
	assert.Empty(t, got.Changes.Services)
	page := v.page("/deployments")
	assert.Contains(t, page, "3 running, since 30 min")
	assert.Contains(t, page, "<dt>Deployments per day</dt><dd>none yet</dd>")
	assert.Contains(t, page, "<dt>Time to restore</dt><dd>none yet</dd>")
	assert.Contains(t, open(t, startStore(t, "groups: []").client, &catalog.Catalog{}, "").page("/deployments"), "No version is known")
}

func TestCollector(t *testing.T) {
	s := startStore(t, "groups: []")
	for ago := 4 * time.Minute; ago >= 0; ago -= time.Minute {
		b := newBatch(time.Now().Add(-ago))
		b.gauge("otelcol_process_uptime", "", 7800-ago.Seconds(), nil)
		b.gauge("otelcol_process_memory_rss", "", 200<<20, nil)
		b.gauge("otelcol_receiver_accepted_spans", "", 6000-100*ago.Seconds(), attributes{"receiver": "otlp"})
		b.gauge("otelcol_receiver_refused_spans", "", 600-ago.Seconds(), attributes{"receiver": "otlp"})
		b.gauge("otelcol_receiver_refused_log_records", "", 600-ago.Seconds(), attributes{"receiver": "otlp"})
		b.push(t, s)
	}
	v := open(t, s.client, &catalog.Catalog{}, "")
	var got struct {
		Collectors []struct {
			Instance string
			Values   map[string]float64
		}
	}
	require.Nil(t, v.answer("/collector", "/collector", &got))
	require.Len(t, got.Collectors, 1)
	assert.Equal(t, "collector-1", got.Collectors[0].Instance)
	assert.InDelta(t, 100, got.Collectors[0].Values["spans_per_second"], 10)
	assert.InDelta(t, 2, got.Collectors[0].Values["refused_per_second"], 0.2, "of all signals")
	page := v.page("/collector")
	assert.Contains(t, page, "2 h 10 min")
	assert.Contains(t, page, "200 MiB")
	assert.Equal(t, 1, strings.Count(page, "▲"), "what is refused is wrong")
	assert.Contains(t, open(t, startStore(t, "groups: []").client, &catalog.Catalog{}, "").page("/collector"), "This Prometheus has no metrics")
}

// silent is a visitor of pages whose Prometheus does not answer.
func silent(t testing.TB) *visitor {
	return open(t, &http.Client{Transport: refusing}, parse(t, document("payment", "payments-team", 2, paymentSLOs)), "")
}

var refusing = roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused <script>") })

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPrometheusIsDown(t *testing.T) {
	v := silent(t)
	for _, url := range []string{"/", "/services/payment", "/alerts", "/deployments", "/collector"} {
		page := v.page(url)
		assert.Contains(t, page, "Some queries to Prometheus at http://prometheus.test failed", url)
		assert.Contains(t, page, "set extensions::status_page::prometheus", url)
		assert.NotContains(t, page, "<script>", url)
	}
	assert.Contains(t, v.page("/"), `href="/services/payment?environment=production"`, "the catalog is still there")
	var got struct{ SLOs []struct{ State string } }
	problem := v.answer("/", "/", &got)
	require.NotNil(t, problem)
	assert.Contains(t, problem.What, "connection refused")
	assert.Equal(t, "unknown", got.SLOs[0].State)
}

// A Prometheus that hangs is waited for once, and runbooks are read meanwhile.
func TestPrometheusHangs(t *testing.T) {
	hangs := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	asked, err := prometheus.New(prometheus.Options{Endpoint: "http://prometheus.test", HTTP: &http.Client{Transport: hangs}, Timeout: 200 * time.Millisecond, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(asked.Close)
	c := parse(t, document("payment", "payments-team", 2, paymentSLOs))
	v := &visitor{t: t, handler: New(Options{
		Runbooks: library(""),
		Source:   loaded{catalog: c}, Prometheus: asked, Endpoint: "http://prometheus.test", Recent: recent.New(recent.Options{Now: time.Now}), Now: time.Now,
	})}
	for _, url := range []string{"/", "/services/payment"} {
		page := v.page(url)
		assert.Regexp(t, "failed: (no answer in time|too many queries are waiting)", page, url)
		assert.Contains(t, page, "payments-team", url)
	}
}

func TestNothingIsKnownYet(t *testing.T) {
	s := startStore(t, "groups: []")
	v := open(t, s.client, parse(t, document("payment", "payments-team", 2, paymentSLOs)), t.TempDir())
	assert.Contains(t, v.page("/"), "knows none of these SLOs")
	assert.Contains(t, v.page("/services/payment"), "There is no data for this time range.")
	assert.Contains(t, v.page("/alerts"), "No alert fires.")
	assert.Contains(t, v.page("/runbooks/"), `href="/runbooks/otelcol-sre/"`, "the collector's own need no folder")
	empty := open(t, s.client, &catalog.Catalog{}, filepath.Join(t.TempDir(), "missing"))
	assert.Contains(t, empty.page("/"), "There is no SLO yet.")
	resp := empty.do(http.MethodGet, "/runbooks/payment/")
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// The pages say which SLOs do not count now, as the catalog has it.
func TestWhatDoesNotCountNow(t *testing.T) {
	s := startStore(t, "groups: []")
	c := parse(t, document("payment", "payments-team", 2, `  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - name: paused
      objective: 99
      sli: {availability: {}}
      maintenance: [{start: 2026-01-02T10:00:00Z, end: 2026-01-02T11:00:00Z}]
`))
	for at, want := range map[string]catalog.Counting{"2026-01-02T10:30:00Z": catalog.Excluded, "2026-01-02T11:00:00Z": catalog.Counted} {
		now, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		v := openAt(t, s.client, c, "", func() time.Time { return now })
		var fleet struct {
			SLOs []struct {
				SLO      string `json:"slo"`
				Counting catalog.Counting
			}
		}
		v.answer("/", "/", &fleet)
		got := map[string]catalog.Counting{}
		for _, row := range fleet.SLOs {
			got[row.SLO] = row.Counting
		}
		assert.Equal(t, map[string]catalog.Counting{"availability": catalog.Counted, "paused": want}, got, at)
		for _, page := range []string{"/", "/services/payment"} {
			assert.Equal(t, want == catalog.Excluded, strings.Contains(v.page(page), "does not count now"), "%s at %s", page, at)
		}
	}
}

// A grouped SLO has a filter for its groups, whose text is shown and never interpreted.
func TestFilterOfGroups(t *testing.T) {
	s := startStore(t, "groups: []")
	v := open(t, s.client, parse(t, document("payment", "payments-team", 2, `  slos:
    - {name: availability, objective: 99.9, groupBy: [host.name], sli: {availability: {}}}
`)), "")
	page := v.page("/services/payment?group=" + url.QueryEscape(`<b>"`))
	assert.Contains(t, page, `name="group" value="&lt;b&gt;&#34;"`)
	assert.Contains(t, page, "No group contains this.")
	assert.Contains(t, v.page("/services/payment"), "No group is known yet.")
	assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, "/services/payment?group="+strings.Repeat("x", 201)).StatusCode)
}
