// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog/condition"
)

// serviceShape is a catalog document.
var serviceShape = object([]member[Service]{
	literal[Service]("apiVersion", APIVersion, "The format and its version."),
	literal[Service]("kind", Kind, "Service; the other kind is Defaults."),
	group("metadata", "The identity of the service.", true, object([]member[Service]{
		need("name", "The service.name of its telemetry.", name, func(s *Service) *string { return &s.Name }),
		namespaceMember,
		may("labels", "Free labels.", texts(labelKey, line), func(s *Service) *map[string]string { return &s.Labels }, nil),
	})),
	group("spec", "Objectives, owner and deployment of the service.", false, specShape),
}, nameWorkload)

var namespaceMember = may("namespace", "The service.namespace of its telemetry. Default: any.", name, func(s *Service) *string { return &s.Namespace }, "")

const defaultTier = 3

var specMembers = []member[Service]{
	may("owner", "The team that is responsible for the service.", line, func(s *Service) *string { return &s.Owner }, ""),
	may("description", "The purpose of the service, in one sentence.", prose, func(s *Service) *string { return &s.Description }, ""),
	may("tier", "The importance of the service: 1 is the highest.", tier, func(s *Service) *int { return &s.Tier }, defaultTier),
	may("repository", "The URL of the source repository.", webAddress, func(s *Service) *string { return &s.Repository }, ""),
	may("environments", "The deployment.environment.name values that the SLOs are computed for. Default: every value in the telemetry.", list(line), func(s *Service) *[]string { return &s.Environments }, nil),
	may("environmentLabel", "The label of Prometheus that has the environment, in the results of PromQL. Default: deployment_environment_name.", promName, func(s *Service) *string { return &s.EnvironmentLabel }, ""),
	may("dependsOn", "The services that it calls: name, or namespace/name.", list(reference), func(s *Service) *[]string { return &s.DependsOn }, nil),
	may("escalation", "Contacts for incidents.", escalationShape, func(s *Service) *Escalation { return &s.Escalation }, Escalation{}),
	may("deployment", "The deployment of the service.", deploymentShape, func(s *Service) *Deployment { return &s.Deployment }, Deployment{}),
	may("versions", "How many versions run at a time. many is a fleet of clients, such as a mobile app or a page in open tabs: its releases are announced at their first sight and at 10, 50 and 90 % of the traffic, and are never canaries nor complete.", oneOf(VersionsOne, VersionsMany), func(s *Service) *string { return &s.Versions }, ""),
	may("maintenance", "Planned maintenance, once or again and again. Its events do not count against any error budget of the service.", list(maintenanceShape), func(s *Service) *[]Maintenance { return &s.Maintenance }, nil),
	may("operatingHours", "When events count. Outside of these hours they do not. Default: always.", list(hoursShape), func(s *Service) *[]OperatingHours { return &s.OperatingHours }, nil),
	may("corrections", "How the events of a time count, whatever else says. Of several for a time, the last one holds.", list(correctionShape), func(s *Service) *[]Correction { return &s.Corrections }, nil),
	may("ledger", "Which attributes of the events are dimensions of the budget ledger, in addition to what the sli connector says.", ledgerShape, func(s *Service) *Ledger { return &s.Ledger }, Ledger{}),
	alertsMember,
	checksMember,
	may("slos", "The objectives.", list(pointer(sloShape)), func(s *Service) *[]*SLO { return &s.SLOs }, nil),
}

var specShape = object(specMembers, uniqueSLONames, uniqueChecks, oneHeir, dependsOnOthers, inherit, numbersOfOne)

var promName = text("label name", maxName, ecma(labelPattern), matches(prometheusLabel, "is not a label name of Prometheus", "use letters, digits and _"))

var reference = text("name", 2*maxName+1, nil, printable(false), func(s string) (string, string) {
	namespace, service, both := strings.Cut(s, "/")
	if !both {
		namespace, service = s, s
	}
	if !nameRegexp.MatchString(namespace) || !nameRegexp.MatchString(service) {
		return quote(s) + " is not a service", "write its name, or namespace/name"
	}
	return "", ""
})

