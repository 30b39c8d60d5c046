// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package alerts turns a service of the catalog into Prometheus rules: recording rules for each
// error budget, and the alerts on them.
//
// The rules differ from those of other generators in one respect: every ratio is a ratio of
// events. Increases over 5 minutes are recorded once a minute, and every longer window is the
// sum of these, so a busy hour weighs more than a quiet one, silence is no NaN, and nothing
// reads raw samples of more than an hour.
package alerts

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The severities of an alert: a page wakes the person on call, a ticket waits until morning.
const (
	Page   = "page"
	Ticket = "ticket"
)

// Options are the settings of the rules besides the catalog.
type Options struct {
	// Translation is the translation of OTLP metric names to those of Prometheus.
	Translation otlptranslator.TranslationStrategyOption
	// RunbookURL and DashboardURL are prefixes of the links in the alerts.
	RunbookURL, DashboardURL string
	// IncidentURL is the address of the incidents on the status page; "" if there is none.
	IncidentURL string
	// DashboardUID is that of a service's dashboard, if DashboardURL is where Grafana has them. Without one, they are
	// found by the service's name.
	DashboardUID func(*catalog.Service) string
	// GoldenSignals adds tickets about latency and saturation, which no SLO covers.
	GoldenSignals bool
}

// DefaultOptions fit a collector with its own pages, and a Prometheus with default settings.
func DefaultOptions() Options {
	return Options{
		Translation:  otlptranslator.UnderscoreEscapingWithSuffixes,
		RunbookURL:   "http://localhost:8686/runbooks",
		DashboardURL: "http://localhost:8686/services",
		IncidentURL:  "http://localhost:8686/incidents",
	}
}

// An Alert is one alerting rule, with data for its runbook.
type Alert struct {
	Name    string
	Service *catalog.Service
	// SLO is nil for alerts about the service as a whole.
	SLO      *catalog.SLO
	Severity string
	Expr     string
	For      time.Duration
	// Keep is for how long it fires on after the expression has ended.
	Keep time.Duration
	// Labels and Annotations are Prometheus templates; text of the catalog is escaped in them.
	Labels, Annotations map[string]string
	// Pair is nil for alerts that are not about a burn rate.
	Pair *catalog.BurnPair
	// Why explains in plain words when the alert fires and why the threshold is right.
	Why string
	// when it fires, in a few words: for the table of alerts.
	when string
}

// AlertName is the alertname in Prometheus, which the catalog may set for burn rate alerts.
func (a Alert) AlertName() string {
	if a.Pair != nil && a.Service != nil {
		return cmp.Or(a.Service.Alerting(a.SLO).Name, a.Name)
	}
	return a.Name
}

// A File is everything generated for one service.
type File struct {
	Service *catalog.Service
	Groups  []rulefmt.RuleGroup
	Alerts  []Alert
	// Digest is the service's, as it was.
	Digest string
	// comments are written above the group of that name, and above rules of that expression.
	comments map[string]string
}

// A Warning is a setting of the catalog that the rules cannot follow exactly.
type Warning struct {
	Position catalog.Position
	Message  string
	// Budget: the error budget is over another period than the catalog says.
	Budget bool
}

func newFile(s *catalog.Service) File {
	return File{Service: s, Digest: s.Digest(), comments: map[string]string{}}
}

// Generate makes the rules of a service.
func Generate(s *catalog.Service, o Options) (File, []Warning) {
	g := &generator{service: s, options: o, names: newNames(o.Translation), file: newFile(s)}
	for _, slo := range s.SLOs {
		g.slo(slo)
	}
	g.serviceAlerts()
	return g.file, g.warnings
}

type generator struct {
	service  *catalog.Service
	options  Options
	names    names
	file     File
	warnings []Warning
}

// group appends a group, unless it is empty.
func (g *generator) group(name string, interval time.Duration, comment string, rules ...rulefmt.Rule) {
	rules = slices.DeleteFunc(rules, func(r rulefmt.Rule) bool { return r.Alert == "" && r.Record == "" })
	if len(rules) == 0 {
		return
	}
	for slices.ContainsFunc(g.file.Groups, func(other rulefmt.RuleGroup) bool { return other.Name == name }) {
		name += "-" // an SLO may be called service: Prometheus takes no name twice
	}
	g.file.Groups = append(g.file.Groups, rulefmt.RuleGroup{Name: name, Interval: duration(interval), Rules: rules})
	if comment != "" {
		g.file.comments[name] = comment
	}
}

