// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRoundTrip writes services made at random and reads them again.
func TestRoundTrip(t *testing.T) {
	compiled := compileSchema(t)
	for seed := range uint64(300) {
		g := maker{rand.New(rand.NewPCG(seed, 1))}
		want := g.catalog(g.sli)
		text := asYAML(t, want)
		got, problems := Parse("a.yaml", text)
		require.NoError(t, problems.Err(), "seed %d:\n%s", seed, text)
		require.Equal(t, withoutPositions(want), withoutPositions(got), "seed %d:\n%s", seed, text)
		require.Equal(t, string(text), string(asYAML(t, got)), "seed %d", seed)
		require.Equal(t, revision(want.Services), got.Revision, "seed %d", seed)
		for _, s := range want.Services {
			require.NoError(t, compiled.Validate(plain(serviceShape.write(*s))), "seed %d", seed)
		}
	}
}

func TestRoundTripOpenSLO(t *testing.T) {
	for seed := range uint64(200) {
		g := maker{rand.New(rand.NewPCG(seed, 2))}
		want := g.catalog(g.prometheus)
		require.Equal(t, withoutPositions(want), withoutPositions(throughOpenSLO(t, want)), "seed %d", seed)
	}
}

func TestRoundTripSloth(t *testing.T) {
	for seed := range uint64(200) {
		g := maker{rand.New(rand.NewPCG(seed, 3))}
		want := g.catalog(g.prometheus)
		for _, s := range want.Services {
			*s = Service{Name: s.Name, Namespace: s.Namespace, Owner: s.Owner, Tier: s.Tier, SLOs: s.SLOs}
			if s.Owner != "" {
				set(&s.Labels, "owner", s.Owner)
			}
			if s.Tier != defaultTier {
				set(&s.Labels, "tier", strconv.Itoa(s.Tier))
			}
			for _, slo := range s.SLOs {
				slo.Window, slo.Resets, slo.Budgeting, slo.Formerly = Window{Rolling: defaultWindow}, nil, Budgeting{}, ""
				slo.Objective, slo.AllowLowObjective = max(slo.Objective, lowObjective), false
				slo.Maintenance, slo.OperatingHours, slo.Corrections = nil, nil, nil
				slo.MaxGroups, slo.GroupBy, slo.SLI.Prometheus.EnvironmentLabel = 0, nil, ""
				if slo.Alerts.Name == "" {
					slo.Alerts.Name = "ErrorBudgetBurn"
				}
				slo.Alerts.Severity, slo.Alerts.MinimumFailures, slo.Alerts.Pairs = Severities{}, 0, nil
				slo.Alerts.Disable = without(slo.Alerts.Disable, "SLIMissing")
				if p := slo.SLI.Prometheus; p.Good != "" {
					p.Errors, p.Good = p.Good, ""
				}
			}
			if len(s.SLOs) == 0 {
				s.SLOs = []*SLO{{Name: "a", Objective: 99, Window: Window{Rolling: defaultWindow}, SLI: SLI{Prometheus: &Prometheus{ErrorRatio: `x{w="{{.window}}"}`}}, Alerts: Alerting{Name: "A"}}}
			}
		}
		require.Equal(t, withoutPositions(want), withoutPositions(throughSloth(t, want)), "seed %d", seed)
	}
}

func TestRevisionTellsContent(t *testing.T) {
	load := func(text string) string {
		c, problems := Parse("a.yaml", []byte(text))
		require.NoError(t, problems.Err())
		return c.Revision
	}
	one := load(head + "metadata: {name: a}\nspec: {tier: 1}\n")
	assert.Equal(t, one, load("# a comment\n"+head+"metadata:\n  name: \"a\"\nspec: {tier: 1}\n"))
	assert.NotEqual(t, one, load(head+"metadata: {name: a}\nspec: {tier: 2}\n"))
	assert.Equal(t, load(head+"metadata: {name: a}\n"), load(head+"metadata: {name: a}\nspec: {tier: 3}\n"), "a default, written out")
}

// withoutPositions is what a catalog says, wherever it says it.
func withoutPositions(c *Catalog) []Service {
	services := make([]Service, len(c.Services))
	for i, s := range c.Services {
		services[i] = *s
		services[i].Position = Position{}
		services[i].SLOs = nil
		for _, slo := range s.SLOs {
			bare := *slo
			bare.Position = Position{}
			services[i].SLOs = append(services[i].SLOs, &bare)
		}
	}
	return services
}

// A maker makes sound models.
type maker struct{ *rand.Rand }

func pick[T any](g maker, from ...T) T { return from[g.IntN(len(from))] }