var escalationShape = object([]member[Escalation]{
	may("chat", "The channel.", line, func(e *Escalation) *string { return &e.Chat }, ""),
	may("pager", "The URL that pages the person on call.", webAddress, func(e *Escalation) *string { return &e.Pager }, ""),
	may("email", "The team's email address.", email, func(e *Escalation) *string { return &e.Email }, ""),
	may("wiki", "The URL of the team's documentation.", webAddress, func(e *Escalation) *string { return &e.Wiki }, ""),
})

var deploymentShape = object([]member[Deployment]{
	may("kubernetes", "The workload whose rollout is a deployment of the service.", pointer(workloadShape), func(d *Deployment) **KubernetesWorkload { return &d.Kubernetes }, nil),
	may("rollback", "How srectl rollback takes a deployment back.", rollbackShape, func(d *Deployment) *Rollback { return &d.Rollback }, Rollback{}),
	may("migrations", "Versions that changed data so that no version before can work with them. Nothing is rolled back past one.", list(migrationShape), func(d *Deployment) *[]Migration { return &d.Migrations }, nil),
	may("flags", "Feature flags, and the command that turns each off. The page of an incident shows it if the flag is the likely cause.", list(flagShape), func(d *Deployment) *[]Flag { return &d.Flags }, nil),
})

var ledgerShape = object([]member[Ledger]{
	may("allow", "Attributes that would be left out because they may be personal data, IDs or free text. * at the beginning or the end of a name is anything: customer.*.", list(attributePattern), func(l *Ledger) *[]string { return &l.Allow }, nil),
	may("deny", "Attributes that are left out in any case.", list(attributePattern), func(l *Ledger) *[]string { return &l.Deny }, nil),
})

const attributeExpression = `^\*?[^*\s]+\*?$`

var attributePattern = text("attribute name", 64, ecma(attributeExpression), printable(false),
	matches(regexp.MustCompile(attributeExpression), "is not the name of an attribute", "write it, with * at its beginning or its end for anything, such as customer.*"))

var workloadShape = object([]member[KubernetesWorkload]{
	need("namespace", "The Kubernetes namespace.", name, func(w *KubernetesWorkload) *string { return &w.Namespace }),
	may("kind", "The kind of workload.", oneOf("Deployment", "StatefulSet", "DaemonSet", "Rollout"), func(w *KubernetesWorkload) *string { return &w.Kind }, "Deployment"),
	may("name", "The workload's name. Default: the service's name.", name, func(w *KubernetesWorkload) *string { return &w.Name }, ""),
})

var everyMember = "Days, times and time zone, by the clock on the wall: weekday 08:00-18:00 Europe/Madrid. Days are day, weekday, weekend, names such as sat,sun or mon-thu, or a rule of RFC 5545 such as FREQ=MONTHLY;BYDAY=1SU. An end that is not after the start is on the next day."

var maintenanceShape = object([]member[Maintenance]{
	may("start", "The start of the window, inclusive. With every: from when on it comes. Default: always.", moment, func(m *Maintenance) *time.Time { return &m.Start }, time.Time{}),
	may("end", "The end of the window, exclusive. With every: until when it comes. Default: never ends.", moment, func(m *Maintenance) *time.Time { return &m.End }, time.Time{}),
	may("every", everyMember, recurrence, func(m *Maintenance) **Recurrence { return &m.Every }, nil),
	may("reason", "The work that is planned.", line, func(m *Maintenance) *string { return &m.Reason }, ""),
}, onceOrAgain, func(r *reader, at place, m *Maintenance) { endAfterStart(r, at, m.Start, m.End) }).also(schema{"anyOf": []any{
	schema{"required": []any{"every"}}, schema{"required": []any{"start", "end"}},
}})

var hoursShape = object([]member[OperatingHours]{
	need("every", everyMember, recurrence, func(h *OperatingHours) **Recurrence { return &h.Every }),
	may("start", "From when on these are the hours. Default: always.", moment, func(h *OperatingHours) *time.Time { return &h.Start }, time.Time{}),
	may("end", "Until when these are the hours. Default: never ends.", moment, func(h *OperatingHours) *time.Time { return &h.End }, time.Time{}),
}, func(r *reader, at place, h *OperatingHours) { endAfterStart(r, at, h.Start, h.End) })

