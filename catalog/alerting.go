// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
	"go.yaml.in/yaml/v3"
)

// Alerting has the settings of alerts: of one SLO, or of a service and all its SLOs.
type Alerting struct {
	// Disable leaves out alerts: PageSeverity, TicketSeverity, or names of alerts.
	Disable []string
	// Name is the alertname of the burn rate alerts.
	Name                string
	Labels, Annotations map[string]string
	// Page and Ticket are for the alerts of one severity only.
	Page, Ticket AlertText
	// Severity has the words for the label severity, for those who route by others.
	Severity Severities
	Pairs    []BurnPair
	// MinimumFailures is how many events must have failed before an alert fires; 0 is the default: more than by chance.
	MinimumFailures int
}

// AlertText is what alerts carry to the person on call and to Alertmanager's routes.
type AlertText struct{ Labels, Annotations map[string]string }

// Severities are the words for the two severities; "" is the severity itself.
type Severities struct{ Page, Ticket string }

// The severities of alerts, as Disable names them.
const (
	PageSeverity   = "page"
	TicketSeverity = "ticket"
)

// DefaultMinimumFailures is how many events must have failed before ErrorBudgetExhausted and DeploymentRegression fire. A count of n
// is known to about ±√n: below five a burst of bad luck and a broken service look the same. From five on
// the lower 95 % bound of the true rate (1.6) is above what one chance failure would be. Burn rate alerts ask for more failures than chance makes.
const DefaultMinimumFailures = 5

// Alerting are the settings of an SLO's alerts, the service's included; those of the service alone if slo is nil.
func (s *Service) Alerting(slo *SLO) Alerting {
	a := s.Alerts.clone()
	if slo != nil {
		a.add(slo.Alerts)
	}
	return a
}

func (a *Alerting) clone() Alerting {
	var all Alerting
	all.add(*a)
	return all
}

// add puts more special settings over the general ones.
func (a *Alerting) add(more Alerting) {
	for _, name := range more.Disable {
		if !slices.Contains(a.Disable, name) {
			a.Disable = append(a.Disable, name)
		}
	}
	a.Labels, a.Annotations = joined(a.Labels, more.Labels), joined(a.Annotations, more.Annotations)
	a.Page, a.Ticket = a.Page.with(more.Page), a.Ticket.with(more.Ticket)
	for _, word := range []struct{ general, special *string }{
		{&a.Name, &more.Name}, {&a.Severity.Page, &more.Severity.Page}, {&a.Severity.Ticket, &more.Severity.Ticket},
	} {
		if *word.special != "" {
			*word.general = *word.special
		}
	}
	if len(more.Pairs) > 0 {
		a.Pairs = more.Pairs
	}
	if more.MinimumFailures > 0 {
		a.MinimumFailures = more.MinimumFailures
	}
}

func (t AlertText) with(more AlertText) AlertText {
	return AlertText{joined(t.Labels, more.Labels), joined(t.Annotations, more.Annotations)}
}

