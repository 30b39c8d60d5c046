// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An objective is an SLO of the service. Its values are the collector's, or those of the recording rules where
// Prometheus evaluates the SLI.
type objective struct {
	service
	*catalog.SLO
}

func (o objective) of(more ...matcher) []matcher {
	return o.service.of(append([]matcher{equal(semconv.SLOName, o.Name)}, more...)...)
}

func (o objective) recorded() []matcher {
	return o.service.recorded(equal(semconv.SLOName, o.Name))
}

func (o objective) queried() bool { return o.SLI.Prometheus != nil }

func (o objective) remaining() vector {
	if o.queried() {
		return o.names.series(recordRemaining, o.recorded()...).min(semconv.Environment)
	}
	return o.names.series(metricRemaining, o.of()...).min(semconv.Environment)
}

// share is the share of good events over the period.
func (o objective) share() vector {
	if o.queried() {
		return oneMinus(o.names.series(recordPeriod, o.recorded()...).max(semconv.Environment).times(number(o.ErrorBudget())))
	}
	return oneMinus(o.names.series(metricErrorRatio, o.of(equal(semconv.SLOWindow, o.Window.String()))...).max(semconv.Environment))
}

// burn is the burn rate over a window; over several, the lowest of them, which is what an alert compares.
func (o objective) burn(windows ...time.Duration) vector {
	words := make([]string, len(windows))
	for i, w := range windows {
		words[i] = catalog.FormatDuration(w)
	}
	if !o.queried() {
		return o.worst(o.names.series(metricBurnRate, o.of(anyOf(semconv.SLOWindow, words...))...).min(o.keys()...))
	}
	ratio := o.names.suffixed(recordRatio, words[0], o.recorded()...)
	for _, w := range words[1:] {
		ratio = ratio.or(o.names.suffixed(recordRatio, w, o.recorded()...))
	}
	// The lowest over the windows, of the group with the highest.
	return o.worst(ratio.min(o.keys()...)).over(number(o.ErrorBudget()))
}

// worst are the values of the groups with the highest.
func (o objective) worst(v vector) vector {
	if len(o.GroupBy) == 0 {
		return v
	}
	return v.max(semconv.Environment)
}

// keys are the environment and the labels of the SLO's groups.
func (o objective) keys() []string { return append([]string{semconv.Environment}, o.GroupBy...) }

// groups is a table of the SLO's groups, the worst first.
func (o objective) groups(key string) panel {
	shown := columns{{label(semconv.Environment), "Environment"}}
	for i, group := range o.GroupLabels() {
		shown = append(shown, [2]string{group, plain(o.GroupBy[i])})
	}
	shown = append(shown, [2]string{"Value #left", "Error budget left"}, [2]string{"Value #burn", "Burn rate, 1 h"})
	burn := o.names.suffixed(recordRatio, catalog.FormatDuration(time.Hour), o.recorded()...).max(o.keys()...).over(number(o.ErrorBudget()))
	return newTable(about{key + "groups", "Groups", "Each group has its own budget and alerts. " + catalog.Overflow + " has all groups beyond the limit. The values above are those of the worst group.", gridWidth},
		look{unit: "none", none: none, steps: from("transparent"), overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Error budget left", "unit", "percentunit", "custom.cellOptions", colored(), "thresholds", absolute(budgetSteps)),
			field("Burn rate, 1 h", "unit", "suffix:x", "decimals", 1, "custom.cellOptions", colored(), "thresholds", absolute(o.burnSteps())),
		}},
		shown, "Error budget left", rows("left", o.names.series(recordRemaining, o.recorded()...).min(o.keys()...)), rows("burn", burn))
}

// exhaustion is the time until the budget is spent at the burn rate of the last hour, limited to the period.
func (o objective) exhaustion() vector {
	if !o.queried() {
		return o.names.series(metricExhaustion, o.of()...).min(semconv.Environment)
	}
	period := o.period().Seconds()
	return o.remaining().times(number(period)).over(o.burn(time.Hour).positive()).between(0, period)
}

// period is the longest that the period can be.
func (o objective) period() time.Duration { return o.Window.MaxLength() }

// row is a row of the dashboard: current values, then history.
func (o objective) row(collapsed bool) {
	key := "slo " + o.Name + " "
	title := fmt.Sprintf("%s: %s %% over %s", plain(o.Name), decimal(o.Objective), o.Window)
	stats := []panel{o.shareStat(key), o.remainingStat(key), o.burnStat(key), o.exhaustionStat(key)}
	if !o.queried() {
		stats = append(stats, o.stateStat(key))
	}
	strips := []strip{{4, spread(stats)}, {8, []panel{o.burnGraph(key), o.budgetGraph(key)}}}
	if len(o.GroupBy) > 0 {
		strips = append(strips, strip{8, []panel{o.groups(key)}})
	}
	o.board.row(key, title, collapsed, strips...)
}

const inEnvironment = "{{deployment_environment_name}}"

// none says why an SLO has no value.
const none = "No events counted yet"

func (o objective) shareStat(key string) panel {
	objective := decimal(o.Objective)
	digits := float64(len(objective) - len(strconv.Itoa(int(o.Objective))))
	return newStat(about{key + "sli", "Good events", fmt.Sprintf("The share of good events over %s. Good is %s %% or more. %s",
		o.Window, objective, markdown(o.Description)), 0},
		look{unit: "percentunit", decimals: new(max(digits, 1) + 1), none: none, steps: from(bad, step(o.ObjectiveRatio(), good))},
		now("A", o.share(), inEnvironment))
}

