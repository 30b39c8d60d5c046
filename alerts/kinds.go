// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// A kind holds the properties of all alerts with one name. To add one, declare it in a file of its own, add it to kinds,
// and write its guide in package runbooks.
type kind struct {
	name string
	// named is the label that has the name, if it is not alertname, which the catalog may set.
	named string
	// severity and when it fires are for the table of alerts.
	severity, when string
	// ofSLO and ofService write the rules: for each SLO, or once per service. A kind has one of the two. The alert is in
	// the last rule.
	ofSLO     func(objective) []rulefmt.Rule
	ofService func(*generator) []rulefmt.Rule
	// slow: the rules of an SLO are evaluated with those of its long windows.
	slow bool
	// behind is how many recording rules lie between the counters and the alert. A ruler that does not read what it has
	// just written is late by an interval for each.
	behind int
	// mutes are the alerts that need not be sent while this one fires, where the labels of per are equal.
	mutes []string
	per   []string
	// holds is the condition in words of events; nil if it cannot hold in a story.
	holds func(s story, a Alert, at time.Duration, by float64) bool
}

// The names of alerts about a service and its SLOs.
const (
	Exhausted   = "ErrorBudgetExhausted"
	Missing     = "SLIMissing"
	Implausible = "SLIImplausible"
	Silent      = "ServiceSilent"
	Regression  = "DeploymentRegression"
	Outdated    = "RulesOutdated"

	burnPrefix = "ErrorBudgetBurn" // and the pair's
)

// kinds are all but the burn rate alerts, in the order of their rules.
var kinds = []kind{
	exhausted, missing, implausible, silent, regression, outdated,
	{name: alertRefusing, mutes: []string{alertRefused}, per: []string{"instance", "receiver", "signal"}},
	{name: alertDown, mutes: []string{Missing, Silent}}, // no collector receives telemetry of the services
}

// Known reports whether an alert of that name is one of ours. The pages of a service have one for each name.
func Known(name string) bool {
	return strings.HasPrefix(name, burnPrefix) ||
		slices.ContainsFunc(kinds, func(k kind) bool { return k.name == name }) ||
		slices.ContainsFunc(collectorAlerts(), func(a Alert) bool { return a.Name == name })
}

// ofSLO are the rules of an SLO: of the slow group, or of the fast one.
func ofSLO(o objective, slow bool) (all []rulefmt.Rule) {
	for _, k := range kinds {
		if k.ofSLO != nil && k.slow == slow {
			all = append(all, k.ofSLO(o)...)
		}
	}
	return all
}

// ofService are the rules of a service.
func ofService(g *generator) (all []rulefmt.Rule) {
	for _, k := range kinds {
		if k.ofService != nil {
			all = append(all, k.ofService(g)...)
		}
	}
	return all
}

// kindOf is the kind of an alert; nothing for alerts about the collector.
func kindOf(a Alert) kind {
	if a.Pair != nil {
		return burning
	}
	for _, k := range kinds {
		if k.name == a.Name {
			return k
		}
	}
	return kind{}
}

// inhibition mutes what the kind mutes.
func (k kind) inhibition() InhibitRule {
	named := cmp.Or(k.named, "alertname")
	return InhibitRule{
		SourceMatchers: []string{named + `="` + k.name + `"`},
		TargetMatchers: []string{named + `=~"` + strings.Join(k.mutes, "|") + `"`},
		Equal:          k.per,
	}
}
