// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

// compare lists the consequences of a change of the catalog, service by service.
func compare(before, after *catalog.Catalog) []change {
	was, is := byFullName(before), byFullName(after)
	var changes []change
	for _, name := range union(was, is) {
		c := comparison{service: name}
		old, now := was[name], is[name]
		switch {
		case old == nil:
			c.say(added, "service", name, "%s, %s", output.Count(len(now.SLOs), "SLO"), output.Count(len(generated(now)), "alert"))
			c.say(added, "rules", alerts.FileName(now), "a new file: load it into Prometheus")
			c.say(added, "dashboard", now.Name, "a new dashboard")
			c.say(added, "runbook", now.Name, "%s and an index", output.Count(len(alertNames(now)), "page"))
		case now == nil:
			c.say(removed, "service", name, "no events are counted and no alerts fire any more: %s, %s", output.Count(len(old.SLOs), "SLO"), output.Count(len(generated(old)), "alert"))
			c.say(removed, "rules", alerts.FileName(old), "delete the file where it is loaded, or its alerts keep firing")
			c.say(removed, "dashboard", old.Name, "delete it; links to it break")
			c.say(removed, "runbook", old.Name, "the folder stays until you delete it: it may have notes")
		default:
			c.compare(old, now)
		}
		changes = append(changes, c.changes...)
	}
	return changes
}

func byFullName(c *catalog.Catalog) map[string]*catalog.Service {
	all := map[string]*catalog.Service{}
	for _, s := range c.Services {
		name := s.Name
		if s.Namespace != "" {
			name = s.Namespace + "/" + s.Name
		}
		all[name] = s
	}
	return all
}

