// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/internal/metadatatest"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func methods(g *grafanatest.Grafana) string {
	var all []string
	for _, r := range g.Requests() {
		all = append(all, r.Method)
	}
	return strings.Join(all, " ")
}

func TestRequests(t *testing.T) {
	grafana := grafanatest.New(token)
	endpoint := serve(t, grafana)
	e, logs := started(t, configFor(endpoint))
	d := deploy("one", "1.1", 1)
	push := func(status deployment.Status, minute int) {
		require.NoError(t, e.push(t.Context(), reported(d, status, minute)))
	}
	push(deployment.Started, 1)
	require.Equal(t, "GET POST GET", methods(grafana), "looked up, written, looked whether it is the only one")
	push(deployment.Started, 1)
	require.Empty(t, methods(grafana), "nothing new")
	push(deployment.Completed, 5)
	require.Equal(t, "PATCH", methods(grafana))
	push(deployment.Canary, 3)
	require.Empty(t, methods(grafana), "late")
	d.Start = noon
	push(deployment.Started, 0)
	require.Equal(t, "PATCH", methods(grafana), "it began earlier")
	require.Equal(t, []region{{"one", "completed", 0, 5}}, regions(grafana))

	e, _ = started(t, configFor(endpoint))
	push(deployment.Completed, 5)
	require.Equal(t, "GET", methods(grafana), "a restart")

	grafana.Delete(grafana.Annotations()[0].ID)
	push(deployment.RolledBack, 9)
	require.Equal(t, "PATCH GET POST GET", methods(grafana), "somebody deleted it")
	require.Equal(t, []region{{"one", "rolled_back", 0, 9}}, regions(grafana))
	require.Empty(t, logs.All())
}

// What somebody else wrote is read from its tags and times; what is no annotation of the organization is not touched.
func TestOtherWriters(t *testing.T) {
	at := func(minute int) int64 { return noon.Add(time.Duration(minute) * time.Minute).UnixMilli() }
	other := grafanatest.Annotation{Time: at(-2), TimeEnd: at(7), Tags: []string{"deploy", "deploy_id:one", "status:failed"},
		Text: "by CI", Data: json.RawMessage(`"no object"`)}
	grafana := grafanatest.New(token)
	grafana.Add(grafanatest.Annotation{Time: at(9), TimeEnd: at(9), Tags: []string{"deploy_id:One"}, Text: "not the same"})
	panel := other
	panel.DashboardID, panel.DashboardUID, panel.PanelID = 3, "slo", 2
	grafana.Add(panel)
	alert := other
	alert.AlertID = 5
	grafana.Add(alert)
	oldest := grafana.Add(other)
	youngest := grafana.Add(grafanatest.Annotation{Time: at(8), TimeEnd: at(8), Tags: []string{"deploy_id:one"}, Text: "twice"})
	grafana.FoldCase = true
	e, logs := started(t, configFor(serve(t, grafana)))
	require.NoError(t, e.push(t.Context(), reported(deploy("one", "1.1", 0), deployment.Completed, 5)))
	require.Equal(t, "GET PATCH", methods(grafana))
	for _, a := range grafana.Annotations() {
		if a.ID == oldest {
			require.True(t, a.Has("status:failed"), "it ended later")
			require.Equal(t, []int64{at(-2), at(7)}, []int64{a.Time, a.TimeEnd})
			require.Contains(t, a.Text, "<b>shop/checkout</b> 1.1 in production: deployment failed after 9m0s")
		} else {
			require.NotContains(t, a.Text, "checkout")
		}
		if a.ID == youngest {
			require.Equal(t, "twice", a.Text)
		}
	}
	require.Len(t, grafana.Annotations(), 5)
	require.Equal(t, 1, logs.FilterMessage("An annotation exists twice").Len())
}

