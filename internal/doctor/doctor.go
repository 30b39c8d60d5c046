// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package doctor says what is wrong between services, their telemetry, the catalog and a collector: each finding is one line with its fix.
//
// [Diagnose] is for what arrived and what the catalog says, [Own] for the metrics of the collector itself, and [Explain] for one span or log
// record. All judge by package judge, which is also what counts. Their texts may contain names and values from telemetry: they are
// printable and bounded, and have to be escaped like any other text.
package doctor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
)

// A Finding is something that is wrong, in one line.
type Finding struct {
	// Check is the name under which docs/troubleshooting.md explains it.
	Check Check `json:"check"`
	// Service and SLO are what it is about, if it is about one.
	Service string `json:"service,omitempty"`
	SLO     string `json:"slo,omitempty"`
	// What says what was seen, Fix what to do.
	What string `json:"what"`
	Fix  string `json:"fix"`
	// Collector is true if the collector's own metrics say so.
	Collector bool `json:"collector,omitempty"`
}

// A Check is the name of a kind of finding.
type Check string

// The checks, in the order in which their findings are shown: what explains others comes first.
const (
	CheckPort         Check = "port"
	CheckCatalog      Check = "catalog"
	CheckEmptyCatalog Check = "catalog-empty"
	CheckNothing      Check = "nothing-arrives"
	CheckProtocol     Check = "protocol"
	CheckRefused      Check = "refused"
	CheckUnnamed      Check = "service-name-missing"
	CheckName         Check = "service-name"
	CheckNamespace    Check = "service-namespace"
	CheckEnvironment  Check = "environment"
	CheckSilent       Check = "service-silent"
	CheckSignal       Check = "signal"
	CheckKind         Check = "span-kind"
	CheckMatch        Check = "match"
	CheckCondition    Check = "condition"
	CheckMetric       Check = "metric"
	CheckClock        Check = "clock"
	CheckDropped      Check = "dropped"
	CheckDuplicates   Check = "duplicates"
	CheckVersion      Check = "version"
	CheckExporter     Check = "exporter"
	CheckRules        Check = "rules"
	CheckRunbooks     Check = "runbooks"
	CheckNotWatched   Check = "not-watched"
)

// Checks are all of them, in order.
var Checks = []Check{
	CheckPort, CheckCatalog, CheckEmptyCatalog, CheckNothing, CheckProtocol, CheckRefused, CheckUnnamed, CheckName, CheckNamespace, CheckEnvironment,
	CheckSilent, CheckSignal, CheckKind, CheckMatch, CheckCondition, CheckMetric, CheckClock, CheckDropped, CheckDuplicates, CheckVersion, CheckExporter,
	CheckRules, CheckRunbooks, CheckNotWatched,
}

// Sort orders findings: by check, then by what they are about.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(Checks, a.Check), slices.Index(Checks, b.Check)), cmp.Compare(a.Service, b.Service), cmp.Compare(a.SLO, b.SLO))
	})
}

// A Sender is what arrived under one identity.
type Sender struct {
	Service     string `json:"service"`
	Namespace   string `json:"namespace,omitempty"`
	Environment string `json:"environment,omitempty"`
	Version     string `json:"version,omitempty"`
	// Spans, LogRecords and DataPoints are how many arrived since the collector started.
	Spans      int64     `json:"spans"`
	LogRecords int64     `json:"log_records"`
	DataPoints int64     `json:"data_points"`
	LastSeen   time.Time `json:"last_seen"`
	// SDK is such as "opentelemetry java 1.40.0".
	SDK       string     `json:"sdk,omitempty"`
	Instances []Instance `json:"instances"`
	// Peers are the addresses that sent it.
	Peers []string `json:"peers"`
	// Kinds are those of the sampled spans.
	Kinds []string `json:"span_kinds"`
	// Metrics are those that arrived, by name.
	Metrics []Metric `json:"metrics"`

	// Traces and Logs are samples of what arrived last.
	Traces []ptrace.Traces `json:"-"`
	Logs   []plog.Logs     `json:"-"`
}

// An Instance is a process of a service.
type Instance struct {
	ID       string    `json:"id,omitempty"`
	LastSeen time.Time `json:"last_seen"`
	// Offset is by how many seconds its newest spans and log records end after they arrive: negative while they are older. It is 0 if none came.
	Offset float64 `json:"clock_offset_seconds"`
}

// A Metric is what a service sends under one name.
type Metric struct {
	Name string `json:"name"`
	// Type is gauge, sum, histogram, exponential_histogram or summary.
	Type string `json:"type"`
	// Monotonic is of a sum, Temporality (delta, cumulative or unspecified) of a sum or histogram.
	Monotonic   bool      `json:"monotonic,omitempty"`
	Temporality string    `json:"temporality,omitempty"`
	LastSeen    time.Time `json:"last_seen"`
}

