// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/alertmanager"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

const (
	// silencesAge is how old what an Alertmanager said may be, patienceForSilences how long a page waits for it.
	silencesAge         = 10 * time.Second
	patienceForSilences = 2 * time.Second
	// maxSilences bounds the silences that are asked for.
	maxSilences = 50
)

// muted is what an Alertmanager says of its alerts.
type muted struct {
	client *alertmanager.Client

	mu       sync.Mutex
	asked    time.Time
	alerts   []alertmanager.Alert
	silences map[string]alertmanager.Silence
	err      error
}

// newMuted is nil without an Alertmanager, or a client.
func newMuted(base string, client *http.Client) *muted {
	u, err := url.Parse(base)
	if base == "" || client == nil || err != nil {
		return nil
	}
	return &muted{client: &alertmanager.Client{Base: u, HTTP: client}}
}

// of is the silence of an incident: all of its alerts that fire are silenced. nil is none, or that it is not known, with an error.
func (m *muted) of(ctx context.Context, one *incident.Incident, now time.Time) (*silence, error) {
	if m == nil || one.State == incident.Resolved {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.asked) >= silencesAge {
		m.ask(ctx)
		m.asked = now
	}
	var found *silence
	for i := range one.Spells {
		s := &one.Spells[i]
		if !s.Firing {
			continue
		}
		for _, a := range m.alerts {
			if !isOf(s, a.Labels) {
				continue
			}
			if len(a.Status.SilencedBy) == 0 {
				if len(a.Status.InhibitedBy) > 0 {
					continue // nobody hears of it either
				}
				return nil, m.err
			}
			by, ok := m.silences[a.Status.SilencedBy[0]]
			if !ok {
				return nil, m.err
			}
			if found == nil || by.EndsAt.Before(found.Until) {
				found = &silence{words.Bounded(by.CreatedBy, maxCell), words.Bounded(by.Comment, 300), by.EndsAt.UTC(), by.Acknowledges()}
			}
		}
	}
	return found, m.err
}

// isOf reports whether labels are those of a spell's alert.
func isOf(s *incident.Spell, labels map[string]string) bool {
	return labels["alertname"] == s.Alert && labels["service_name"] == s.Name && labels["service_namespace"] == s.Namespace && labels["slo_name"] == s.SLO &&
		(s.Environment == "" || labels["environment"] == s.Environment)
}

func (m *muted) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patienceForSilences)
	defer cancel()
	m.silences = map[string]alertmanager.Silence{}
	if m.alerts, m.err = m.client.Alerts(ctx); m.err != nil {
		return
	}
	for _, a := range m.alerts {
		for _, id := range a.Status.SilencedBy {
			if _, known := m.silences[id]; known || len(m.silences) >= maxSilences {
				continue
			}
			s, err := m.client.Silence(ctx, id)
			if err != nil {
				m.err = err
				return
			}
			m.silences[id] = s
		}
	}
}
