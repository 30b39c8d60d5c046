// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package catalog is the service catalog: objectives, owner and deployment of each service,
// from one short YAML file per service.
//
// The other packages of the repository read this model, and it depends on none of
// them: the collector's components count events by it, the generators write alerts,
// runbooks and dashboards from it. A [Catalog] never changes once it is loaded, so it is
// shared between goroutines without a lock; a changed folder gives a new one.
package catalog

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// APIVersion and Kind are the required apiVersion and kind of a catalog document.
const (
	APIVersion = "catalog.otelcol-sre.dev/v1"
	Kind       = "Service"
)

// A Catalog has all services of the folders it was loaded from, ordered by namespace and name.
type Catalog struct {
	Services []*Service
	// Defaults are what other services get, ordered by name.
	Defaults []*Defaults
	// Revision is a digest of the content: equal content, equal revision.
	Revision string
	// otherwise are Defaults after all others; see [Catalog.Otherwise].
	otherwise []*Defaults

	once    sync.Once
	indexed *Index
}

// A Position is a place in a catalog file. Line and Column count from 1; 0 is unknown.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// A Service is one service with its objectives.
type Service struct {
	// Name and Namespace are the service.name and service.namespace of its telemetry.
	// An empty Namespace matches any.
	Name, Namespace string
	Labels          map[string]string
	Owner           string
	Description     string
	// Tier is 1 (most important) to 4.
	Tier       int
	Repository string
	// Environments are the deployment.environment.name values the SLOs are kept for;
	// none means every one that is seen.
	Environments []string
	// EnvironmentLabel is the label of Prometheus that has the environment, for SLIs by PromQL; see [Service.EnvironmentOf].
	EnvironmentLabel string
	DependsOn        []string
	Escalation       Escalation
	Deployment       Deployment
	// Versions says how many of them run at a time, other than during a deployment: VersionsOne, which is the same as none, or VersionsMany.
	Versions string
	// Maintenance windows, operating hours and corrections hold for all SLOs of the service; see [Service.Schedule].
	Maintenance    []Maintenance
	OperatingHours []OperatingHours
	Corrections    []Correction
	// Ledger says which attributes are dimensions of the budget ledger.
	Ledger Ledger
	// Alerts are the settings of all alerts of the service and of its SLOs.
	Alerts Alerting
	SLOs   []*SLO
	// Checks are synthetic: requests of collectors.
	Checks   []Check
	Position Position
	// Origin are the Defaults that the service is made by; nil for one with an entry of its own.
	Origin *Defaults

	slug string // where it is not the name
}

// Slug names the files, pages and dashboards of the service: its name, or NAMESPACE.NAME if other services of the
// catalog have the same name.
func (s *Service) Slug() string {
	if s.slug != "" {
		return s.slug
	}
	return s.Name
}

// Escalation has the contacts of the service.
type Escalation struct{ Chat, Pager, Email, Wiki string }

// A Ledger names attributes that are dimensions of the budget ledger although they would be left out, and some that are none in any case.
type Ledger struct{ Allow, Deny []string }

// Deployment says where the service runs.
type Deployment struct {
	Kubernetes *KubernetesWorkload
	Rollback   Rollback
	// Migrations are versions past which nobody goes back.
	Migrations []Migration
	// Flags are feature flags, and what turns them off.
	Flags []Flag
}

const (
	// VersionsOne is a service whose new version takes the old one's place.
	VersionsOne = "one"
	// VersionsMany is a fleet of clients whose users run many versions at once: an app on phones, a page in open tabs.
	VersionsMany = "many"
)

// A KubernetesWorkload is the object whose rollout is a deployment of the service.
type KubernetesWorkload struct{ Namespace, Kind, Name string }

