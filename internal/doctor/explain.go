// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// An Answer says how the SLOs of its service take one span or log record.
type Answer struct {
	// Signal is span or log.
	Signal string `json:"signal"`
	Name   string `json:"name"`
	// Kind is of a span.
	Kind        string `json:"kind,omitempty"`
	Service     string `json:"service"`
	Namespace   string `json:"namespace,omitempty"`
	Environment string `json:"environment"`
	TraceID     string `json:"trace_id,omitempty"`
	SpanID      string `json:"span_id,omitempty"`
	// What and Fix say why no entry of the catalog is for it, or not in its environment. SLOs are then those of Defaults, or none.
	What string    `json:"what,omitempty"`
	Fix  string    `json:"fix,omitempty"`
	SLOs []Verdict `json:"slos"`
}

// Counted reports whether an SLO counts it.
func (a *Answer) Counted() bool {
	return slices.ContainsFunc(a.SLOs, func(v Verdict) bool { return v.Verdict == VerdictGood || v.Verdict == VerdictBad })
}

// The verdicts.
const (
	VerdictGood       = "good"
	VerdictBad        = "bad"
	VerdictNotCounted = "not counted"
	VerdictFails      = "cannot be judged"
)

// A Verdict is what one SLO says.
type Verdict struct {
	SLO     string `json:"slo"`
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
}

// An Explainer explains single events by a catalog. It is safe for concurrent use.
type Explainer struct {
	catalog  *catalog.Catalog
	services judge.Services[explained]
}

type explained struct {
	*catalog.Service
	rules  judge.Rules
	broken error
}

// NewExplainer compiles the catalog.
func NewExplainer(c *catalog.Catalog) *Explainer {
	x := &Explainer{catalog: c}
	for _, s := range c.Services {
		rules, err := judge.Compile(s)
		x.services.Add(s.Namespace, s.Name, &explained{s, rules, err})
	}
	return x
}

// Traces explains the spans, as far as keep wants them, but no more than most; nil wants all.
func (x *Explainer) Traces(ctx context.Context, td ptrace.Traces, keep func(ptrace.Span) bool, most int) (answers []Answer) {
	for _, rs := range td.ResourceSpans().All() {
		for _, scope := range rs.ScopeSpans().All() {
			e := judge.SpanEvent{Resource: rs, Scope: scope}
			for _, e.Span = range scope.Spans().All() {
				if keep != nil && !keep(e.Span) {
					continue
				}
				if len(answers) == most {
					return answers
				}
				a, service := x.answer("span", rs.Resource())
				a.Name, a.Kind = shown(e.Span.Name()), judge.KindOf(e.Span.Kind()).String()
				a.TraceID, a.SpanID = e.Span.TraceID().String(), e.Span.SpanID().String()
				if service != nil {
					a.judged(service, service.rules.ExplainSpan(ctx, &e))
				}
				answers = append(answers, a)
			}
		}
	}
	return answers
}

// Logs explains the log records, as far as keep wants them, but no more than most; nil wants all.
func (x *Explainer) Logs(ctx context.Context, ld plog.Logs, keep func(plog.LogRecord) bool, most int) (answers []Answer) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, scope := range rl.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				if keep != nil && !keep(record) {
					continue
				}
				if len(answers) == most {
					return answers
				}
				a, service := x.answer("log", rl.Resource())
				a.Name = shown(record.Body().AsString())
				if !record.TraceID().IsEmpty() {
					a.TraceID, a.SpanID = record.TraceID().String(), record.SpanID().String()
				}
				if service != nil {
					context := ottllog.NewTransformContextPtr(rl, scope, record)
					a.judged(service, service.rules.ExplainLog(ctx, context))
					context.Close()
				}
				answers = append(answers, a)
			}
		}
	}
	return answers
}

// find is the service of the identity: an entry of the catalog, or one by its Defaults.
func (x *Explainer) find(id judge.Identity) *explained {
	service := x.services.Find(id)
	if service == nil {
		if s := x.catalog.ByDefault(id.Namespace, id.Name); s != nil {
			rules, err := judge.Compile(s)
			return &explained{s, rules, err}
		}
	}
	return service
}

// answer begins an answer. The service is nil if no SLO looks at the resource.
func (x *Explainer) answer(signal string, resource pcommon.Resource) (Answer, *explained) {
	id := judge.Identify(resource)
	a := Answer{Signal: signal, Service: shown(id.Name), Namespace: shown(id.Namespace), Environment: shown(id.Environment), SLOs: []Verdict{}}
	service := x.find(id)
	switch {
	case service == nil:
		a.What, a.Fix = x.unknown(id)
		return a, nil
	case !service.rules.Counts(id.Environment):
		listed := make([]string, len(service.Environments))
		for i, e := range service.Environments {
			listed[i] = shown(e)
		}
		a.What = fmt.Sprintf("its deployment.environment.name is %s, and the catalog lists %s only", orNone(id.Environment), strings.Join(listed, ", "))
		a.Fix = fmt.Sprintf("set OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=%s, or correct spec.environments in %s", listed[0], shownText(service.Position.File))
		return a, nil
	}
	if service.Origin != nil {
		a.What, a.Fix = x.unknown(id)
	}
	return a, service
}