func joined(a, b map[string]string) map[string]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := make(map[string]string, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// Text are the labels and annotations of an alert of a severity.
func (a Alerting) Text(severity string) AlertText {
	all := AlertText{a.Labels, a.Annotations}
	if severity == PageSeverity {
		return all.with(a.Page)
	}
	return all.with(a.Ticket)
}

// Word is what the label severity says.
func (a Alerting) Word(severity string) string {
	word := a.Severity.Ticket
	if severity == PageSeverity {
		word = a.Severity.Page
	}
	if word == "" {
		return severity
	}
	return word
}

// Disabled reports whether an alert is left out.
func (a Alerting) Disabled(name, severity string) bool {
	return slices.Contains(a.Disable, name) || slices.Contains(a.Disable, severity)
}

var promLabel = text("label name", maxName, ecma(labelPattern), matches(prometheusLabel, "is not a label name of Prometheus", "use letters, digits and _"), notReserved)

// reservedLabels are what rules and alerts are found by. Nobody else may set them.
var reservedLabels = []string{
	"__name__", "alertname", "alertstate", "service_name", "slo_name", "slo_alert", "sloth_id", "sloth_service", "sloth_slo", "sloth_window", "sloth_severity",
}

func notReserved(name string) (string, string) {
	if slices.Contains(reservedLabels, name) {
		return quote(name) + " is a label that the rules set themselves", "rename it"
	}
	return "", ""
}

// Labels and annotations of alerts are templates of Prometheus.
var (
	labelTemplate      = text("template", maxName, nil, printable(false), checkTemplate)
	annotationTemplate = text("template", maxText, nil, printable(true), checkTemplate)
)

// checkTemplate accepts texts that Prometheus can expand.
func checkTemplate(s string) (string, string) {
	if !strings.Contains(s, "{{") {
		return "", ""
	}
	const variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	data := template.AlertTemplateData(nil, nil, "", promql.Sample{})
	if err := template.NewTemplateExpander(context.Background(), variables+s, "text", data, 0, nil, nil, nil).ParseTest(); err != nil {
		return "is not a template of Prometheus: " + explain(err), "write {{ $labels.name }} or {{ $value }}, and the functions of Prometheus' template reference"
	}
	return "", ""
}

var alertTextMembers = []member[AlertText]{
	may("labels", "Labels of the alerts, for Alertmanager's routes.", texts(promLabel, labelTemplate), func(t *AlertText) *map[string]string { return &t.Labels }, nil),
	may("annotations", "Annotations of the alerts.", texts(promLabel, annotationTemplate), func(t *AlertText) *map[string]string { return &t.Annotations }, nil),
}

var alertingShape = object([]member[Alerting]{
	may("disable", "Alerts that are not written: page, ticket, or names such as SLIMissing.", list(disabled), func(a *Alerting) *[]string { return &a.Disable }, nil),
	may("name", "The alertname of the burn rate alerts. The label slo_alert has the usual one.", alertName, func(a *Alerting) *string { return &a.Name }, ""),
	may("labels", "Labels of all these alerts. They replace labels of the same name.", texts(promLabel, labelTemplate), func(a *Alerting) *map[string]string { return &a.Labels }, nil),
	may("annotations", "Annotations of all these alerts.", texts(promLabel, annotationTemplate), func(a *Alerting) *map[string]string { return &a.Annotations }, nil),
	may("page", "Labels and annotations of pages only.", object(alertTextMembers), func(a *Alerting) *AlertText { return &a.Page }, AlertText{}),
	may("ticket", "Labels and annotations of tickets only.", object(alertTextMembers), func(a *Alerting) *AlertText { return &a.Ticket }, AlertText{}),
	may("severity", "What the label severity says: one word for all alerts, or one for pages and one for tickets.", severityShape, func(a *Alerting) *Severities { return &a.Severity }, Severities{}),
	may("pairs", "The burn rate alerts, most urgent first. Default: four pairs, as in docs/alerts.md.", list(pairShape), func(a *Alerting) *[]BurnPair { return &a.Pairs }, nil),
	may("minimumFailures", "How many events must have failed before an alert about them fires. Default: for burn rate alerts more than by chance, for the others 5.", count(1, 1_000_000), func(a *Alerting) *int { return &a.MinimumFailures }, 0),
}, namedPairs)

var alertsMember = may("alerts", "Settings of all alerts of the service and of its SLOs.", alertingShape, func(s *Service) *Alerting { return &s.Alerts }, Alerting{})

var alertName = text("name", maxName, ecma(labelPattern), matches(alertNameRegexp, "is not a name of an alert", "use letters, digits and _"))

// alertNameRegexp has names that need no quotes anywhere.
var alertNameRegexp = prometheusLabel

// disabled is a severity, or the name of an alert.
var disabled = text("`page`, `ticket` or name", maxName, ecma(labelPattern), func(s string) (string, string) {
	if s == PageSeverity || s == TicketSeverity || alertNames[s] || strings.HasPrefix(s, "ErrorBudgetBurn") {
		return "", ""
	}
	return quote(s) + " is neither a severity nor an alert", meant(s, append([]string{PageSeverity, TicketSeverity}, sortedKeys(alertNames)...))
})

var alertNames = map[string]bool{
	"ErrorBudgetBurnCritical": true, "ErrorBudgetBurnHigh": true, "ErrorBudgetBurnMedium": true, "ErrorBudgetBurnLow": true,
	"ErrorBudgetExhausted": true, "SLIMissing": true, "SLIImplausible": true, "ServiceSilent": true, "DeploymentRegression": true,
}

var severityShape = func() shape[Severities] {
	both := object([]member[Severities]{
		may("page", "The word for pages.", line, func(s *Severities) *string { return &s.Page }, ""),
		may("ticket", "The word for tickets.", line, func(s *Severities) *string { return &s.Ticket }, ""),
	})
	return shape[Severities]{
		name: "text or mapping", fields: both.fields,
		schema: schema{"anyOf": []any{line.schema, both.schema}},
		read: func(r *reader, at place, into *Severities) bool {
			if at.node.Kind == yaml.MappingNode {
				return both.read(r, at, into)
			}
			ok := line.read(r, at, &into.Page)
			into.Ticket = into.Page
			return ok
		},
		write: both.write,
	}
}()

// Bounds of the windows of a pair. Samples of the rules hold the events of 5 minutes.
const minPairWindow = 5 * time.Minute

var pairWindow = duration(checkPairWindow)

func checkPairWindow(d time.Duration) (string, string) {
	if d < minPairWindow || d > maxWindow || d%time.Minute != 0 {
		return FormatDuration(d) + " is not a window of a burn rate", "write full minutes, 5m to 366d"
	}
	return "", ""
}

var pairShape = object([]member[BurnPair]{
	may("name", "The end of the alert's name after ErrorBudgetBurn. Default: Critical and High for pages, Medium and Low for tickets, then numbered.", pairName, func(p *BurnPair) *string { return &p.Name }, ""),
	pairSeverity,
	need("long", "The long window.", pairWindow, func(p *BurnPair) *time.Duration { return &p.Long }),
	need("short", "The short window.", pairWindow, func(p *BurnPair) *time.Duration { return &p.Short }),
	may("budgetPercent", "The percentage of the period's budget that is gone after the long window.", percentShare, func(p *BurnPair) *float64 { return &p.BudgetShare }, 0),
	may("factor", "The burn rate, instead of budgetPercent.", factor, func(p *BurnPair) *float64 { return &p.Factor }, 0),
	may("for", "How long the condition holds before the alert fires. Default: a twenty-fourth of the long window, at least 2m.", duration(), func(p *BurnPair) *time.Duration { return &p.For }, 0),
}, soundPair)

var pairName = text("name", 60, ecma(`^[A-Z][a-zA-Z0-9]*$`), matches(regexp.MustCompile(`^[A-Z][a-zA-Z0-9]*$`), "is not the end of an alert's name", "begin with a capital letter, and use letters and digits"))

var pairSeverity = func() member[BurnPair] {
	word := oneOf(PageSeverity, TicketSeverity)
	m := need("severity", "Whether the alert calls somebody.", word, func(*BurnPair) *string { return new(string) })
	m.read = func(r *reader, at place, into *BurnPair) bool {
		var s string
		ok := word.read(r, at, &s)
		into.Page = s == PageSeverity
		return ok
	}
	m.write = func(p *BurnPair) *yaml.Node { return word.write(p.severity()) }
	return m
}()

func (p *BurnPair) severity() string {
	if p.Page {
		return PageSeverity
	}
	return TicketSeverity
}

// percentShare is a share, written in percent.
var percentShare = shape[float64]{
	name:   "percent",
	schema: schema{"type": "number", "exclusiveMinimum": 0, "maximum": 100},
	read: func(r *reader, at place, into *float64) bool {
		v, ok := number(at.node)
		if !ok || v <= 0 || v > 100 {
			r.problem(at, "is "+kindName(at.node)+", not a percentage", "write more than 0, at most 100")
			return false
		}
		*into = timesTen(v, -2)
		return true
	},
	write: func(v float64) *yaml.Node { return numberNode(timesTen(v, 2)) },
}

var factor = shape[float64]{
	name:   "number",
	schema: schema{"type": "number", "exclusiveMinimum": 0},
	read: func(r *reader, at place, into *float64) bool {
		v, ok := number(at.node)
		if !ok || v <= 0 {
			r.problem(at, "is "+kindName(at.node)+", not a burn rate", "write a number above 0, such as 14.4")
			return false
		}
		*into = v
		return true
	},
	write: numberNode,
}

// count is a whole number within bounds.
func count(least, most int) shape[int] {
	return shape[int]{
		name:   fmt.Sprintf("%d to %d", least, most),
		schema: schema{"type": "integer", "minimum": least, "maximum": most},
		read: func(r *reader, at place, into *int) bool {
			if v, ok := number(at.node); ok && v == math.Trunc(v) && v >= float64(least) && v <= float64(most) {
				*into = int(v)
				return true
			}
			r.problem(at, "is "+kindName(at.node)+", not a number that it can be", fmt.Sprintf("write %d to %d", least, most))
			return false
		},
		write: func(v int) *yaml.Node { return scalar("!!int", strconv.Itoa(v)) },
	}
}

func soundPair(r *reader, at place, p *BurnPair) {
	if p.Short > 0 && p.Long > 0 && p.Short >= p.Long {
		r.problem(at.key("short"), "is not shorter than long", "write about a twelfth of long")
	}
	if (p.BudgetShare > 0) == (p.Factor > 0) {
		r.problem(at, "has no burn rate, or two", "write budgetPercent or factor")
	}
	if p.For == 0 {
		p.For = defaultFor(p.Long)
	}
}

// defaultFor is how long a condition must hold: long enough that it is no accident, and short beside the window.
func defaultFor(long time.Duration) time.Duration {
	return max(2*time.Minute, (long / 24).Truncate(time.Minute))
}

// namedPairs gives pairs without a name the usual ones.
func namedPairs(r *reader, at place, a *Alerting) {
	if len(a.Pairs) > maxPairs {
		r.problem(at.key("pairs"), fmt.Sprintf("has %d pairs", len(a.Pairs)), fmt.Sprintf("write at most %d", maxPairs))
	}
	namePairs(a.Pairs)
	seen := map[string]bool{}
	for i, p := range a.Pairs {
		if seen[p.Name] {
			r.problem(at.key("pairs").item(i), "has the name "+quote(p.Name)+", as another pair has", "give each pair its own name")
		}
		seen[p.Name] = true
	}
}

const maxPairs = 16

func namePairs(pairs []BurnPair) {
	usual := map[bool][]string{true: {"Critical", "High"}, false: {"Medium", "Low"}}
	for i := range pairs {
		p := &pairs[i]
		names := usual[p.Page]
		if p.Name != "" {
			continue
		}
		if len(names) > 0 {
			p.Name, usual[p.Page] = names[0], names[1:]
			continue
		}
		p.Name = strings.ToUpper(p.severity()[:1]) + p.severity()[1:] + strconv.Itoa(i+1)
	}
}