var correctionShape = object([]member[Correction]{
	need("start", "The start of the time, inclusive.", moment, func(c *Correction) *time.Time { return &c.Start }),
	need("end", "The end of the time, exclusive.", moment, func(c *Correction) *time.Time { return &c.End }),
	need("as", "How its events count: not at all (excluded), as what they are, also in maintenance (counted), all as good, all as bad, or as the numbers good and bad say (set).", oneOf(Excluded, Counted, AllGood, AllBad, Set), func(c *Correction) *Counting { return &c.As }),
	may("good", "How many events of the whole time were good, instead of those that were counted. Only with set.", events, func(c *Correction) *float64 { return &c.Good }, 0),
	may("bad", "How many were bad.", events, func(c *Correction) *float64 { return &c.Bad }, 0),
	need("by", "The person who decided it.", line, func(c *Correction) *string { return &c.By }),
	need("reason", "Why.", line, func(c *Correction) *string { return &c.Reason }),
}, func(r *reader, at place, c *Correction) { endAfterStart(r, at, c.Start, c.End) }, numbersOfSet)

var sloMembers = []member[SLO]{
	need("name", "The SLO's name, unique within the service.", sloName, func(s *SLO) *string { return &s.Name }),
	may("formerly", "The name that the SLO had before. Its history goes on under the new one.", sloName, func(s *SLO) *string { return &s.Formerly }, ""),
	may("description", "The meaning of the SLO for users of the service.", prose, func(s *SLO) *string { return &s.Description }, ""),
	may("labels", "Labels of the SLO's rules and alerts, in addition to the service's.", texts(labelKey, line), func(s *SLO) *map[string]string { return &s.Labels }, nil),
	need("objective", "The target percentage of good events, above 0 and below 100.", objective, func(s *SLO) *float64 { return &s.Objective }),
	may("allowLowObjective", "Confirms an objective below 50.", boolean, func(s *SLO) *bool { return &s.AllowLowObjective }, false),
	may("window", "A rolling window, 1h to 366d.", duration(checkWindow), func(s *SLO) *time.Duration { return &s.Window.Rolling }, defaultWindow),
	may("calendar", "A calendar window, instead of window.", pointer(calendarShape), func(s *SLO) **Calendar { return &s.Window.Calendar }, nil),
	need("sli", "The SLI: which events count and which are good. Exactly one of the kinds below.", sliShape, func(s *SLO) *SLI { return &s.SLI }),
	may("groupBy", "Attributes of the events, or else of their resource: each set of their values has its own budget and alerts. With the kind prometheus, labels in the results; default: the labels that the queries keep.", list(groupLabel), func(s *SLO) *[]string { return &s.GroupBy }, nil),
	may("maxGroups", "How many of these sets are kept apart. The others are one group, with _overflow for every attribute. Default: 100.", count(1, mostGroups), func(s *SLO) *int { return &s.MaxGroups }, 0),
	may("budgeting", "What the error budget is a share of. Default: events.", budgetingShape, func(s *SLO) *Budgeting { return &s.Budgeting }, Budgeting{}),
	may("alerts", "Settings of the SLO's alerts, in addition to the service's.", alertingShape, func(s *SLO) *Alerting { return &s.Alerts }, Alerting{}),
	may("resets", "Times from which the error budget is full again.", list(resetShape), func(s *SLO) *[]Reset { return &s.Resets }, nil),
	may("maintenance", "Planned maintenance of this SLO, in addition to the service's.", list(maintenanceShape), func(s *SLO) *[]Maintenance { return &s.Maintenance }, nil),
	may("operatingHours", "When events of this SLO count, instead of the service's hours.", list(hoursShape), func(s *SLO) *[]OperatingHours { return &s.OperatingHours }, nil),
	may("corrections", "Corrections of this SLO, which come after the service's.", list(correctionShape), func(s *SLO) *[]Correction { return &s.Corrections }, nil),
}

var sloShape = object(sloMembers, oneWindow, confirmedObjective, groupsOfKind, slicesOfCollector, reachableAlerts, orderResets).also(schema{"not": schema{"required": []any{"window", "calendar"}}})

var calendarShape = object([]member[Calendar]{
	need("unit", "The calendar period.", oneOf(Day, Week, Month, Quarter, Year), func(c *Calendar) *CalendarUnit { return &c.Unit }),
	may("timeZone", "The time zone of start.", timeZone, func(c *Calendar) **time.Location { return &c.Location }, time.UTC),
	may("start", "The local date, or date and time, at which one of the periods begins, such as 2026-01-04 for weeks from Sunday. Default: midnight of a Monday, or of the first of January.", localTime, func(c *Calendar) *time.Time { return &c.Start }, time.Time{}),
}, usualStart)