// An SLO is one objective of a service. It is kept per deployment environment.
type SLO struct {
	Name, Description string
	// Formerly is the name that the SLO had before; what was counted under it is its own.
	Formerly string
	// Labels are on the rules and alerts of the SLO, in addition to the service's.
	Labels map[string]string
	// Objective is the target share of good events, in percent, in (0, 100).
	Objective float64
	// AllowLowObjective confirms an objective below 50 %.
	AllowLowObjective bool
	Window            Window
	SLI               SLI
	// GroupBy are labels: every set of their values has its own budget, burn rates and alerts.
	GroupBy []string
	// MaxGroups bounds how many sets of values are kept apart; see [SLO.GroupLimit].
	MaxGroups int
	Budgeting Budgeting
	// Alerts are the settings of the SLO's alerts, in addition to the service's.
	Alerts Alerting
	// Resets are the audited manual resets of the error budget, oldest first.
	Resets []Reset
	// Maintenance and Corrections hold for the SLO, in addition to the service's, and OperatingHours instead of the service's.
	Maintenance    []Maintenance
	OperatingHours []OperatingHours
	Corrections    []Correction
	Position       Position

	inherited []BurnPair // the service's
}

// A Reset ignores all events before At: the error budget is full again from then on.
// By and Reason are kept here, in version control, and logged by the collector.
type Reset struct {
	At         time.Time
	By, Reason string
}

// An SLI says which events count and which of them are good. Exactly one field is set.
type SLI struct {
	Availability *Availability
	Latency      *Latency
	Spans        *Conditions
	Logs         *Conditions
	Metrics      *Metrics
	Prometheus   *Prometheus
}

// SpanSelection says which spans of the service count.
type SpanSelection struct {
	// Kinds are span kinds: server, consumer, client, producer, internal.
	// The loader fills in the default, server and consumer.
	Kinds []string
	// Match is an OTTL condition over the span context that narrows the choice; "" is all.
	Match string
}

// Availability counts spans: one is bad when its status is ERROR, its HTTP status code is at least 500,
// or its gRPC status is a server's failure.
type Availability struct{ SpanSelection }

// Latency counts spans: one is good when it took at most Threshold.
type Latency struct {
	SpanSelection
	Threshold time.Duration
	// ExcludeErrors does not count failed spans.
	ExcludeErrors bool
	// ErrorsAreBad counts failed spans as bad, however fast they are. Not with ExcludeErrors.
	ErrorsAreBad bool
}

// Conditions are OTTL conditions: Match selects events ("" is all), Good selects the good ones.
// Spans use OTTL's span context, logs its log context.
type Conditions struct{ Match, Good string }

// Metrics are counters or histograms the service emits itself.
// Two of the three are set: Good and Total, Bad and Total, or Good and Bad.
type Metrics struct{ Good, Bad, Total *MetricSelection }

// A MetricSelection picks data points of one metric. Sums count their increase, histograms
// and exponential histograms the number of observations, or of those at most Threshold.
type MetricSelection struct {
	Name string
	// Match is an OTTL condition over the datapoint context; "" is all.
	Match string
	// Threshold bounds the observations that count, in the unit of the metric
	// (a duration in the catalog is converted by the metric's unit); nil is all.
	Threshold *Threshold
}

// A Threshold is a bound on a histogram's observations.
type Threshold struct {
	// Duration is set when the catalog says it with a unit (300ms), else Value holds the
	// plain number, in the metric's own unit.
	Duration time.Duration
	Value    float64
	// Interpolate estimates the share of a bucket the threshold cuts, linearly. Otherwise
	// a histogram whose buckets do not have the threshold as a bound is refused.
	Interpolate bool
}

// Prometheus SLIs are not seen by the collector: PromQL with {{.window}} for the range,
// evaluated by the rules. Errors and Total, Good and Total, or ErrorRatio are set.
type Prometheus struct {
	Errors, Good, Total, ErrorRatio string
	// EnvironmentLabel is the label that has the environment, if it is not the service's.
	EnvironmentLabel string
}

// DefaultEnvironmentLabel is what Prometheus names the attribute deployment.environment.name.
const DefaultEnvironmentLabel = "deployment_environment_name"

// EnvironmentOf is the label that has the environment in the results of the SLO's queries.
func (s *Service) EnvironmentOf(slo *SLO) string {
	return cmp.Or(slo.SLI.Prometheus.EnvironmentLabel, s.EnvironmentLabel, DefaultEnvironmentLabel)
}

// Queries are the SLI's queries.
func (p *Prometheus) Queries() []string {
	return slices.DeleteFunc([]string{p.Errors, p.Good, p.Total, p.ErrorRatio}, func(q string) bool { return q == "" })
}
