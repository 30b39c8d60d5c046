// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// The clock of a sender is wrong beyond these: the bounds up to which the sli connector takes an event as one of now, by default.
const (
	tooOld    = 5 * time.Minute
	tooFuture = time.Minute
)

func newDiagnosis(ctx context.Context, f Facts) *diagnosis {
	d := &diagnosis{Facts: f, ctx: ctx, matched: map[*catalog.Service][]*Sender{}, report: Report{Senders: f.Senders, SLOs: []SLO{}, Findings: []Finding{}}}
	var services judge.Services[catalog.Service]
	for _, s := range f.Catalog.Services {
		services.Add(s.Namespace, s.Name, s)
	}
	for i := range d.Senders {
		s := &d.Senders[i]
		if f.Now.Sub(s.LastSeen) > activeFor {
			continue
		}
		d.active = append(d.active, s)
		if of := services.Find(judge.Identity{Name: s.Service, Namespace: s.Namespace}); of != nil {
			d.matched[of] = append(d.matched[of], s)
		}
	}
	return d
}

func counts(s *catalog.Service, environment string) bool {
	return len(s.Environments) == 0 || slices.Contains(s.Environments, environment)
}

// unnamed reports whether an SDK was given no name.
func unnamed(service string) bool {
	return service == "" || strings.HasPrefix(service, "unknown_service")
}

// names compares the names that arrive with those of the catalog.
func (d *diagnosis) names() {
	var missing []string // of the catalog, from which nothing arrives
	for _, s := range d.Catalog.Services {
		if len(d.matched[s]) == 0 && s.Origin == nil {
			missing = append(missing, s.Name)
		}
	}
	d.missingNames()
	explained := d.strangers(missing)
	for _, s := range d.Catalog.Services {
		if len(d.matched[s]) > 0 {
			d.environments(s)
			continue
		}
		if s.Origin != nil || d.namespaces(s) || explained[s.Name] || !d.measured(s) {
			continue
		}
		d.find(CheckSilent, s.Name, "", "nothing arrives from "+shown(s.Name)+", which the catalog has",
			fmt.Sprintf("start it with OTEL_SERVICE_NAME=%s and OTEL_EXPORTER_OTLP_ENDPOINT set to this collector, or remove it from the catalog", shown(s.Name)))
	}
}

// measured reports whether the collector counts an SLO of the service.
func (*diagnosis) measured(s *catalog.Service) bool {
	return slices.ContainsFunc(s.SLOs, func(o *catalog.SLO) bool { return o.SLI.Prometheus == nil })
}

func (d *diagnosis) missingNames() {
	for _, s := range d.active {
		if unnamed(s.Service) {
			what := "telemetry arrives without service.name"
			if s.Service != "" {
				what = "a service arrives as " + shown(s.Service) + ", which is what an SDK without a name says"
			}
			d.find(CheckUnnamed, s.Service, "", what+from(s), "set OTEL_SERVICE_NAME to metadata.name of its file in the catalog")
		}
	}
}