func (o objective) remainingStat(key string) panel {
	return newStat(about{key + "left", "Error budget left", "The remaining share of the bad events that the objective allows over " + o.Window.String() +
		". Good is more than half. Below 0 the objective is missed until bad events leave the period.", 0},
		look{unit: "percentunit", none: none, steps: budgetSteps}, now("A", o.remaining(), inEnvironment))
}

func (o objective) burnStat(key string) panel {
	return newStat(about{key + "burn now", "Burn rate, 1 h", "How fast the budget is spent, as a multiple of the rate that the objective allows. " +
		"Good is at most 1: then the budget lasts for the period.", 0},
		look{unit: "suffix:x", decimals: new(1.0), none: none, steps: o.burnSteps()}, now("A", o.burn(time.Hour), inEnvironment))
}

// exhaustionStat is colored by the time in which a full budget is spent at the factors of the alerts.
func (o objective) exhaustionStat(key string) panel {
	pairs := o.BurnPairs()
	steps := from(bad)
	for i, color := range []string{warning, notice, good} {
		if i < len(pairs) {
			steps = append(steps, step(math.Round(o.period().Seconds()/pairs[i].Factor), color))
		}
	}
	if len(pairs) < 3 {
		steps[len(steps)-1].Color = good
	}
	return newStat(about{key + "exhaustion", "Budget spent in", "Time until the budget is spent at the burn rate of the last hour, limited to the period. " +
		"Good is the whole period. Red is a burn rate that pages.", 0},
		look{unit: "s", decimals: new(0.0), none: none, mappings: spent(), steps: ascending(steps)},
		now("A", o.exhaustion(), inEnvironment))
}

// spent says that no time is left.
func spent() []dashboard.ValueMapping { return texts([2]string{"0", "spent"}) }

func (o objective) stateStat(key string) panel {
	return newNameStat(about{key + "state", "State", "ok is good. idle: the service is alive and has no requests. no_data: no counters arrive. never_seen: no event was ever counted; the SLI may select nothing. " +
		"burning_slow is a ticket, burning_fast a page, also when no budget is left; exhausted: no budget is left, and it does not burn.", 0},
		look{unit: "none", none: none, steps: from(neutral), overrides: colors(stateColors)},
		now("A", o.names.series(metricState, o.of()...).is(1).max(semconv.SLOState), "{{"+label(semconv.SLOState)+"}}"))
}

// burnGraph has a line for each alert, and the factors they compare it with.
func (o objective) burnGraph(key string) panel {
	var (
		targets []variants.Dataquery
		colors  []dashboard.DashboardFieldConfigSourceOverrides
		pages   = []string{bad, "light-red"}
		tickets = []string{warning, notice}
	)
	for _, p := range o.BurnPairs() {
		severity, shades := "ticket", &tickets
		if p.Page {
			severity, shades = "page", &pages
		}
		colors = append(colors, fixed(p.Name, (*shades)[0]))
		if len(*shades) > 1 {
			*shades = (*shades)[1:]
		}
		long, short := catalog.FormatDuration(p.Long), catalog.FormatDuration(p.Short)
		targets = append(targets, graph(p.Name, o.burn(p.Long, p.Short),
			fmt.Sprintf("%s and %s: %s above %s", long, short, severity, decimal(factor(p)))))
	}
	slices.Reverse(targets) // pages are drawn last, on top
	return newLimited(about{key + "burn", "Burn rate against the alerts", "Each line is the lower one of the burn rates over an alert's two windows: " +
		"the alert fires while it is above its dashed line. Red pages, orange and yellow open a ticket. Good is below 1.", 12},
		look{unit: "suffix:x", min: new(0.0), none: none, steps: o.burnSteps(), overrides: colors}, targets...)
}

// burnSteps are the factors of the alerts: those that page are red, those that open a ticket orange.
func (o objective) burnSteps() []dashboard.Threshold {
	steps := from(good)
	for _, p := range slices.Backward(o.BurnPairs()) {
		color := warning
		if p.Page {
			color = bad
		}
		steps = append(steps, step(factor(p), color))
	}
	return ascending(steps)
}

// factor rounds off the errors of binary fractions.
func factor(p catalog.BurnPair) float64 { return math.Round(p.Factor*1e6) / 1e6 }

// ascending drops a step that is not above the previous one: adjusted factors may be equal.
func ascending(steps []dashboard.Threshold) []dashboard.Threshold {
	kept := steps[:1]
	for _, s := range steps[1:] {
		if before := kept[len(kept)-1].Value; before != nil && *s.Value <= *before {
			kept[len(kept)-1].Color = s.Color
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// budgetGraph always covers the SLO's own period.
func (o objective) budgetGraph(key string) panel {
	p := newLimited(about{key + "burn-down", "Error budget left over the period", "The remaining error budget over this period. Good falls slowly, if at all, and stays above 0. " +
		"A step is an incident. Compare it with the deployment markers.", 12},
		look{unit: "percentunit", max: new(1.0), none: none, steps: from("transparent", step(0, bad))}, graph("A", o.remaining(), "budget left "+inEnvironment))
	p.TimeFrom = new(timeFrom(o.Window))
	return p
}

// timeFrom is a window as Grafana has relative times: one number and one unit, or the period so far.
func timeFrom(w catalog.Window) string {
	if w.Calendar != nil {
		switch w.Calendar.Unit {
		case catalog.Day:
			return "now/d"
		case catalog.Year:
			return "now/y"
		case catalog.Week:
			return "now/w"
		case catalog.Quarter: // the fiscal one is that of the calendar, unless a dashboard says otherwise
			return "now/fQ"
		default:
			return "now/M"
		}
	}
	length := w.Rolling.Round(time.Minute)
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}} {
		if length%unit.size == 0 {
			return strconv.Itoa(int(length/unit.size)) + unit.name
		}
	}
	return strconv.Itoa(int(length/time.Minute)) + "m"
}