// union are the names in any of the maps, in order.
func union[V any](maps ...map[string]V) []string {
	var names []string
	for _, m := range maps {
		for name := range m {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A comparison collects the changes of one service.
type comparison struct {
	service string
	changes []change
}

func (c *comparison) say(kind, about, what, format string, args ...any) {
	c.changes = append(c.changes, change{c.service, about, kind, what, fmt.Sprintf(format, args...)})
}

func (c *comparison) compare(old, now *catalog.Service) {
	c.facts(old, now)
	was, is := slosByName(old), slosByName(now)
	for _, name := range union(was, is) {
		c.slo(name, was, is)
	}
	c.alerts(old, now, was, is)
	if len(c.changes) == 0 {
		return
	}
	c.say(changed, "dashboard", now.Name, "%s", dashboardText(was, is))
	c.pages(old, now)
}

func dashboardText(was, is map[string]*catalog.SLO) string {
	var come, gone []string
	for _, name := range union(was, is) {
		if was[name] == nil {
			come = append(come, name)
		} else if is[name] == nil {
			gone = append(gone, name)
		}
	}
	var words []string
	if len(come) > 0 {
		words = append(words, "panels for "+strings.Join(come, ", ")+" are added")
	}
	if len(gone) > 0 {
		words = append(words, "those of "+strings.Join(gone, ", ")+" are removed")
	}
	if len(words) == 0 {
		return "the same panels, with new texts and thresholds"
	}
	return strings.Join(words, "; ")
}

// facts are the properties of the service itself.
func (c *comparison) facts(old, now *catalog.Service) {
	for _, fact := range []struct{ name, was, is, then string }{
		{"owner", old.Owner, now.Owner, "alerts are routed by it"},
		{"tier", strconv.Itoa(old.Tier), strconv.Itoa(now.Tier), "alerts are routed by it; ServiceSilent pages for tier 1 only"},
		{"environments", strings.Join(old.Environments, ", "), strings.Join(now.Environments, ", "), "SLOs are computed, and alerts fire, for these only; an empty list means all"},
		{"description", old.Description, now.Description, "in runbooks and dashboards"},
		{"repository", old.Repository, now.Repository, "in runbooks"},
		{"dependsOn", strings.Join(old.DependsOn, ", "), strings.Join(now.DependsOn, ", "), "in runbooks: dependencies to check"},
		{"escalation", fmt.Sprint(old.Escalation), fmt.Sprint(now.Escalation), "in runbooks: contacts"},
		{"deployment", workload(old), workload(now), "in runbooks: the workload to roll back"},
	} {
		if fact.was != fact.is {
			c.say(changed, "service", fact.name, "%s → %s: %s", orNothing(fact.was), orNothing(fact.is), fact.then)
		}
	}
	c.schedule("service", "", timesOf{old.Maintenance, old.OperatingHours, old.Corrections}, timesOf{now.Maintenance, now.OperatingHours, now.Corrections})
	if !reflect.DeepEqual(old.Labels, now.Labels) {
		c.say(changed, "service", "labels", "no generated file contains them")
	}
}

// timesOf are when events count.
type timesOf struct {
	maintenance []catalog.Maintenance
	hours       []catalog.OperatingHours
	corrections []catalog.Correction
}

// schedule says what of the times changes, of a service, or of the SLO of the name.
func (c *comparison) schedule(kind, name string, old, now timesOf) {
	say := func(what, format string, args ...any) {
		if name == "" {
			c.say(changed, kind, what, format, args...)
		} else {
			c.say(changed, kind, name, what+" "+format, args...)
		}
	}
	if !reflect.DeepEqual(old.maintenance, now.maintenance) {
		say("maintenance", "%s → %s: events in these windows do not count against the budget", output.Count(len(old.maintenance), "window"), output.Count(len(now.maintenance), "window"))
	}
	if !reflect.DeepEqual(old.hours, now.hours) {
		say("operatingHours", "%d → %d: events outside of these hours do not count against the budget", len(old.hours), len(now.hours))
	}
	if !reflect.DeepEqual(old.corrections, now.corrections) {
		say("corrections", "%d → %d: the collector's budgets and burn rates count the past by them; what rules have recorded stays", len(old.corrections), len(now.corrections))
	}
}

func workload(s *catalog.Service) string {
	if k := s.Deployment.Kubernetes; k != nil {
		return k.Kind + " " + k.Namespace + "/" + k.Name
	}
	return ""
}

func orNothing(s string) string {
	if strings.Trim(s, "{ }") == "" {
		return "nothing"
	}
	return s
}

func slosByName(s *catalog.Service) map[string]*catalog.SLO {
	all := map[string]*catalog.SLO{}
	for _, slo := range s.SLOs {
		all[slo.Name] = slo
	}
	return all
}

func (c *comparison) slo(name string, was, is map[string]*catalog.SLO) {
	old, now := was[name], is[name]
	switch {
	case old == nil:
		c.say(added, "slo", name, "%s over %s (budget %s); the budget is full when counting begins%s", percentOf(now), now.Window, budget(now), renamed(now, was, is))
		return
	case now == nil:
		c.say(removed, "slo", name, "%s over %s: the SLO no longer exists%s", percentOf(old), old.Window, renamed(old, is, was))
		return
	}
	if old.Objective != now.Objective {
		c.say(changed, "slo", name, "objective %s → %s (budget %s)", percentOf(old), percentOf(now), budgets(old, now))
	}
	if windowName(old) != windowName(now) {
		c.say(changed, "slo", name, "window %s → %s (budget %s); the remaining budget is computed again", windowName(old), windowName(now), budgets(old, now))
	}
	if !reflect.DeepEqual(old.SLI, now.SLI) {
		c.say(changed, "slo", name, "counts other events from now on; events counted so far stay in the budget")
	}
	if !reflect.DeepEqual(old.Resets, now.Resets) {
		c.say(changed, "slo", name, "resets %d → %d: the error budget is full again from the last reset", len(old.Resets), len(now.Resets))
	}
	c.schedule("slo", name, timesOf{old.Maintenance, old.OperatingHours, old.Corrections}, timesOf{now.Maintenance, now.OperatingHours, now.Corrections})
	if old.Description != now.Description {
		c.say(changed, "slo", name, "new description in runbooks, dashboards and alerts")
	}
}

// renamed suggests an SLO of the other side that counts the same events under a name that does not exist here.
func renamed(slo *catalog.SLO, there, here map[string]*catalog.SLO) string {
	for _, name := range union(there) {
		if here[name] == nil && reflect.DeepEqual(there[name].SLI, slo.SLI) {
			return fmt.Sprintf(". It counts the same events as %s: a new name is a new SLO without history", name)
		}
	}
	return ""
}

func percentOf(slo *catalog.SLO) string {
	return strconv.FormatFloat(slo.Objective, 'f', -1, 64) + " %"
}

func windowName(slo *catalog.SLO) string {
	if calendar := slo.Window.Calendar; calendar != nil {
		return slo.Window.String() + " in " + calendar.Location.String()
	}
	return slo.Window.String()
}

// budget is how long a full outage may last: 43m a month.
func budget(slo *catalog.SLO) string {
	left, each := outage(slo)
	return left + " " + each
}

// budgets are two of them: 43m → 21m a month.
func budgets(old, now *catalog.SLO) string {
	was, before := outage(old)
	is, each := outage(now)
	if before == each {
		return was + " → " + is + " " + each
	}
	return was + " " + before + " → " + is + " " + each
}

func outage(slo *catalog.SLO) (left, each string) {
	const day = 24 * time.Hour
	length, each := slo.Window.Rolling, "in "+slo.Window.String()
	if calendar := slo.Window.Calendar; calendar != nil {
		each = "a " + string(calendar.Unit)
		length = slo.Window.Nominal()
	} else if length == 30*day {
		each = "a month"
	}
	d := time.Duration(slo.ErrorBudget() * float64(length))
	switch {
	case d >= 10*time.Minute:
		d = d.Truncate(time.Minute)
	case d >= time.Second:
		d = d.Truncate(time.Second)
	}
	return catalog.FormatDuration(d), each
}

// generated are the alerts of a service.
func generated(s *catalog.Service) []alerts.Alert {
	f, _ := alerts.Generate(s, alerts.DefaultOptions())
	return f.Alerts
}

// alertNames are the names of a service's alerts, each once: a page is about a name.
func alertNames(s *catalog.Service) []string {
	var names []string
	for _, a := range generated(s) {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func alertsByKey(s *catalog.Service) map[string]alerts.Alert {
	all := map[string]alerts.Alert{}
	for _, a := range generated(s) {
		key := a.Name
		if a.SLO != nil {
			key += " (" + a.SLO.Name + ")"
		}
		all[key] = a
	}
	return all
}

func (c *comparison) alerts(old, now *catalog.Service, wasSLO, isSLO map[string]*catalog.SLO) {
	was, is := alertsByKey(old), alertsByKey(now)
	relabelled := map[[3]string]int{}
	come, gone := map[string][]string{}, map[string][]string{}
	for _, key := range union(was, is) {
		before, known := was[key]
		after, stays := is[key]
		switch {
		case !known && after.SLO != nil && wasSLO[after.SLO.Name] == nil:
			come[after.SLO.Name] = append(come[after.SLO.Name], after.Name)
		case !stays && before.SLO != nil && isSLO[before.SLO.Name] == nil:
			gone[before.SLO.Name] = append(gone[before.SLO.Name], before.Name)
		case !known:
			c.say(added, "alert", key, "is added (%s)", after.Severity)
		case !stays:
			c.say(removed, "alert", key, "is removed; if it fires now, it resolves")
		default:
			c.alert(key, before, after)
			for _, label := range union(before.Labels, after.Labels) {
				if from, to := before.Labels[label], after.Labels[label]; from != to && label != "severity" {
					relabelled[[3]string{label, from, to}]++
				}
			}
		}
	}
	for _, slo := range union(come) {
		c.say(added, "alert", slo, "%s added: %s", output.Count(len(come[slo]), "alert"), strings.Join(come[slo], ", "))
	}
	for _, slo := range union(gone) {
		c.say(removed, "alert", slo, "%s removed: %s", output.Count(len(gone[slo]), "alert"), strings.Join(gone[slo], ", "))
	}
	c.labels(relabelled)
}

// labels identify an alert: with another value it is another alert.
func (c *comparison) labels(relabelled map[[3]string]int) {
	var all [][3]string
	for l := range relabelled {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b [3]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]), cmp.Compare(a[2], b[2]))
	})
	for _, l := range all {
		c.say(changed, "label", l[0], "%s → %s on %s: for Prometheus and Alertmanager these are different alerts. A pending or firing alert resolves, "+
			"and fires again after its full duration; routes and silences for the old value do not match any more", orNothing(l[1]), orNothing(l[2]), output.Count(relabelled[l], "alert"))
	}
}

// alert compares the condition and the severity of an alert with those before.
func (c *comparison) alert(key string, old, now alerts.Alert) {
	if old.Severity != now.Severity {
		c.say(changed, "alert", key, "%s → %s: its notifications are routed differently", old.Severity, now.Severity)
	}
	if old.For != now.For {
		c.say(changed, "alert", key, "fires after %s, not %s", catalog.FormatDuration(now.For), catalog.FormatDuration(old.For))
	}
	switch {
	case old.Expr == now.Expr, now.Name == alerts.Outdated: // the condition of the latter changes with everything
	case old.Pair != nil && now.Pair != nil && threshold(old) != threshold(now):
		clamped := ""
		if now.Pair.Clamped {
			clamped = "; the factor was adjusted to one that can be reached"
		}
		c.say(changed, "alert", key, "fires above %s bad over %s and %s, %s times the allowed rate%s", arrow(threshold(old), threshold(now)),
			catalog.FormatDuration(now.Pair.Long), catalog.FormatDuration(now.Pair.Short), arrow(short(old.Pair.Factor), short(now.Pair.Factor)), clamped)
	default:
		c.say(changed, "alert", key, "fires under another condition")
	}
}

// arrow is the old and the new value, or one value if they are equal.
func arrow(was, is string) string {
	if was == is {
		return is
	}
	return was + " → " + is
}

func threshold(a alerts.Alert) string { return short(a.Pair.Factor*a.SLO.ErrorBudget()*100) + " %" }

// short has four significant digits.
func short(f float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
	if err != nil {
		rounded = f
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// pages are the runbooks that are added, removed and rewritten.
func (c *comparison) pages(old, now *catalog.Service) {
	was, is := alertNames(old), alertNames(now)
	stay := 0
	for _, name := range is {
		if slices.Contains(was, name) {
			stay++
			continue
		}
		c.say(added, "runbook", name, "a new page")
	}
	for _, name := range was {
		if !slices.Contains(is, name) {
			c.say(removed, "runbook", name, "the page is removed; if it has notes, it stays and is marked")
		}
	}
	c.say(changed, "runbook", now.Name, "%s and the index are rewritten; notes stay", output.Count(stay, "page"))
}
