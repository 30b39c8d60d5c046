// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// firing adds a sample of an alert that fires, as Prometheus' rules write it.
func (b *batch) firing(alert, service, slo string) {
	b.gauge("ALERTS", "", 1, attributes{
		"alertstate": "firing", "alertname": alert, "severity": "page", "service_name": service, "service_namespace": "shop", "slo_name": slo, "slo_alert": alert,
		"environment": "production", "deployment_environment_name": "production",
	})
}

const twoServices = `
  checks: [{name: pay, tcp: {address: "%[1]s:1"}}, {name: home, tcp: {address: "%[1]s:2"}}]
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
  deployment: {kubernetes: {namespace: shop, kind: Deployment, name: %[1]s}}
  escalation: {chat: "#%[1]s", pager: "https://pager.example.com/%[1]s"}
`

// outage is a store in which payment has failed for 20 minutes, from its deployment on, and checkout with it, and payment a week ago.
func outage(t *testing.T, options func(*Options)) (v *visitor, now, start time.Time) {
	t.Helper()
	return outageBy(t, false, options)
}

// outageBy is one by a feature flag, or by a deployment.
func outageBy(t *testing.T, flag bool, options func(*Options)) (v *visitor, now, start time.Time) {
	t.Helper()
	return outageThen(t, flag, nil, options)
}

// outageThen is one in which more is measured at each time after it began.
func outageThen(t *testing.T, flag bool, more func(b *batch, since time.Duration), options func(*Options)) (v *visitor, now, start time.Time) {
	t.Helper()
	s := startStore(t, "groups: []")
	now = time.Now().Truncate(time.Second)
	start = now.Add(-20 * time.Minute)
	past := now.Add(-7*24*time.Hour + time.Hour).Truncate(time.Minute)
	for at := past; !at.After(past.Add(10 * time.Minute)); at = at.Add(time.Minute) {
		b := newBatch(at)
		b.firing("ErrorBudgetBurnCritical", "payment", "availability")
		b.push(t, s)
	}
	total, bad := 0.0, 0.0
	for at := now.Add(-2 * time.Hour); !at.After(now); at = at.Add(30 * time.Second) {
		b := newBatch(at)
		fails := at.After(start)
		if total += 300; fails {
			bad += 150
		}
		checked := attributes{"service.name": "payment", "service.namespace": "shop", "deployment.environment.name": "production", "check.location": "eu"}
		b.gauge("check.time", "s", float64(at.Unix()), checked.and("check.name", "home", "check.outcome", "passed"))
		outcome := checked.and("check.name", "pay", "check.outcome", "passed")
		if fails {
			outcome = checked.and("check.name", "pay", "check.outcome", "failed", "check.step", "body")
		}
		b.gauge("check.time", "s", float64(at.Unix()), outcome)
		for _, name := range []string{"payment", "checkout"} {
			of := attributes{"service.name": name, "service.namespace": "shop", "deployment.environment.name": "production"}
			slo := of.and("slo.name", "availability")
			if fails {
				b.slo(slo, 0.999, "burning_fast", 0.4, 500)
			} else {
				b.slo(slo, 0.999, "ok", 0.9, 0.1)
			}
			b.counter("slo.events", "{event}", total-bad, slo.and("slo.outcome", "good", "service.version", "2.0.0"))
			b.counter("slo.events", "{event}", bad, slo.and("slo.outcome", "bad", "service.version", "2.0.0"))
			versions := map[string]time.Time{"1.0.0": now.Add(-90 * time.Minute)}
			switch {
			case name != "payment" || at.Before(start):
			case flag:
				b.gauge("change.time", "s", float64(start.Unix()), of.and("change.id", "c1", "change.kind", "feature_flag", "change.name", "<i>fast-pay", "change.previous", "off", "change.value", "on"))
				for verdict, found := range map[string]time.Duration{"inconclusive": time.Minute, "fail": 5 * time.Minute} {
					if at.Sub(start) >= found {
						b.gauge("change.time_of_verdict", "s", float64(start.Add(found).Unix()), of.and("change.id", "c1", "change.kind", "feature_flag", "change.name", "<i>fast-pay",
							"change.verdict", verdict, "change.verdict_reason", "<u>half of it fails", "change.evidence", "variants"))
					}
				}
			default:
				versions["2.0.0"] = start
			}
			for version, since := range versions {
				deployed := of.and("service.version", version, "deployment.status", "completed", "vcs.ref.head.revision", "02c9b5d"+version[:1])
				b.gauge("deployment.start_time", "s", float64(since.Unix()), deployed)
				b.gauge("deployment.info", "", 1, deployed.and("user.name", "alice", "deployment.compare_url", "https://git.example.com/compare"))
			}
		}
		if at.After(start.Add(time.Minute)) {
			b.firing("ErrorBudgetBurnCritical", "payment", "availability")
			for name, value := range map[string]float64{"young_version_total": 1500, "young_version_bad": 750, "beside_version_total": 1500, "beside_version_bad": 15} { // as the rules record it
				b.gauge("slo:"+name+":increase5m", "", value, attributes{"service_name": "payment", "service_namespace": "shop", "deployment_environment_name": "production", "slo_name": "availability", "service_version": "2.0.0"})
			}
		}
		if at.After(start.Add(3 * time.Minute)) {
			b.firing("ErrorBudgetBurnCritical", "checkout", "availability")
		}
		if more != nil && fails {
			more(b, at.Sub(start))
		}
		b.push(t, s)
	}
	c := parse(t, document("checkout", "shop-team", 1, "  dependsOn: [payment]"+fmt.Sprintf(twoServices, "checkout"))+document("payment", "payments-team", 1, fmt.Sprintf(twoServices[1:], "payment")))
	o := Options{
		Source: loaded{catalog: c}, Names: names.New(otlptranslator.UnderscoreEscapingWithSuffixes), Now: func() time.Time { return now },
		Runbooks: runbook.NewLibrary("", loaded{catalog: c}.Catalog, runbooks.DefaultOptions()), Alertmanager: "https://alertmanager.example.com/",
	}
	if options != nil {
		options(&o)
	}
	return openWith(t, s.client, o), now, start
}