var resetShape = object([]member[Reset]{
	need("at", "The time from which the budget is full again.", moment, func(r *Reset) *time.Time { return &r.At }),
	need("by", "The person who decided it.", line, func(r *Reset) *string { return &r.By }),
	need("reason", "Why.", line, func(r *Reset) *string { return &r.Reason }),
})

var sliShape = object([]member[SLI]{
	may("availability", "Counts spans. Spans without an error are good.", pointer(availabilityShape), func(s *SLI) **Availability { return &s.Availability }, nil),
	may("latency", "Counts spans. Spans within a duration are good.", pointer(latencyShape), func(s *SLI) **Latency { return &s.Latency }, nil),
	may("spans", "Counts spans that a condition selects. Another condition defines the good ones.", pointer(conditionsShape(spanCondition)), func(s *SLI) **Conditions { return &s.Spans }, nil),
	may("logs", "Counts log records that a condition selects. Another condition defines the good ones.", pointer(conditionsShape(logCondition)), func(s *SLI) **Conditions { return &s.Logs }, nil),
	may("metrics", "Reads counters or histograms that the service emits. Two of good, bad and total.", pointer(metricsShape), func(s *SLI) **Metrics { return &s.Metrics }, nil),
	may("prometheus", "PromQL for metrics that only Prometheus has. The generated rules evaluate it. errors and total, good and total, or errorRatio.", pointer(prometheusShape), func(s *SLI) **Prometheus { return &s.Prometheus }, nil),
}, oneKindOfSLI).also(schema{"minProperties": 1, "maxProperties": 1})

var spanCondition = ottlText("OTTL, span", condition.Span)
var logCondition = ottlText("OTTL, log", condition.Log)
var dataPointCondition = ottlText("OTTL, datapoint", condition.DataPoint)

// ottlText is a valid OTTL condition.
func ottlText[C any](name string, compile func(string) (C, error)) shape[string] {
	return text(name, maxText, nil, printable(true), func(s string) (string, string) {
		if _, err := compile(s); err != nil {
			return "is not an OTTL condition: " + explain(err), `write one such as attributes["x"] == "y"`
		}
		return "", ""
	})
}

var spanSelection = []member[SpanSelection]{
	may("kinds", "The span kinds that count.", list(oneOf("server", "consumer", "client", "producer", "internal")), func(s *SpanSelection) *[]string { return &s.Kinds }, []string{"server", "consumer"}),
	may("match", "A condition on the spans that count. Default: all.", spanCondition, func(s *SpanSelection) *string { return &s.Match }, ""),
}

var availabilityShape = object(within(spanSelection, func(a *Availability) *SpanSelection { return &a.SpanSelection }))

var latencyShape = object(append(within(spanSelection, func(l *Latency) *SpanSelection { return &l.SpanSelection }),
	need("threshold", "The maximum duration of a good span.", duration(positive), func(l *Latency) *time.Duration { return &l.Threshold }),
	may("excludeErrors", "Does not count failed spans.", boolean, func(l *Latency) *bool { return &l.ExcludeErrors }, false),
	may("errorsAreBad", "Counts failed spans as bad, however fast they are. Not together with excludeErrors.", boolean, func(l *Latency) *bool { return &l.ErrorsAreBad }, false),
), errorsOneWay).also(schema{"not": schema{
	"required":   []any{"excludeErrors", "errorsAreBad"},
	"properties": schema{"excludeErrors": schema{"const": true}, "errorsAreBad": schema{"const": true}},
}})

func conditionsShape(c shape[string]) shape[Conditions] {
	return object([]member[Conditions]{
		may("match", "A condition on the events that count. Default: all events of the service.", c, func(c *Conditions) *string { return &c.Match }, ""),
		need("good", "A condition on the counted events that are good.", c, func(c *Conditions) *string { return &c.Good }),
	})
}