// alert adds the common labels and annotations to an alert, and the catalog's own, keeps it, and returns its rule: an
// empty one if the catalog disables the alert.
func (g *generator) alert(a Alert) rulefmt.Rule {
	a.Service = g.service
	settings := g.service.Alerting(a.SLO)
	if settings.Disabled(a.Name, a.Severity) {
		return rulefmt.Rule{}
	}
	a.Labels = map[string]string{
		"severity":                 literal(settings.Word(a.Severity)),
		label(semconv.ServiceName): literal(g.service.Name),
		"owner":                    literal(oneLine(g.service.Owner)),
		"tier":                     tier(g.service),
		"environment":              "{{ $labels." + label(semconv.Environment) + " }}",
	}
	if g.service.Namespace != "" {
		a.Labels[label(semconv.ServiceNamespace)] = literal(g.service.Namespace)
	}
	if a.SLO != nil {
		a.Labels[label(semconv.SLOName)] = literal(a.SLO.Name)
		// Sloth's UI finds the alerts of an SLO by these labels.
		a.Labels["sloth_id"], a.Labels["sloth_service"], a.Labels["sloth_slo"] = literal(g.service.Slug()+"-"+a.SLO.Name), literal(g.service.Slug()), literal(a.SLO.Name)
		a.Labels["sloth_severity"], a.Labels["slo_alert"] = a.Severity, a.Name
	}
	for name, value := range ownLabels(g.service, a.SLO) {
		a.Labels[name] = literal(value)
	}
	texts := settings.Text(a.Severity)
	maps.Copy(a.Labels, texts.Labels)
	if a.SLO != nil {
		for _, group := range a.SLO.GroupLabels() { // the series has it
			delete(a.Labels, group)
		}
	}
	drop(a.Labels)
	a.Annotations["runbook_url"] = literal(link(g.options.RunbookURL, g.service.Slug(), a.Runbook()))
	a.Annotations["dashboard_url"] = g.dashboard()
	if g.options.IncidentURL != "" && (a.Pair != nil || a.Name == Silent || a.Name == Regression) { // of others no incident is made
		a.Annotations["incident_url"] = g.incident(a.SLO)
	}
	maps.Copy(a.Annotations, texts.Annotations)
	g.file.Alerts = append(g.file.Alerts, a)
	return rulefmt.Rule{Alert: a.AlertName(), Expr: a.Expr, For: duration(a.For), KeepFiringFor: duration(a.Keep), Labels: a.Labels, Annotations: a.Annotations}
}

// dashboard leads to the dashboard of the service; in Grafana, over the alert's environment.
func (g *generator) dashboard() string {
	if g.options.DashboardUID == nil {
		return literal(link(g.options.DashboardURL, g.service.Slug()))
	}
	return literal(link(g.options.DashboardURL, g.options.DashboardUID(g.service))) + overEnvironment
}

// incident leads to the incident of an alert, by its labels.
func (g *generator) incident(slo *catalog.SLO) string {
	query := url.Values{"service": {clean(g.service.Name)}, "namespace": {clean(g.service.Namespace)}}
	if slo != nil {
		query.Set("slo", clean(slo.Name))
	}
	return literal(g.options.IncidentURL+"?"+query.Encode()) + `{{ with $labels.deployment_environment_name }}&environment={{ urlquery . }}{{ end }}`
}

// overEnvironment sets the variable of a dashboard in Grafana, if the series has an environment.
const overEnvironment = `{{ with $labels.deployment_environment_name }}?var-environment={{ urlquery . }}{{ end }}`

// Static is a link of an annotation without what depends on the series.
func Static(link string) string { return strings.TrimSuffix(link, overEnvironment) }

// link is a URL below base. It escapes all names.
func link(base string, names ...string) string {
	for _, name := range names {
		base += "/" + catalog.PathSegment(name)
	}
	return base
}

// FileName is the name of a service's rule file.
func FileName(s *catalog.Service) string { return catalog.FileName(s.Slug()) + ".rules.yaml" }

// drop removes empty labels, as Prometheus does.
func drop(labels map[string]string) {
	for key, value := range labels {
		if value == "" {
			delete(labels, key)
		}
	}
}
