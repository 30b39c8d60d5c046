// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// The timeline has the changes of those affected, of what they depend on, and of all, from an hour before on.
func TestChangesInTheTimeline(t *testing.T) {
	start := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	end := start.Add(time.Hour)
	place := func(name, environment string) incident.Service {
		return incident.Service{Namespace: "shop", Name: name, Environment: environment}
	}
	flag := func(of incident.Service, subject string, after time.Duration) incident.Change {
		return incident.Change{Service: of, Kind: "feature_flag", Subject: subject, Previous: "off", Value: "on", At: start.Add(after)}
	}
	production := place("checkout", "production")
	suspected := flag(production, "old suspect", -5*time.Hour)
	graph := &incident.Graph{}
	graph.Add("shop", "checkout", "shop", "payment")
	graph.Add("shop", "payment", "shop", "bank")
	graph.Add("shop", "frontend", "shop", "checkout")
	h := book.History{Graph: graph, Changes: []incident.Change{
		suspected,
		flag(production, "of itself", time.Minute), flag(place("bank", "production"), "of what it needs", -time.Minute),
		flag(incident.Service{Environment: "production"}, "of all", -2*time.Minute), flag(incident.Service{Namespace: "shop"}, "of the namespace", -3*time.Minute),
		flag(place("checkout", "staging"), "elsewhere", 0), flag(place("frontend", "production"), "of what needs it", 0), flag(incident.Service{Namespace: "other"}, "of another namespace", 0),
		flag(production, "long before", -2*time.Hour), flag(production, "after", 2*time.Hour),
		{Service: production, Kind: incident.Deployment, Version: "2", At: start},
	}}
	one := &incident.Incident{
		ID: "one", Start: start, End: end, State: incident.Resolved, Services: []incident.Affected{{Service: production, Start: start, SLOs: []string{"availability"}, Origin: true}},
		Suspects: []incident.Suspect{{Change: suspected, Probability: 0.1}},
	}
	deployed := func(name, version string, after time.Duration) deployment.Deployment {
		return deployment.Deployment{Namespace: "shop", Service: name, Environment: "production", Version: version, Since: start.Add(after)}
	}
	var got []string
	for _, m := range timeline(one, h, []deployment.Deployment{deployed("checkout", "2", -time.Minute), deployed("bank", "3", -30*time.Minute), deployed("frontend", "4", 0), deployed("bank", "1", -3*time.Hour)}) {
		got = append(got, fmt.Sprint(m.Time.Sub(start), " ", m.Kind, " ", m.Text))
	}
	assert.Equal(t, []string{
		"-5h0m0s change checkout feature flag old suspect: off → on",
		"-30m0s change bank 3 is deployed",
		"-3m0s change feature flag of the namespace: off → on",
		"-2m0s change feature flag of all: off → on",
		"-1m0s change bank feature flag of what it needs: off → on",
		"-1m0s change checkout 2 is deployed",
		"0s burn checkout begins to burn, likely the origin: availability",
		"1m0s change checkout feature flag of itself: off → on",
	}, got)
}