// unknown says why the catalog has no service of the identity.
func (x *Explainer) unknown(id judge.Identity) (what, fix string) {
	var names, namespaces []string
	for _, s := range x.catalog.Services {
		if s.Origin != nil {
			continue
		}
		names = append(names, s.Name)
		if s.Name == id.Name {
			namespaces = append(namespaces, orNone(s.Namespace))
		}
	}
	near := nearest.Word(id.Name, names)
	switch {
	case id.Name == "":
		return "it has no service.name", "set OTEL_SERVICE_NAME to metadata.name of its file in the catalog"
	case len(namespaces) > 0:
		return fmt.Sprintf("its service.namespace is %s, and the catalog has %s in namespace %s", orNone(id.Namespace), shown(id.Name), strings.Join(namespaces, ", ")),
			"set service.namespace in OTEL_RESOURCE_ATTRIBUTES, or remove metadata.namespace in the catalog, so that any matches"
	case near != "":
		return fmt.Sprintf("the catalog has no service %s; it has %s", shown(id.Name), shown(near)), fmt.Sprintf("set OTEL_SERVICE_NAME=%s, or correct metadata.name in the catalog", shown(near))
	default:
		return "the catalog has no service " + shown(id.Name), "add a file with this metadata.name to the catalog"
	}
}

// judged adds a verdict for each SLO of the service.
func (a *Answer) judged(service *explained, explanations []judge.Explanation) {
	for i, o := range service.SLOs {
		at := slices.IndexFunc(explanations, func(e judge.Explanation) bool { return e.SLO == i })
		if at >= 0 {
			a.SLOs = append(a.SLOs, verdictOf(o, explanations[at]))
			continue
		}
		a.SLOs = append(a.SLOs, Verdict{shown(o.Name), VerdictNotCounted, a.otherSignal(service, o)})
	}
}

// otherSignal says what an SLO counts that has no rule for the signal.
func (a *Answer) otherSignal(service *explained, o *catalog.SLO) string {
	counted := "spans"
	switch {
	case o.SLI.Prometheus != nil:
		return "it is evaluated by Prometheus, from its own data"
	case o.SLI.Metrics != nil:
		counted = "metrics"
	case o.SLI.Logs != nil:
		counted = "log records"
	}
	if map[string]string{"spans": "span", "log records": "log"}[counted] == a.Signal && service.broken != nil {
		return shownText("its SLI cannot be evaluated: " + service.broken.Error())
	}
	return "it counts " + counted
}

func verdictOf(o *catalog.SLO, x judge.Explanation) Verdict {
	v := Verdict{SLO: shown(o.Name)}
	switch x.Judgment {
	case judge.Good:
		v.Verdict = VerdictGood
	case judge.Bad:
		v.Verdict = VerdictBad
	case judge.Unselected:
		v.Verdict = VerdictNotCounted
	default:
		v.Verdict = VerdictFails
	}
	v.Why = shownText(whyOf(o, x))
	return v
}

func whyOf(o *catalog.SLO, x judge.Explanation) string {
	conditions := conditionsOf(&o.SLI)
	good := conditions[len(conditions)-1]
	switch x.Cause {
	case judge.OtherKind:
		return fmt.Sprintf("its kind is %s, and the SLO counts %s", x.Detail, wantedKinds(&o.SLI))
	case judge.NoMatch:
		return "match does not hold: " + conditions[0]
	case judge.Synthetic:
		return "it is of a synthetic check, and the SLO counts what users do"
	case judge.ErrorExcluded:
		return "it failed (" + x.Detail + "), and excludeErrors is set"
	case judge.MatchFails:
		return "match cannot be evaluated: " + x.Detail
	case judge.GoodFails:
		return "good cannot be evaluated: " + x.Detail
	case judge.Timeless:
		return "it has no start, or ends before it"
	case judge.GoodHolds:
		return "good holds: " + good
	case judge.GoodDoesNotHold:
		return "good does not hold: " + good
	case judge.Succeeded:
		return "it did not fail: no status ERROR, no HTTP status of 500 or more, no failure of a server by gRPC"
	case judge.Failed:
		return "it failed: " + x.Detail
	case judge.Fast:
		return fmt.Sprintf("it took %s; the threshold is %s", x.Detail, o.SLI.Latency.Threshold)
	default:
		return fmt.Sprintf("it took %s, more than the threshold of %s", x.Detail, o.SLI.Latency.Threshold)
	}
}