func (g maker) maybe(s string) string { return pick(g, "", s) }

// text is free text with what YAML finds hard.
func (g maker) text() string {
	return pick(g, "plain", "true", "0x10", "null", "~", "12:30:00", "2024-01-01", "a: b", "- a", "#payments", "'", `"`, "{{.window}}", "ünïcode ☃", "a\\b", "@x", "%y", "! z", "no")
}

func (g maker) prose() string {
	return pick(g, g.text(), "two\nlines", "ends in a line\n", "\tand tabs", " spaces at the ends ", "a:\n  b\n\n")
}

func (g maker) moment() time.Time {
	return time.Unix(1_700_000_000+g.Int64N(1e8), pick(g, 0, g.Int64N(1e9))).UTC()
}

func (g maker) catalog(sli func() SLI) *Catalog {
	c := &Catalog{}
	for i := range 1 + g.IntN(3) {
		c.Services = append(c.Services, g.service(fmt.Sprintf("service-%d", i), sli))
	}
	return c
}

func (g maker) service(name string, sli func() SLI) *Service {
	s := &Service{
		Name: name, Tier: 1 + g.IntN(4), Namespace: "shop", Owner: g.maybe(g.text()),
		Description: g.maybe(g.prose()), Repository: g.maybe("https://git.example.com/a?b=c#d"),
		Escalation: Escalation{Chat: g.maybe(g.text()), Email: g.maybe("a@example.com")},
	}
	if g.IntN(2) == 0 {
		s.Labels = map[string]string{"team": g.text(), "a.b-c_d": g.text()}
	}
	if g.IntN(2) == 0 {
		s.Environments = []string{"production", "yes"}
		s.DependsOn = []string{"other", "shop/payment"}
		s.Deployment.Kubernetes = &KubernetesWorkload{Namespace: "ns", Kind: pick(g, "Deployment", "StatefulSet"), Name: pick(g, name, "worker")}
	}
	s.Versions = g.maybe(pick(g, VersionsOne, VersionsMany))
	for range g.IntN(3) {
		start := g.moment()
		s.Maintenance = append(s.Maintenance, Maintenance{Start: start, End: start.Add(time.Duration(1 + g.Int64N(1e15))), Reason: g.maybe(g.text())})
	}
	g.schedule(&s.OperatingHours, &s.Maintenance, &s.Corrections)
	s.Ledger = pick(g, Ledger{}, Ledger{Allow: []string{"customer.*", "user.plan"}}, Ledger{Allow: []string{"*plan*"}, Deny: []string{"cart.kind"}})
	for i := range g.IntN(5) {
		s.SLOs = append(s.SLOs, g.slo(fmt.Sprintf("slo-%d", i), sli()))
	}
	return s
}

// schedule adds times that come again, and corrections.
func (g maker) schedule(hours *[]OperatingHours, maintenance *[]Maintenance, corrections *[]Correction) {
	again := func() *Recurrence {
		every, _, _ := parseRecurrence(anyRecurrence(g.Rand))
		return &every
	}
	start := g.moment()
	end := start.Add(time.Duration(1 + g.Int64N(1e15)))
	for range g.IntN(2) {
		*hours = append(*hours, OperatingHours{Every: again(), Start: pick(g, start, time.Time{}), End: pick(g, end, time.Time{})})
		*maintenance = append(*maintenance, Maintenance{Every: again(), Start: pick(g, start, time.Time{}), End: pick(g, end, time.Time{}), Reason: g.maybe(g.text())})
		*corrections = append(*corrections, Correction{Start: start, End: end, As: pick(g, Excluded, Counted, AllGood, AllBad), By: g.text(), Reason: g.text()})
	}
}