type incidentAnswer struct {
	ID, State, Owner, Runbook string
	Start                     time.Time
	Failed                    float64
	Origin                    struct{ Service string }
	Services                  []struct{ Service string }
	Change                    *struct {
		Service, Version, Actor, Revision, Kind, Text string
		Probability                                   float64
		Compare                                       string  `json:"compare_url"`
		Odds                                          float64 `json:"odds_of_worse"`
		Gate                                          string  `json:"gate_verdict"`
		GateReason                                    string  `json:"gate_reason"`
	}
	Cost    *float64 `json:"change_failed"`
	Verdict *struct {
		SLO string
		Low float64 `json:"times_low"`
	} `json:"change_verdict"`
	Burning []struct {
		Service, SLO, State string
		Failed, Events      float64
	}
	Down []struct{ Name, State string } `json:"depends_on"`
	Up   []struct{ Name, State string } `json:"needed_by"`
	Undo struct {
		Version, Value string
		Commands       []string
	}
	Escalation struct{ Chat, Pager string }
	Timeline   []struct {
		Time   time.Time
		Kind   string
		Text   string
		Author string
	}
	Silences []struct{ Service, URL string }
}

// The page of an incident answers what burns and since when, which change, what fails and the way back; the link of an alert leads to it.
func TestIncident(t *testing.T) {
	v, now, start := outage(t, nil)
	var list struct {
		Incidents []struct{ ID, Path, State string }
	}
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	require.Len(t, list.Incidents, 2)
	assert.Equal(t, []string{"open", "resolved"}, []string{list.Incidents[0].State, list.Incidents[1].State})

	for _, link := range []string{"/incidents?service=payment", "/incidents?service=checkout&namespace=shop&slo=availability&environment=production", "/incidents?service=payment&slo="} {
		resp := v.do(http.MethodGet, link)
		assert.Equal(t, http.StatusFound, resp.StatusCode, link)
		assert.Equal(t, list.Incidents[0].Path, resp.Header.Get("Location"), link)
		assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	}
	assert.Contains(t, v.page("/incidents?service=search"), "There was no incident of this")
	require.Nil(t, v.answer("/incidents?service=payment&list=1", "/incidents", &list))
	require.Len(t, list.Incidents, 2)

	var got incidentAnswer
	require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &got))
	assert.Equal(t, "open payment payments-team", got.State+" "+got.Origin.Service+" "+got.Owner)
	assert.WithinDuration(t, start, got.Start, time.Minute)
	assert.Len(t, got.Services, 2)
	require.NotNil(t, got.Change)
	assert.Equal(t, "payment 2.0.0 alice 02c9b5d2 https://git.example.com/compare", strings.Join([]string{got.Change.Service, got.Change.Version, got.Change.Actor, got.Change.Revision, got.Change.Compare}, " "))
	assert.Greater(t, got.Change.Probability, 0.6)
	require.NotNil(t, got.Cost)
	assert.InEpsilon(t, 6000, *got.Cost, 0.1)
	require.NotNil(t, got.Verdict)
	assert.Equal(t, "availability", got.Verdict.SLO)
	assert.Greater(t, got.Verdict.Low, 10.0)
	require.Len(t, got.Burning, 2)
	assert.Equal(t, "payment availability burning_fast", got.Burning[0].Service+" "+got.Burning[0].SLO+" "+got.Burning[0].State)
	assert.InEpsilon(t, 6000, got.Burning[0].Failed, 0.1)
	assert.InEpsilon(t, 12000, got.Burning[0].Events, 0.1)
	assert.Empty(t, got.Down)
	assert.Equal(t, []struct{ Name, State string }{{"checkout", "burning_fast"}}, got.Up)
	assert.Equal(t, "1.0.0", got.Undo.Version)
	assert.Equal(t, []string{"kubectl rollout undo deployment/payment -n shop"}, got.Undo.Commands)
	assert.Equal(t, "/runbooks/payment/slo-availability", got.Runbook)
	assert.Equal(t, "https://pager.example.com/payment", got.Escalation.Pager)
	require.Len(t, got.Silences, 2)
	assert.Equal(t, `https://alertmanager.example.com/#/silences/new?filter=%7Bservice_name%3D%22payment%22%2C%20service_namespace%3D%22shop%22%2C%20environment%3D%22production%22%7D`, got.Silences[0].URL)
	kinds := ""
	for i, m := range got.Timeline {
		kinds += m.Kind + " "
		assert.True(t, i == 0 || !m.Time.Before(got.Timeline[i-1].Time))
	}
	assert.Contains(t, kinds, "change")
	assert.Contains(t, kinds, "burn alert")

	text := v.page(list.Incidents[0].Path)
	for _, fact := range []string{"payment", "2.0.0", "kubectl rollout undo deployment/payment -n shop", "https://git.example.com/compare", "alice", "payments-team", "https://pager.example.com/payment", "https://alertmanager.example.com/#/silences/new", "burning_fast", "checkout", "<dt>Verdict</dt><dd>availability fails 50 times as often"} {
		assert.Contains(t, text, fact)
	}
	alerts := v.page("/alerts")
	assert.Contains(t, alerts, list.Incidents[0].Path)
	assert.NotContains(t, alerts, list.Incidents[1].Path, "it is over")

	// The one that is over has the times of the record.
	var over incidentAnswer
	require.Nil(t, v.answer(list.Incidents[1].Path, "/incidents/{id}", &over))
	assert.Equal(t, "resolved", over.State)
	assert.Nil(t, over.Change)
	assert.Empty(t, over.Silences)
	assert.Equal(t, now.Add(-7*24*time.Hour+time.Hour).Truncate(time.Minute).UTC(), over.Start)

	for url, status := range map[string]int{"/incidents/20261121-030200-00000000": 404, "/incidents/%3Cscript%3E": 404, "/incidents?service=" + strings.Repeat("x", 300): 400, "/incidents?slo=%0a": 400} {
		assert.Equal(t, status, v.do(http.MethodGet, url).StatusCode, url)
	}
}