// Facts are what there is to judge.
type Facts struct {
	Now     time.Time
	Senders []Sender
	Catalog *catalog.Catalog
	// Problems are those of the newest reading of the catalog.
	Problems catalog.Problems
	// Directory reports whether a folder of a catalog is read at all.
	HasCatalog bool
	// Counted are the events that each SLO counted in the last ten minutes; nil if that is not known.
	Counted map[SLOKey]float64
	// Watched reports whether samples are kept.
	Watched bool
}

// An SLOKey names an SLO of the catalog.
type SLOKey struct{ Namespace, Service, SLO string }

// An SLO is what was counted for it.
type SLO struct {
	Service   string `json:"service"`
	Namespace string `json:"namespace,omitempty"`
	SLO       string `json:"slo"`
	// Counted are its events of the last ten minutes; nil if they are not known.
	Counted *float64 `json:"counted,omitempty"`
	// LookedAt is how many sampled spans or log records were judged, Good and Bad how many of them it counts. Not is why it does not count the others.
	LookedAt int            `json:"looked_at"`
	Good     int            `json:"good"`
	Bad      int            `json:"bad"`
	Not      map[string]int `json:"not_counted,omitempty"`
}

// A Report is what [Diagnose] found.
type Report struct {
	Senders  []Sender  `json:"senders"`
	SLOs     []SLO     `json:"slos"`
	Findings []Finding `json:"findings"`
}

// activeFor is how long after its newest telemetry a sender is judged: two exports of metrics, which SDKs send once a minute.
const activeFor = 2 * time.Minute

// Diagnose judges the facts.
func Diagnose(ctx context.Context, f Facts) Report {
	d := newDiagnosis(ctx, f)
	d.catalog()
	if d.nothing() {
		return d.finish()
	}
	d.names()
	d.versions()
	d.clocks()
	for _, s := range f.Catalog.Services {
		d.service(s)
	}
	return d.finish()
}

type diagnosis struct {
	Facts
	ctx context.Context //nolint:containedctx // it lives as long as one call
	// active are the senders to judge, of the services of the catalog and others.
	active  []*Sender
	matched map[*catalog.Service][]*Sender
	report  Report
}

func (d *diagnosis) find(check Check, service, slo, what, fix string) {
	d.report.Findings = append(d.report.Findings, Finding{Check: check, Service: shown(service), SLO: shown(slo), What: what, Fix: fix})
}

func (d *diagnosis) finish() Report {
	Sort(d.report.Findings)
	return d.report
}

// maxFindings bounds the findings of one check that are listed.
const maxFindings = 10

// catalog reports what is wrong with the catalog itself.
func (d *diagnosis) catalog() {
	for i, p := range d.Problems {
		if i == maxFindings {
			d.find(CheckCatalog, "", "", "the catalog has more problems", "run `srectl validate` on its folder to see all")
			break
		}
		what := shownText(p.Position.String() + ": " + p.Message)
		if p.Path != "" {
			what = shownText(p.Position.String() + ": " + p.Path + ": " + p.Message)
		}
		d.find(CheckCatalog, "", "", what, cmp.Or(shownText(p.Fix), "correct the file; it is read again at once"))
	}
	switch {
	case !d.HasCatalog:
		d.find(CheckEmptyCatalog, "", "", "this collector reads no service catalog, so it counts nothing", "run the service_catalog extension, and name a folder in its key directory")
	case len(d.Catalog.Defaults) > 0 || d.hasEntries():
	default:
		what := "the catalog has no service, so nothing is counted"
		if d.Catalog.HasDefaults() {
			what = "the catalog has no service, so SLOs are proposals without alerts"
		}
		d.find(CheckEmptyCatalog, "", "", what,
			"put a file for each service into the folder that OTELCOL_SRE_CATALOG names (docs/catalog.md), and check the path")
	}
}

// nothing reports whether nothing arrives at all.
func (d *diagnosis) nothing() bool {
	if len(d.active) > 0 {
		return false
	}
	fix := "send OTLP to port 4318 (OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318, OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf) or 4317 (gRPC), and check the network between"
	if len(d.Senders) == 0 {
		d.find(CheckNothing, "", "", "nothing has arrived since the collector started", fix)
	} else {
		newest := d.Senders[0].LastSeen
		for _, s := range d.Senders {
			if s.LastSeen.After(newest) {
				newest = s.LastSeen
			}
		}
		d.find(CheckNothing, "", "", "nothing has arrived for "+catalog.FormatDuration(d.Now.Sub(newest).Truncate(time.Second)), fix)
	}
	return true
}

const (
	maxName = 60
	maxLine = 300
)

// shown is a name that comes from outside.
func shown(name string) string { return printable.Text(name, maxName) }

// shownText is a message that may contain text from outside.
func shownText(text string) string { return printable.Text(text, maxLine) }