// Details come from any reporter, across restarts.
func TestDetailsAreKept(t *testing.T) {
	grafana := grafanatest.New(token)
	endpoint := serve(t, grafana)
	d := deploy("one", "1.1", 0)
	d.Compare, d.Actor = "https://git.example.com/compare/1.0...1.1", "alice"
	e, _ := started(t, configFor(endpoint))
	require.NoError(t, e.push(t.Context(), reported(d, deployment.Started, 0)))
	d.Compare, d.Actor, d.RunURL = "", "", "https://ci.example.com/7"
	e, _ = started(t, configFor(endpoint))
	require.NoError(t, e.push(t.Context(), reported(d, deployment.Completed, 5)))
	text := grafana.Annotations()[0].Text
	for _, want := range []string{"deployment complete", `href="https://git.example.com/compare/1.0...1.1"`, `href="https://ci.example.com/7"`, "by alice"} {
		require.Contains(t, text, want)
	}
}

// The annotation remembers no password that a repository's URL holds.
func TestNoPasswordIsKept(t *testing.T) {
	grafana := grafanatest.New(token)
	e, _ := started(t, configFor(serve(t, grafana)))
	d := deploy("one", "1.1", 0)
	d.Revision = "abc"
	d.Repository, d.Compare, d.RunURL = "https://user:secret@git.example.com/x", "https://secret@git.example.com/y", "https://secret:x@%zz"
	require.NoError(t, e.push(t.Context(), reported(d, deployment.Started, 0)))
	a := grafana.Annotations()[0]
	require.Contains(t, a.Text, "https://git.example.com/x/commit/abc")
	require.Contains(t, string(a.Data), "https://git.example.com/y")
	require.NotContains(t, a.Text+string(a.Data), "secret")
}

func TestRecordWithoutID(t *testing.T) {
	grafana := grafanatest.New(token)
	e, _ := started(t, configFor(serve(t, grafana)))
	d := deploy("", "1.1", 0)
	require.NoError(t, e.push(t.Context(), reported(d, deployment.Started, 0)))
	require.NoError(t, e.push(t.Context(), reported(d, deployment.Completed, 5)))
	require.NoError(t, e.push(t.Context(), reported(deploy("", "1.1", 60), deployment.Started, 60)))
	got := regions(grafana)
	require.Len(t, got, 2)
	require.Equal(t, []int{0, 5, 60}, []int{got[0].start, got[0].end, got[1].start})
	require.Equal(t, deployment.NewID(checkout, "1.1", int(noon.UnixMilli())), got[0].id)
}