var metricsShape = object([]member[Metrics]{
	may("good", "The good events.", pointer(metricShape), func(m *Metrics) **MetricSelection { return &m.Good }, nil),
	may("bad", "The bad events.", pointer(metricShape), func(m *Metrics) **MetricSelection { return &m.Bad }, nil),
	may("total", "All events.", pointer(metricShape), func(m *Metrics) **MetricSelection { return &m.Total }, nil),
}, twoOfThree).also(schema{"minProperties": 2, "maxProperties": 2})

var metricShape = object([]member[MetricSelection]{
	need("name", "The metric's OpenTelemetry name.", line, func(m *MetricSelection) *string { return &m.Name }),
	may("match", "A condition on the data points that count. Default: all.", dataPointCondition, func(m *MetricSelection) *string { return &m.Match }, ""),
	may("threshold", "Counts only histogram observations up to this bound: a duration, or a number in the metric's unit.", pointer(thresholdShape), func(m *MetricSelection) **Threshold { return &m.Threshold }, nil),
	betweenBuckets,
}).also(schema{"dependentRequired": schema{"betweenBuckets": []any{"threshold"}}})

// thresholdShape is the bound itself; betweenBuckets is a key of the same mapping.
var thresholdShape = shape[Threshold]{
	name:   "duration or number",
	schema: schema{"anyOf": []any{duration().schema, schema{"type": "number"}}},
	read: func(r *reader, at place, into *Threshold) bool {
		if v, ok := number(at.node); ok {
			into.Value = v
			return true
		}
		return duration(positive).read(r, at, &into.Duration)
	},
	write: func(t Threshold) *yaml.Node {
		if t.Duration != 0 {
			return textNode(exactDuration(t.Duration))
		}
		return numberNode(t.Value)
	},
}

var betweenBuckets = func() member[MetricSelection] {
	const refuse, interpolate = "refuse", "interpolate"
	word := oneOf(refuse, interpolate)
	m := may("betweenBuckets", "How to count a histogram without a bucket bound at the threshold.", word, func(*MetricSelection) *string { return new(string) }, refuse)
	m.absent = nil
	m.read = func(r *reader, at place, into *MetricSelection) bool {
		var choice string
		if !word.read(r, at, &choice) {
			return false
		}
		if into.Threshold == nil {
			r.problem(at, "has no effect without threshold", "add threshold, or delete it")
			return false
		}
		into.Threshold.Interpolate = choice == interpolate
		return true
	}
	m.write = func(s *MetricSelection) *yaml.Node {
		if s.Threshold == nil || !s.Threshold.Interpolate {
			return nil
		}
		return word.write(interpolate)
	}
	return m
}()

var prometheusShape = object([]member[Prometheus]{
	may("errors", "The rate or number of bad events over [{{.window}}].", promQL, func(p *Prometheus) *string { return &p.Errors }, ""),
	may("good", "The rate or number of good events over [{{.window}}], instead of errors.", promQL, func(p *Prometheus) *string { return &p.Good }, ""),
	may("total", "The rate or number of all events over [{{.window}}].", promQL, func(p *Prometheus) *string { return &p.Total }, ""),
	may("errorRatio", "The share of bad events over [{{.window}}], 0 to 1. Prefer errors and total: a ratio alone cannot be weighed by traffic.", promQL, func(p *Prometheus) *string { return &p.ErrorRatio }, ""),
	may("environmentLabel", "The label that has the environment, if it is not the service's.", promName, func(p *Prometheus) *string { return &p.EnvironmentLabel }, ""),
}, ratioOrCounts).also(schema{"oneOf": []any{
	schema{"required": []any{"errors", "total"}, "properties": schema{"good": false, "errorRatio": false}},
	schema{"required": []any{"good", "total"}, "properties": schema{"errors": false, "errorRatio": false}},
	schema{"required": []any{"errorRatio"}, "properties": schema{"errors": false, "good": false, "total": false}},
}})

// within turns members of a part into members of the whole.
func within[T, V any](members []member[V], at func(*T) *V) []member[T] {
	whole := make([]member[T], len(members))
	for i, m := range members {
		whole[i] = member[T]{
			key: m.key, required: m.required, schema: m.schema, doc: m.doc,
			read:   func(r *reader, p place, t *T) bool { return m.read(r, p, at(t)) },
			write:  func(t *T) *yaml.Node { return m.write(at(t)) },
			absent: func(t *T) { m.absent(at(t)) },
		}
	}
	return whole
}
