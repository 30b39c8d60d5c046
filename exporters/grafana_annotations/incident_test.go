// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
)

func ofPayment(name event.Name, state incident.State, minute int) event.Event {
	e := event.Event{
		Name: name, At: noon.Add(time.Duration(minute) * time.Minute), ID: "20261121-030200-0a1b2c3d", State: state, Page: true, Start: noon,
		Origin: incident.Service{Namespace: "shop", Name: "payment", Environment: "production"}, SLOs: []string{"payment/availability"},
		URL: "https://sre.example.com/incidents/20261121-030200-0a1b2c3d",
	}
	if state == incident.Resolved {
		e.End = e.At
	}
	return e
}

// An incident is one region, from the beginning of the burn, whatever is said of it, and in whichever order.
func TestIncidentIsOneRegion(t *testing.T) {
	started, updated, resolved := ofPayment(event.Started, incident.Open, 2), ofPayment(event.Updated, incident.Open, 5), ofPayment(event.Resolved, incident.Resolved, 30)
	resolved.Change, resolved.Probability, resolved.Failed = "payment 1.1.0<script>", 0.93, 1234
	for name, order := range map[string][]event.Event{
		"in order": {started, updated, resolved}, "late": {resolved, started, updated}, "repeated": {started, started, resolved, resolved, updated},
	} {
		t.Run(name, func(t *testing.T) {
			grafana := grafanatest.New(token)
			e := running(t, configFor(serve(t, grafana)))
			for _, one := range order {
				require.NoError(t, e.ConsumeLogs(t.Context(), event.Logs([]event.Event{one}, pcommon.NewInstrumentationScope(), one.At)))
			}
			require.NoError(t, e.Shutdown(t.Context()))
			require.Len(t, grafana.Annotations(), 1)
			got := grafana.Annotations()[0]
			assert.Equal(t, []string{
				"incident", "incident_id:20261121-030200-0a1b2c3d", "state:resolved", "severity:page", "service:payment", "environment:production", "namespace:shop",
			}, got.Tags)
			assert.Equal(t, `<b>payment</b> incident resolved<br>payment/availability · likely change: payment 1.1.0&lt;script&gt; (93 %) · 1234 failed · `+
				`<a href="https://sre.example.com/incidents/20261121-030200-0a1b2c3d" target="_blank">incident</a>`, got.Text)
			assert.Equal(t, 30*time.Minute, got.End().Sub(got.Start()))
			assert.True(t, noon.Equal(got.Start()))
		})
	}
}

func TestIncidentsThatMakeNoSense(t *testing.T) {
	grafana := grafanatest.New(token)
	e := running(t, configFor(serve(t, grafana)))
	old := ofPayment(event.Started, incident.Open, 2)
	old.Start = time.Time{}
	require.NoError(t, e.ConsumeLogs(t.Context(), event.Logs([]event.Event{old}, pcommon.NewInstrumentationScope(), noon)))
	others := plog.NewLogs()
	record := others.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName("incident.started") // somebody else's
	require.NoError(t, e.ConsumeLogs(t.Context(), others))
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Empty(t, grafana.Annotations())
}