// A batch with one malformed record, one that Grafana refuses for good and one that fails for now: the rest is
// written, and only the last one comes again.
func TestPartialFailure(t *testing.T) {
	tel := componenttest.NewTelemetry()
	defer func() { require.NoError(t, tel.Shutdown(t.Context())) }()
	grafana := grafanatest.New(token)
	config := configFor(serve(t, grafana))
	set, log := settingsWith(tel)
	e, err := newExporter(set, config)
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), withAuth(t)))
	defer func() { require.NoError(t, e.shutdown(t.Context())) }()

	logs := plog.NewLogs()
	report(logs, deploy("fine", "1", 0), deployment.Started, 0)
	report(logs, deploy("malformed", "2", 1), deployment.Started, 1)
	logs.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutInt(semconv.ServiceVersion, 2)
	report(logs, deploy("refused", "3", 2), deployment.Started, 2)
	report(logs, deploy("fails", "4", 3), deployment.Started, 3)
	logs.ResourceLogs().At(3).Resource().Attributes().PutStr("host.name", "kept")
	report(logs, deploy("also-fine", "5", 4), deployment.Started, 4)
	grafana.Intercept(func(r *http.Request) *grafanatest.Fault {
		switch {
		case r.Method == http.MethodGet && r.URL.Query().Get("tags") == "deploy_id:refused":
			return &grafanatest.Fault{Status: 400, Body: `{"message":"not \u001b[2J you"}`}
		case r.Method == http.MethodGet && r.URL.Query().Get("tags") == "deploy_id:fails":
			return &grafanatest.Fault{Status: 500}
		}
		return nil
	})
	err = e.push(t.Context(), logs)
	require.False(t, consumererror.IsPermanent(err))
	var failed consumererror.Logs
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 1, failed.Data().LogRecordCount())
	require.Equal(t, map[string]any{"host.name": "kept"}, failed.Data().ResourceLogs().At(0).Resource().Attributes().AsRaw())

	grafana.Intercept(nil)
	require.NoError(t, e.push(t.Context(), failed.Data()))
	var ids []string
	for _, r := range regions(grafana) {
		ids = append(ids, r.id)
	}
	require.Equal(t, []string{"fine", "fails", "also-fine"}, ids)

	require.Equal(t, 1, log.FilterMessage("A record cannot become an annotation; it is dropped").Len())
	require.Equal(t, "service.version is Int; make it a string", log.All()[0].ContextMap()["error"])
	require.Equal(t, `GET: 400 Bad Request: "not \x1b[2J you"`, log.All()[1].ContextMap()["error"])
	metadatatest.AssertEqualExporterGrafanaAnnotationsRecords(t, tel, []metricdata.DataPoint[int64]{
		{Value: 3, Attributes: attribute.NewSet(attribute.String("result", "created"))},
		{Value: 2, Attributes: attribute.NewSet(attribute.String("result", "dropped"))},
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualExporterGrafanaAnnotationsRequests(t, tel, []metricdata.DataPoint[int64]{
		{Value: 6, Attributes: attribute.NewSet(attribute.String("method", "GET"), attribute.String("answer", "2xx"))},
		{Value: 1, Attributes: attribute.NewSet(attribute.String("method", "GET"), attribute.String("answer", "4xx"))},
		{Value: 1, Attributes: attribute.NewSet(attribute.String("method", "GET"), attribute.String("answer", "5xx"))},
		{Value: 3, Attributes: attribute.NewSet(attribute.String("method", "POST"), attribute.String("answer", "2xx"))},
	}, metricdatatest.IgnoreTimestamp())
}

// Once Grafana is not there, the rest of the batch is not tried.
func TestRateLimit(t *testing.T) {
	for header, want := range map[string]string{"2": "Throttle (2s)", "99999": "Throttle (5m0s)", "soon": "", "": "", "-1": "",
		time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat): "Throttle (5m0s)"} {
		grafana := grafanatest.New(token)
		e, _ := started(t, configFor(serve(t, grafana)))
		grafana.Intercept(func(*http.Request) *grafanatest.Fault {
			return &grafanatest.Fault{Status: 429, Header: http.Header{"Retry-After": {header}}}
		})
		logs := plog.NewLogs()
		report(logs, deploy("one", "1", 0), deployment.Started, 0)
		report(logs, deploy("two", "2", 1), deployment.Started, 1)
		err := e.push(t.Context(), logs)
		require.ErrorContains(t, err, "429 Too Many Requests")
		require.ErrorContains(t, err, want)
		require.Equal(t, want != "", strings.Contains(err.Error(), "Throttle"))
		var failed consumererror.Logs
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 2, failed.Data().LogRecordCount())
		require.Equal(t, "GET", methods(grafana))
	}
}