// A feature flag is a likely change as well as a deployment is, with the value to return to.
func TestIncidentOfAFlag(t *testing.T) {
	v, _, _ := outageBy(t, true, nil)
	var list struct{ Incidents []struct{ Path string } }
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	var got incidentAnswer
	require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &got))
	require.NotNil(t, got.Change)
	assert.Equal(t, "payment feature_flag feature flag <i>fast-pay: off → on", got.Change.Service+" "+got.Change.Kind+" "+got.Change.Text)
	assert.Greater(t, got.Change.Probability, 0.6)
	assert.Equal(t, "off", got.Undo.Value)
	assert.Empty(t, got.Undo.Version+strings.Join(got.Undo.Commands, ""))
	assert.Nil(t, got.Cost)
	text := v.page(list.Incidents[0].Path)
	assert.Contains(t, text, "feature flag &lt;i&gt;fast-pay: off → on")
	assert.Contains(t, text, "Set it to off again.")
	assert.Equal(t, "fail: <u>half of it fails", got.Change.Gate+": "+got.Change.GateReason)
	assert.InDelta(t, 100, got.Change.Odds, 1e-9, "a gate fails one of 100 changes that make nothing worse")
	assert.Greater(t, got.Change.Probability, 0.99)
	assert.Contains(t, text, "<dt>Verdict</dt><dd>fail <small>&lt;u&gt;half of it fails</small>")
	assert.Contains(t, text, "feature flag &lt;i&gt;fast-pay: off → on; verdict: fail")
	assert.NotContains(t, text, "<dt>Commit")
	assert.Contains(t, v.page("/incidents"), "feature flag &lt;i&gt;fast-pay: off → on")
	var deployments struct {
		Others []struct {
			Service, Kind, Text, Verdict string
			Reason                       string `json:"verdict_reason"`
		} `json:"other_changes"`
	}
	v.answer("/deployments", "/deployments", &deployments)
	require.Len(t, deployments.Others, 1)
	assert.Equal(t, "payment feature_flag feature flag <i>fast-pay: off → on, fail: <u>half of it fails", deployments.Others[0].Service+" "+deployments.Others[0].Kind+" "+deployments.Others[0].Text+", "+deployments.Others[0].Verdict+": "+deployments.Others[0].Reason)
	assert.Contains(t, v.page("/deployments"), "feature flag &lt;i&gt;fast-pay: off → on")
}