func (g maker) slo(name string, sli SLI) *SLO {
	slo := &SLO{
		Name: name, SLI: sli, Description: g.maybe(g.prose()),
		Objective: pick(g, 99.9, 99, 50, 99.999, 0.5, 1e-7, float64(1+g.IntN(99_999_998))/1e6),
		Window:    Window{Rolling: pick(g, defaultWindow, 7*24*time.Hour, 36*time.Hour, 90*time.Minute, 366*24*time.Hour)},
	}
	if g.IntN(3) == 0 {
		location, err := time.LoadLocation(pick(g, "UTC", "Europe/Madrid", "America/St_Johns"))
		if err != nil {
			panic(err)
		}
		slo.Window = Window{Calendar: &Calendar{Unit: pick(g, Day, Week, Month, Quarter, Year), Location: location}}
		if g.IntN(2) == 0 {
			slo.Window.Calendar.Start = time.Date(2026, time.March, 1+g.IntN(31), g.IntN(24), 30, 0, 0, time.UTC)
		}
	}
	g.schedule(&slo.OperatingHours, &slo.Maintenance, &slo.Corrections)
	slo.AllowLowObjective = slo.Objective < lowObjective
	if g.IntN(2) == 0 {
		slo.Labels = map[string]string{"team": g.text(), "channel": g.text()}
		slo.Alerts = g.alerting()
	}
	if sli.Prometheus != nil {
		slo.GroupBy = pick(g, nil, []string{"host"}, []string{"host", "path"})
		if slo.GroupBy != nil {
			slo.MaxGroups = pick(g, 0, 10)
		}
		slo.Budgeting = pick(g, Budgeting{}, Budgeting{}, Budgeting{Method: TimeSlices, Slice: 5 * time.Minute, Target: 95}, Budgeting{Method: RatioTimeSlices, Slice: time.Minute})
		sli.Prometheus.EnvironmentLabel = pick(g, "", "env")
	}
	if g.IntN(3) == 0 {
		slo.Resets = []Reset{{At: g.moment(), By: g.text(), Reason: g.text()}}
		slo.Formerly = "old-" + slo.Name
	}
	return slo
}

// alerting are settings as Sloth has them, and some that it does not have.
func (g maker) alerting() Alerting {
	text := func() AlertText {
		return pick(g, AlertText{}, AlertText{Labels: map[string]string{"severity": "critical"}, Annotations: map[string]string{"text": "{{ $labels.host }}: " + g.text()}})
	}
	a := Alerting{Name: g.maybe("WalletErrors"), Page: text(), Ticket: text(), Disable: pick(g, nil, []string{"ticket"}, []string{"page", "ticket"})}
	a.Labels, a.Annotations = text().Labels, text().Annotations
	if g.IntN(2) == 0 {
		a.Severity, a.MinimumFailures = Severities{Page: "critical"}, 10
		a.Disable = append(a.Disable, "SLIMissing")
		a.Pairs = []BurnPair{{Name: "Critical", Page: true, Long: time.Hour, Short: 5 * time.Minute, BudgetShare: 0.02, For: 2 * time.Minute}, {Name: "Slow", Long: 72 * time.Hour, Short: 6 * time.Hour, Factor: 1.5, For: time.Hour}}
	}
	return a
}

func (g maker) prometheus() SLI {
	query := func() string {
		return pick(g, `sum(rate(x{a="b"}[{{.window}}]))`, "sum(\n  rate(x[{{ .window }}])\n)", `x{w="{{.window}}"}`)
	}
	if g.IntN(2) == 0 {
		return SLI{Prometheus: &Prometheus{ErrorRatio: query()}}
	}
	if g.IntN(2) == 0 {
		return SLI{Prometheus: &Prometheus{Good: query(), Total: query()}}
	}
	return SLI{Prometheus: &Prometheus{Errors: query(), Total: query()}}
}

func (g maker) sli() SLI {
	selection := SpanSelection{Kinds: pick(g, []string{"server", "consumer"}, []string{"client"}), Match: g.maybe(`attributes["x"] == "y"`)}
	conditions := &Conditions{Match: g.maybe(`attributes["x"] != nil`), Good: `attributes["x"] == "a: 'b'"`}
	switch g.IntN(6) {
	case 0:
		return SLI{Availability: &Availability{selection}}
	case 1:
		return SLI{Latency: &Latency{SpanSelection: selection, Threshold: g.duration(), ErrorsAreBad: g.IntN(2) == 0}}
	case 2:
		return SLI{Spans: conditions}
	case 3:
		return SLI{Logs: conditions}
	case 4:
		return SLI{Metrics: pick(g,
			&Metrics{Good: g.metric(), Total: g.metric()},
			&Metrics{Bad: g.metric(), Total: g.metric()},
			&Metrics{Good: g.metric(), Bad: g.metric()})}
	default:
		return g.prometheus()
	}
}

func (g maker) duration() time.Duration {
	return time.Duration(1+g.Int64N(1e6)) * pick(g, time.Nanosecond, time.Microsecond, time.Millisecond, time.Second)
}

func (g maker) metric() *MetricSelection {
	m := &MetricSelection{Name: "queue.messages", Match: g.maybe(`attributes["late"] == false`)}
	switch g.IntN(3) {
	case 0:
		m.Threshold = &Threshold{Duration: g.duration(), Interpolate: g.IntN(2) == 0}
	case 1:
		m.Threshold = &Threshold{Value: pick(g, 0.3, -1, 0, 1e21, 5), Interpolate: g.IntN(2) == 0}
	}
	return m
}
