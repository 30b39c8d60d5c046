// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// fresh is how long a version is new.
	fresh = time.Hour

	recordStepBad   = "slo:version_bad:increase5m"
	recordStepTotal = "slo:version_total:increase5m"
	// The events of a young version in one step, and of the others beside it, or an hour before if they are gone.
	recordYoungBad    = "slo:young_version_bad:increase5m"
	recordYoungTotal  = "slo:young_version_total:increase5m"
	recordBesideBad   = "slo:beside_version_bad:increase5m"
	recordBesideTotal = "slo:beside_version_total:increase5m"

	// recordEvidence is followed by a ratio: the logarithm of a step's e-value for it.
	recordEvidence = "slo:version_evidence:log5m_"
	recordWorse    = "slo:version_worse:evalue"
)

// regression separates a deployment that caused failures from one that happened while other
// failures occurred: the version's share of bad events is compared with that of the others, step by step, by an e-process (package
// verdict). It may look as often as it likes: at most 1 of 100 deployments that are not worse ever fires.
//
// If other versions still run, a step is compared with theirs, from a step after the version's first minute: an incident that
// affects all versions equally makes none of them worse. If they are gone, it is compared with what ran an hour before.
var regression = kind{
	name:     Regression,
	severity: "page", when: "a version younger than an hour fails more often than the others, and the SLO burns",
	behind:    4, // events of a step by version, beside the others, their evidence, the sum of it
	ofService: (*generator).regression,
}

func (g *generator) regression() []rulefmt.Rule {
	if !slices.ContainsFunc(g.service.SLOs, func(s *catalog.SLO) bool { return s.SLI.Prometheus == nil }) {
		return nil // versions are known of events that the collector counts
	}
	service := []matcher{equal(semconv.ServiceName, g.service.Name), equal(semconv.ServiceNamespace, g.service.Namespace)}
	named := func(record string) string {
		return selector(record, equal(label(semconv.ServiceName), g.service.Name), equal(label(semconv.ServiceNamespace), g.service.Namespace))
	}
	identity := map[string]string{label(semconv.ServiceName): clean(g.service.Name), label(semconv.ServiceNamespace): clean(g.service.Namespace)}
	drop(identity)
	record := func(name, expr string) rulefmt.Rule {
		return rulefmt.Rule{Record: name, Expr: expr, Labels: identity}
	}
	const onSLO, onVersion = "(deployment_environment_name, slo_name)", "(deployment_environment_name, service_version)"
	// Of some SLOs no event has a version: they are compared with, but are no version themselves.
	versions := func(record string) string {
		return selector(record, equal(label(semconv.ServiceName), g.service.Name), equal(label(semconv.ServiceNamespace), g.service.Namespace),
			matcher{labels.MatchNotEqual, label(semconv.ServiceVersion), ""})
	}
	others := func(of string) string {
		return "-" + versions(of) + "\n+ on " + onSLO + " group_left () sum by " + onSLO + " (" + named(of) + ")"
	}
	stepOf := func(more ...matcher) string {
		return g.names.by("sum", g.increase(step, service, more...), semconv.Environment, semconv.SLOName, semconv.ServiceVersion)
	}
	age := "(time() - " + g.names.by("max", g.names.selector(semconv.DeploymentStart.Metric, service...), semconv.Environment, semconv.ServiceVersion) + ")"
	whileYoung := func(of string) string {
		return "(" + of + ")\nand on " + onVersion + " " + age + " >= " + seconds(step) + " < " + seconds(fresh)
	}
	// A tenth of the version's traffic is enough to compare with.
	besideRuns := "(" + others(recordStepTotal) + ") * 10 >= " + versions(recordStepTotal)
	beside := func(of string) string {
		before := versions(of) + " * 0\n+ on " + onSLO + " group_left () sum by " + onSLO + " (" + named(of) + " offset " + catalog.FormatDuration(fresh) + ")"
		return "((" + others(of) + ")\nand (" + besideRuns + "))\nor (" + before + ")"
	}
	youngBad, youngTotal, besideBad, besideTotal := named(recordYoungBad), named(recordYoungTotal), named(recordBesideBad), named(recordBesideTotal)
	evidence := func(ratio float64) string { return recordEvidence + decimal(ratio) + "x" }
	logOf := func(ratio float64) string {
		share := "(" + youngTotal + " / (" + youngTotal + " + " + besideTotal + " > 0))"
		return youngBad + " * " + decimal(math.Log(ratio)) + "\n- (" + youngBad + " + " + besideBad + ") * ln(1 + " + share + " * " + decimal(ratio-1) + ")"
	}
	var logs []rulefmt.Rule
	var likelihoods []string
	for _, ratio := range verdict.Ratios {
		logs = append(logs, record(evidence(ratio), logOf(ratio)))
		// Beyond e^100 nobody needs to know.
		likelihoods = append(likelihoods, "exp(clamp_max(sum_over_time("+named(evidence(ratio))+"["+catalog.FormatDuration(fresh)+"]) / "+strconv.Itoa(overlap)+", 100))")
	}
	worse := record(recordWorse, "("+strings.Join(likelihoods, " + ")+") / "+strconv.Itoa(len(likelihoods)))
	failed := "(sum_over_time(" + youngBad + "[" + catalog.FormatDuration(fresh) + "]) / " + strconv.Itoa(overlap) + ")"
	counted := 0 // SLOs whose events the collector counts
	for _, slo := range g.service.SLOs {
		if slo.SLI.Prometheus == nil {
			counted++
		}
	}
	odds := decimal(1 / verdict.Alpha)
	young := age + " < " + seconds(fresh)
	name := literal(oneLine(g.service.Name))

	rules := []rulefmt.Rule{
		record(recordStepTotal, stepOf()),
		record(recordStepBad, stepOf(equal(semconv.SLOOutcome, "bad"))),
		record(recordYoungTotal, whileYoung(versions(recordStepTotal))),
		record(recordYoungBad, whileYoung(versions(recordStepBad))),
		record(recordBesideTotal, whileYoung(beside(recordStepTotal))),
		record(recordBesideBad, whileYoung(beside(recordStepBad))),
	}
	return append(append(rules, logs...),
		worse,
		g.alert(Alert{
			Name: Regression, Severity: Page, For: 2 * time.Minute,
			Expr: "sum by " + onVersion + " (" + named(recordWorse) +
				"\nand " + failed + " >= " + decimal(float64(minFailures(g.service, nil))-0.5) +
				"\nand on " + onSLO + " " + named("slo:current_burn_rate:ratio") + " > 1) / " + strconv.Itoa(counted) + " > " + odds +
				"\nand on " + onVersion + " " + young,
			Annotations: map[string]string{
				"summary":     "Version {{ $labels.service_version }} of " + name + " fails more often than the previous version" + inEnvironment,
				"description": "The version was first seen within the hour, an SLO burns its error budget, and the version's share of bad events is higher than the other versions': the odds are {{ $value | humanize }} to 1. Roll it back." + g.newestVersion(2*fresh),
			},
			Why: "The version was first seen within the hour, an SLO burns its budget now, at least " + strconv.Itoa(minFailures(g.service, nil)) + " events of the version failed, and the evidence that its share of bad events is higher than the others' is at least " + odds + " to 1. The evidence of all SLOs counts together, so one deployment fires once. The test is an e-process: of 100 deployments that are not worse, at most 1 ever fires, however often the rule looks. Versions that still run are compared over the time in which both ran; versions that are gone, with what ran an hour before. A canary with little traffic has too few failures to fire the alert. A canary that fails as often as its predecessor is not worse.",
		}),
	)
}