// Past alerts are those of the record in every range.
func TestPastAlertsInEveryRange(t *testing.T) {
	v, now, _ := outage(t, nil)
	past := now.Add(-7*24*time.Hour + time.Hour).Truncate(time.Minute)
	for length, want := range map[string]int{"15m": 0, "6h": 0, "7d": 1, "30d": 1} {
		var got struct {
			Past []struct {
				Name     string
				From, To time.Time
			} `json:"past_alerts"`
		}
		require.Nil(t, v.answer("/services/payment?range="+length, "/services/{slug}", &got))
		require.Len(t, got.Past, want, length)
		for _, one := range got.Past {
			assert.Equal(t, []time.Time{past.UTC(), past.Add(10 * time.Minute).UTC()}, []time.Time{one.From, one.To}, length)
		}
	}
}

// Where no alerts are recorded, nothing is missing; and if Prometheus does not answer, the page says so.
func TestIncidentsWithoutARecord(t *testing.T) {
	s := startStore(t, "groups: []")
	v := open(t, s.client, parse(t, document("checkout", "x", 1, strings.TrimPrefix(fmt.Sprintf(twoServices, "checkout"), "\n"))), "")
	assert.Contains(t, v.page("/incidents"), "There was no incident")
	down := open(t, &http.Client{Transport: refusing}, parse(t, document("checkout", "x", 1, strings.TrimPrefix(fmt.Sprintf(twoServices, "checkout"), "\n"))), "")
	text := down.page("/incidents")
	assert.Contains(t, text, "Some queries to Prometheus")
	assert.NotContains(t, text, "There was no incident")
	resp := down.do(http.MethodGet, "/incidents/20261121-030200-00000000", "Accept", "application/json")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NoError(t, json.NewDecoder(resp.Body).Decode(&struct{}{}))
}

