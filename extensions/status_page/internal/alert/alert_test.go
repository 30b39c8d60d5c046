// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alert

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

var began = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func raised(name, state, severity, service string, after time.Duration, annotations ...string) v1.Alert {
	a := v1.Alert{State: v1.AlertState(state), ActiveAt: began.Add(after), Annotations: model.LabelSet{}, Labels: model.LabelSet{
		"alertname": model.LabelValue(name), "severity": model.LabelValue(severity), "service_name": model.LabelValue(service), "environment": "production",
	}}
	for i := 0; i < len(annotations); i += 2 {
		a.Annotations[model.LabelName(annotations[i])] = model.LabelValue(annotations[i+1])
	}
	return a
}

func called(list []Alert) string {
	var all []string
	for _, a := range list {
		all = append(all, a.Name)
	}
	return strings.Join(all, " ")
}

var directory = Directory{
	Names:   names.Recorded(),
	Catalog: &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout", Namespace: "shop"}}},
	Runbook: func(slug, alert string) string {
		if slug == "checkout" && alert == "Known" {
			return "/runbooks/checkout/Known"
		}
		return ""
	},
}

func TestWhatPagesComesFirst(t *testing.T) {
	list := directory.List([]v1.Alert{
		raised("Pending", "pending", "page", "a", 9), raised("Ticket", "firing", "ticket", "a", 8),
		raised("Old", "firing", "page", "a", 1), raised("New", "firing", "page", "a", 2),
	})
	assert.Equal(t, "New Old Ticket Pending", called(list))
}

func TestLinks(t *testing.T) {
	for name, test := range map[string]struct{ alert, service, url, runbook, page string }{
		"here":              {"Known", "checkout", "https://elsewhere.example.com", "/runbooks/checkout/Known", "/services/checkout"},
		"elsewhere":         {"Other", "checkout", "https://elsewhere.example.com/x", "https://elsewhere.example.com/x", "/services/checkout"},
		"unknown service":   {"Known", "payment", "", "", ""},
		"no page":           {"Other", "checkout", "javascript:alert(1)", "", "/services/checkout"},
		"a path":            {"Other", "checkout", "//evil.example.com", "", "/services/checkout"},
		"without an end":    {"Other", "checkout", "https://x.example.com/" + strings.Repeat("x", 3000), "", "/services/checkout"},
		"no URL whatsoever": {"Other", "checkout", "http://[", "", "/services/checkout"},
	} {
		t.Run(name, func(t *testing.T) {
			a := directory.List([]v1.Alert{raised(test.alert, "firing", "page", test.service, 0, "runbook_url", test.url)})[0]
			assert.Equal(t, []string{test.runbook, test.page}, []string{a.Runbook, a.Page})
			assert.Equal(t, "production", a.Environment)
		})
	}
}

func TestOf(t *testing.T) {
	list := directory.List([]v1.Alert{raised("A", "firing", "page", "checkout", 0), raised("B", "firing", "page", "payment", 0)})
	assert.Equal(t, "A", called(Of(list, "shop", "checkout", "production")), "an alert need not know the namespace")
	assert.Empty(t, Of(list, "shop", "checkout", "staging"))
	list[0].Namespace = "other"
	assert.Empty(t, Of(list, "shop", "checkout", ""))
}