// What Grafana refuses for good is dropped, and the log says once what to do.
func TestRefusals(t *testing.T) {
	answers := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example.com/login")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	viewer := grafanatest.New(token)
	viewer.ReadOnly = true
	for name, test := range map[string]struct {
		grafana   http.Handler
		permanent bool
		want      string
	}{
		"token":    {grafanatest.New("another"), true, `GET: 401 Unauthorized: "Invalid API key"; give a valid service account token by the auth extension`},
		"role":     {viewer, true, `POST: 403 Forbidden: "You'll need additional permissions to perform this action. Permissions needed: annotations:create"; the token needs annotations:read, :create, :write and :delete of the organization, as the role Editor has`},
		"sub path": {http.StripPrefix("/grafana", grafanatest.New(token)), true, `GET: 404 Not Found; make endpoint Grafana's own base URL, with the path it is served under, if any`},
		"redirect": {answers(302, ""), true, `GET: 302 Found: it redirects to "https://elsewhere.example.com/login"; make endpoint Grafana's own base URL`},
		"a page":   {answers(200, "<html>"), false, `GET: 200 OK: the answer is not Grafana's: "<html>"; make endpoint Grafana's own base URL`},
		"long":     {answers(422, `{"message":"`+strings.Repeat("x", 100000)+`"}`), true, `GET: 422 Unprocessable Entity: "` + strings.Repeat("x", 200) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			e, log := started(t, configFor(serve(t, test.grafana)))
			for range 3 {
				err := e.push(t.Context(), reported(deploy("one", "1", 0), deployment.Started, 0))
				require.ErrorContains(t, err, test.want)
				require.Equal(t, test.permanent, consumererror.IsPermanent(err))
				require.Less(t, len(err.Error()), 600)
			}
			if test.permanent {
				require.Equal(t, 1, log.Len())
			}
		})
	}
}

func TestSubPath(t *testing.T) {
	grafana := grafanatest.New(token)
	e, _ := started(t, configFor(serve(t, http.StripPrefix("/grafana", grafana))+"/grafana/"))
	require.NoError(t, e.push(t.Context(), reported(deploy("one", "1", 0), deployment.Started, 0)))
	require.Len(t, grafana.Annotations(), 1)
}

func TestBadTimes(t *testing.T) {
	record := plog.NewLogRecord()
	d := deploy("one", "1", 0)
	d.Status = deployment.Started
	d.Write(record, noon)
	record.Attributes().Remove(semconv.DeploymentStartTime)
	record.SetTimestamp(0)
	_, err := readDeployment(pcommon.NewMap(), record)
	require.EqualError(t, err, "timestamp is missing; set it, or deployment.start_time")
	record.SetTimestamp(1)
	_, err = readDeployment(pcommon.NewMap(), record)
	require.EqualError(t, err, "timestamp or deployment.start_time is in the year 1970; set the present time")

	d.Status, d.Start = deployment.Completed, noon.Add(time.Hour)
	d.Write(record, noon)
	got, err := readDeployment(pcommon.NewMap(), record)
	require.NoError(t, err)
	require.Equal(t, []time.Time{noon, noon}, []time.Time{got.Start, got.End}, "clocks differ")
	record.SetTimestamp(0)
	got, err = readDeployment(pcommon.NewMap(), record)
	require.NoError(t, err)
	require.Equal(t, []time.Time{d.Start, d.Start}, []time.Time{got.Start, got.End}, "the end is not known")
}

func TestComplaints(t *testing.T) {
	set, log := settingsWith(nil)
	now := noon
	c := newComplaints(set.Logger)
	c.now = func() time.Time { return now }
	for range 3 {
		c.say("x", "one")
	}
	for i := range 100 {
		c.say("x", strings.Repeat("y", i))
	}
	require.Equal(t, maxComplaints, log.Len())
	now = now.Add(time.Minute)
	c.say("x", "one")
	require.Equal(t, maxComplaints+1, log.Len())
	require.EqualValues(t, 2, log.All()[1].ContextMap()["not_logged_before"])
	require.EqualValues(t, 100-(maxComplaints-1), log.All()[maxComplaints].ContextMap()["not_logged_before"])
}

func TestErrorsOfTheNetworkHaveNoURL(t *testing.T) {
	e, _ := started(t, configFor("http://127.0.0.1:1"))
	err := e.push(t.Context(), reported(deploy("one", "1", 0), deployment.Started, 0))
	require.ErrorContains(t, err, "GET did not answer: dial tcp 127.0.0.1:1")
	require.NotContains(t, err.Error(), "deploy_id")
	var r *refusal
	require.NotErrorAs(t, err, &r)
}
