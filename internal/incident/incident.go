// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package incident makes incidents of alerts: alerts that belong together by time, SLO, dependency and deployment are one.
//
// It is a pure function of what was recorded: the same record gives the same incidents with the same IDs, before and after a restart.
//
//   - a page about an SLO that burns begins an incident, and holds it open. A ticket belongs to the incident in which the burn began that it
//     reports; only where there is none it is an incident of its own, unless as many failures come more often than [Chance] to an SLO that just
//     meets its objective. Alerts about what lasts, such as a spent budget, belong to an incident, and begin none;
//   - alerts of one SLO are one incident for as long as the pauses between them are no longer than [Quiet];
//   - alerts of other SLOs of the service belong to it if they began to burn within [Near] of it; those of a service that depends on it,
//     if they began later, while it burned.
package incident

import (
	"cmp"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"time"
)

const (
	// Quiet is how long an incident without an alert is still the same one if another fires.
	Quiet = 15 * time.Minute
	// Near is how far apart the beginnings of one thing may be, seen in two SLOs.
	Near = 15 * time.Minute
	// Chance is how improbable the failures of a ticket must be, if the objective is just met, to begin an incident.
	Chance = 0.01
	// Max bounds the incidents: the newest.
	Max = 500
	// MaxSpells bounds the times at which alerts fired, of which they are made: the newest.
	MaxSpells = 20_000
)

// A Service is one in an environment.
type Service struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"service"`
	Environment string `json:"environment"`
}

// A Spell is a time in which one alert fired.
type Spell struct {
	// Alert is its name; Kind is the usual one, where the catalog sets another.
	Alert string `json:"alert"`
	Kind  string `json:"kind"`
	Page  bool   `json:"page"`
	Service
	SLO string `json:"slo"`
	// Group is the group of the SLO, or the version that a deployment brought: what else tells the alert from others of its name.
	Group string `json:"group,omitempty"`
	// From and To are the first and the last time at which it was recorded. Firing says that it still is.
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Firing bool      `json:"firing"`
	// Began is when the burn began that it reports; zero if that is not known.
	Began time.Time `json:"began,omitzero"`
	// Chance is, for a ticket, the probability that as many events fail, or more, of an SLO that just meets its objective; 0 is not known.
	Chance float64 `json:"chance,omitempty"`
}

// ID names the spell, and an incident that begins with it.
func (s *Spell) ID() string {
	h := fnv.New64a()
	for _, part := range []string{s.Alert, s.Namespace, s.Name, s.Environment, s.SLO, s.Group} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return s.From.UTC().Format("20060102-150405-") + hex.EncodeToString(h.Sum(nil))[:8]
}

// Start is when what it reports began, as far as that is known.
func (s *Spell) Start() time.Time {
	if s.Began.IsZero() || s.Began.After(s.From) {
		return s.From
	}
	return s.Began
}

func compare(a, b *Spell) int {
	return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Environment, b.Environment),
		cmp.Compare(a.SLO, b.SLO), cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Group, b.Group))
}

// lasting are alerts about what lasts: they begin no incident.
var lasting = map[string]bool{"ErrorBudgetExhausted": true, "RulesOutdated": true, "SLIImplausible": true}

// State is what an incident is.
type State string

// The states, in their order.
const (
	Open     State = "open"
	Settling State = "settling" // no alert fires any more, but Quiet is not over
	Resolved State = "resolved"
)

// An Incident is alerts that belong together.
type Incident struct {
	ID string `json:"id"`
	// Formerly are the IDs under which parts of it were known before they were found to be one.
	Formerly []string `json:"formerly,omitempty"`
	State    State    `json:"state"`
	// Page says that somebody was paged.
	Page bool `json:"page"`
	// Start is when the burn began, Alerted when the first alert fired, End when the last page ended, or where nobody was paged, the last ticket;
	// zero while it is open.
	Start   time.Time `json:"start"`
	Alerted time.Time `json:"alerted"`
	End     time.Time `json:"end,omitzero"`
	// Services are those affected, the likely origin first.
	Services []Affected `json:"services"`
	Spells   []Spell    `json:"alerts"`
	// Suspects are the changes that may have caused it, the likeliest first. Change is the first of them, if it is likelier than not.
	Suspects []Suspect `json:"suspects"`
	Change   *Suspect  `json:"change"`
}

// An Affected is a service whose SLOs burn.
type Affected struct {
	Service
	// Start is when it began to burn.
	Start time.Time `json:"start"`
	SLOs  []string  `json:"slos"`
	// Origin: of those affected, it depends on no other.
	Origin bool `json:"origin"`
	// Silent: no alert of it fires, but it burns, and others depend on it.
	Silent bool `json:"without_alert,omitempty"`
}

// Origin is the service where it likely began.
func (i *Incident) Origin() Affected { return i.Services[0] }

// Is reports whether it is, or was, known under an ID.
func (i *Incident) Is(id string) bool { return i.ID == id || slices.Contains(i.Formerly, id) }

// About reports whether it affects an SLO; an empty name is any.
func (i *Incident) About(namespace, service, environment, slo string) bool {
	return slices.ContainsFunc(i.Spells, func(s Spell) bool {
		return (service == "" || s.Name == service) && (namespace == "" || s.Namespace == "" || s.Namespace == namespace) &&
			(environment == "" || s.Environment == "" || s.Environment == environment) && (slo == "" || s.SLO == "" || s.SLO == slo)
	})
}