// An incident of which all alerts that fire are silenced in the Alertmanager shows so, and says by whom and until when.
func TestSilencedIncident(t *testing.T) {
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	var silenced []string
	comment := "ACK! <b>rolling back</b>"
	answers := roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		switch r.URL.Path {
		case "/api/v2/alerts":
			fmt.Fprint(w, "[")
			for i, service := range []string{"payment", "checkout", "payment of another namespace"} {
				by, namespace := `[]`, "shop"
				if slices.Contains(silenced, service) {
					by = `["0a1b"]`
				}
				if i == 2 {
					service, namespace = "payment", "other"
				}
				fmt.Fprintf(w, `%s{"labels": {"alertname": "ErrorBudgetBurnCritical", "service_namespace": %q, "service_name": %q, "slo_name": "availability", "environment": "production"}, "status": {"state": "x", "silencedBy": %s, "inhibitedBy": []}}`, strings.Repeat(",", min(i, 1)), namespace, service, by)
			}
			fmt.Fprint(w, "]")
		case "/api/v2/silence/0a1b":
			_ = json.NewEncoder(w).Encode(map[string]any{"id": "0a1b", "createdBy": "bob", "comment": comment, "endsAt": until})
		default:
			return nil, errors.New("connection refused")
		}
		return w.Result(), nil
	})
	clock := time.Now()
	v, _, _ := outage(t, func(o *Options) {
		o.AlertmanagerHTTP = &http.Client{Transport: answers}
		clock = o.Now()
		o.Now = func() time.Time { return clock }
	})
	look := func() (*silence, string) {
		var list struct {
			Incidents []struct {
				Path    string
				Silence *silence
			}
		}
		clock = clock.Add(silencesAge) // what was said is too old
		require.Nil(t, v.answer("/incidents", "/incidents", &list))
		return list.Incidents[0].Silence, v.page(list.Incidents[0].Path)
	}
	got, text := look()
	assert.Nil(t, got)
	assert.NotContains(t, text, "bob")
	silenced = []string{"payment"}
	got, _ = look()
	assert.Nil(t, got, "people hear of checkout")
	silenced = []string{"payment", "checkout"}
	got, text = look()
	require.NotNil(t, got)
	assert.Equal(t, silence{"bob", comment, until, true}, *got)
	assert.Contains(t, text, "Acknowledged by bob")
	assert.Contains(t, text, "ACK! &lt;b&gt;rolling back")
	comment = "the bank is down"
	_, text = look()
	assert.Contains(t, text, "Silenced by bob")

	v, _, _ = outage(t, func(o *Options) { o.AlertmanagerHTTP = &http.Client{Transport: refusing} })
	got, text = look()
	assert.Nil(t, got)
	assert.Contains(t, text, "The Alertmanager does not say whether it is silenced")
}

// An alert that fires and is not recorded yet is no incident yet, and the page says so.
func TestAlertThatIsNotRecordedYet(t *testing.T) {
	answers := roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		data := `{"resultType": "vector", "result": []}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/alerts"):
			data = `{"alerts": [{"labels": {"alertname": "ErrorBudgetBurnCritical", "service_name": "payment", "environment": "production"}, "state": "firing", "activeAt": "2026-11-21T03:00:00Z", "value": "1", "annotations": {}}]}`
		case r.ParseForm() == nil && strings.HasSuffix(r.Form.Get("query"), "]"):
			data = `{"resultType": "matrix", "result": []}`
		}
		_, err := fmt.Fprintf(w, `{"status": "success", "data": %s}`, data)
		return w.Result(), err
	})
	v := open(t, &http.Client{Transport: answers}, parse(t, document("payment", "x", 1, strings.TrimPrefix(fmt.Sprintf(twoServices, "payment"), "\n"))), "")
	text := v.page("/incidents?service=payment")
	assert.Contains(t, text, "Prometheus has not recorded it yet")
	assert.NotContains(t, text, "There was no incident")
	assert.Contains(t, v.page("/incidents?service=payment&environment=staging"), "There was no incident")
	var got struct{ Unrecorded bool }
	require.Nil(t, v.answer("/incidents?service=payment", "/incidents", &got))
	assert.True(t, got.Unrecorded)
}