// from says where telemetry comes from, as far as it is known.
func from(s *Sender) string {
	var parts []string
	if s.SDK != "" {
		parts = append(parts, shown(s.SDK))
	}
	if len(s.Peers) > 0 {
		parts = append(parts, "from "+shown(s.Peers[0]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// strangers reports services that send and that no file of the catalog names. Those of the catalog that it explains are returned.
func (d *diagnosis) strangers(missing []string) map[string]bool {
	explained, others := map[string]bool{}, []string{}
	for _, s := range d.active {
		if unnamed(s.Service) || d.named(s.Service) || slices.Contains(others, s.Service) {
			continue
		}
		near := nearest.Word(s.Service, missing)
		if near == "" {
			if d.Catalog.DefaultsFor(s.Namespace, s.Service) == nil {
				others = append(others, s.Service)
			}
			continue
		}
		if !explained[near] {
			d.find(CheckName, near, "", fmt.Sprintf("%s sends telemetry, and the catalog has %s, from which nothing arrives", shown(s.Service), shown(near)),
				fmt.Sprintf("if they are one service, set OTEL_SERVICE_NAME=%s, or metadata.name in its file to %s", shown(near), shown(s.Service)))
		}
		explained[near] = true
	}
	if len(others) == 0 || !d.hasEntries() {
		return explained
	}
	slices.Sort(others)
	listed := others[:min(len(others), maxFindings)]
	for i, name := range listed {
		listed[i] = shown(name)
	}
	what := "no file of the catalog names " + strings.Join(listed, ", ")
	if more := len(others) - len(listed); more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	service := ""
	if len(others) == 1 {
		service = others[0]
	}
	d.find(CheckName, service, "", what+": it sends telemetry, and has no SLO", "add a file with this metadata.name to the catalog, or set OTEL_SERVICE_NAME to a name that it has")
	return explained
}

// named reports whether an entry of the catalog has the name, in whatever namespace.
func (d *diagnosis) named(name string) bool {
	return slices.ContainsFunc(d.Catalog.Services, func(s *catalog.Service) bool { return s.Name == name && s.Origin == nil })
}

// hasEntries reports whether the catalog has services besides those by Defaults.
func (d *diagnosis) hasEntries() bool {
	return slices.ContainsFunc(d.Catalog.Services, func(s *catalog.Service) bool { return s.Origin == nil })
}

// namespaces reports a service whose telemetry has another namespace.
func (d *diagnosis) namespaces(s *catalog.Service) bool {
	for _, sender := range d.active {
		if sender.Service != s.Name || sender.Namespace == s.Namespace || d.isMatched(sender) {
			continue
		}
		d.find(CheckNamespace, s.Name, "", fmt.Sprintf("%s sends service.namespace %s, and the catalog has it in namespace %s", shown(s.Name), orNone(sender.Namespace), shown(s.Namespace)),
			"set service.namespace in OTEL_RESOURCE_ATTRIBUTES to that of the catalog, or remove metadata.namespace there, so that any matches")
		return true
	}
	return false
}

// isMatched reports whether an entry of the catalog is for the sender.
func (d *diagnosis) isMatched(sender *Sender) bool {
	for of, senders := range d.matched {
		if of.Origin == nil && slices.Contains(senders, sender) {
			return true
		}
	}
	return false
}

func orNone(name string) string {
	if name == "" {
		return "(none)"
	}
	return shown(name)
}

// environments reports a service that sends from none of the environments that the catalog lists.
func (d *diagnosis) environments(s *catalog.Service) {
	var sent []string
	for _, sender := range d.matched[s] {
		if counts(s, sender.Environment) {
			return
		}
		if e := orNone(sender.Environment); !slices.Contains(sent, e) {
			sent = append(sent, e)
		}
	}
	slices.Sort(sent)
	listed := make([]string, len(s.Environments))
	for i, e := range s.Environments {
		listed[i] = shown(e)
	}
	d.find(CheckEnvironment, s.Name, "", shownText(fmt.Sprintf("%s sends deployment.environment.name %s, and the catalog lists %s only, so nothing of it counts",
		shown(s.Name), strings.Join(sent, ", "), strings.Join(listed, ", "))),
		fmt.Sprintf("set OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=%s, or correct spec.environments in its file", listed[0]))
}

// versions reports services of the catalog whose deployments cannot be seen.
func (d *diagnosis) versions() {
	for s, senders := range d.matched {
		for _, sender := range senders {
			if sender.Version == "" && counts(s, sender.Environment) {
				d.find(CheckVersion, s.Name, "", shown(s.Name)+" sends no service.version, so its deployments are not found", "add service.version=1.2.3 to OTEL_RESOURCE_ATTRIBUTES")
				break
			}
		}
	}
}

// clocks reports instances whose events are not of now.
func (d *diagnosis) clocks() {
	for _, s := range d.active {
		for _, i := range s.Instances {
			offset := time.Duration(i.Offset * float64(time.Second))
			by := catalog.FormatDuration(offset.Abs().Round(time.Second))
			who := orNone(s.Service)
			if i.ID != "" {
				who += " (instance " + shown(i.ID) + ")"
			}
			switch {
			case d.Now.Sub(i.LastSeen) > activeFor:
				continue
			case offset > tooFuture:
				d.find(CheckClock, s.Service, "", fmt.Sprintf("the clock of %s is %s ahead of the collector's, so its events do not count now", who, by),
					"synchronize the clock of its host (NTP), or that of the collector's")
			case offset < -tooOld:
				d.find(CheckClock, s.Service, "", fmt.Sprintf("what %s sends ended %s ago, so it counts as late, not now", who, by),
					"synchronize the clock of its host (NTP) if it is behind; otherwise find what holds its spans back, such as a queue")
			default:
				continue
			}
			break // one instance is enough
		}
	}
}
