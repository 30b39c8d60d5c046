// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// fresh is how long a version is new.
	fresh = time.Hour
	// compared is the range over which versions are compared: twice fresh, so that it always contains
	// an hour of the predecessor.
	compared = 2 * fresh
	// maxChance is the z-score above which a difference of error ratios is significant: one deployment
	// in 740 exceeds it without being worse.
	maxChance = 3

	recordVersionBad   = "slo:version_bad:increase2h"
	recordVersionTotal = "slo:version_total:increase2h"
	recordOthersBad    = "slo:other_versions_bad:increase2h"
	recordOthersTotal  = "slo:other_versions_total:increase2h"
	recordStepBad      = "slo:version_bad:increase5m"
	recordStepTotal    = "slo:version_total:increase5m"
	// The events of a young version and of the others in one step, while both ran.
	recordYoungBad    = "slo:young_version_bad:increase5m"
	recordYoungTotal  = "slo:young_version_total:increase5m"
	recordBesideBad   = "slo:beside_version_bad:increase5m"
	recordBesideTotal = "slo:beside_version_total:increase5m"

	recordWorse = "slo:version_worse:zscore"
)

// regression separates a deployment that caused failures from one that happened while other
// failures occurred: the version's share of bad events is compared with that of all other versions by a
// two-proportion z-test with pooled variance.
//
// If other versions still run, all are compared over the time in which both ran, from a step
// after the version's first minute: an incident that affects all versions equally makes none of them worse. If they are gone, the
// comparison uses their earlier events.
var regression = kind{
	name:     Regression,
	severity: "page", when: "a version younger than an hour fails more often than the others, and the SLO burns",
	behind:    3, // events of a step by version, of two hours, their comparison
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
	bad, total := named(recordVersionBad), named(recordVersionTotal)
	const onSLO, onVersion = "(deployment_environment_name, slo_name)", "(deployment_environment_name, service_version)"
	others := func(of string) string {
		return "-" + of + "\n+ on " + onSLO + " group_left () sum by " + onSLO + " (" + of + ")"
	}
	otherBad, otherTotal := named(recordOthersBad), named(recordOthersTotal)
	stepOf := func(more ...matcher) string {
		return g.names.by("sum", g.increase(service, more...), semconv.Environment, semconv.SLOName, semconv.ServiceVersion)
	}
	stepBad, stepTotal := named(recordStepBad), named(recordStepTotal)
	age := "(time() - " + g.names.by("max", g.names.selector(semconv.DeploymentStart.Metric, service...), semconv.Environment, semconv.ServiceVersion) + ")"
	whileYoung := func(of string) string {
		return "(" + of + ")\nand on " + onVersion + " " + age + " >= " + seconds(step) + " < " + seconds(fresh)
	}
	during := func(record string, window time.Duration) string {
		return "(sum_over_time(" + named(record) + "[" + catalog.FormatDuration(window) + "]) / " + strconv.Itoa(overlap) + ")"
	}
	beside := zScore(during(recordYoungBad, fresh), during(recordYoungTotal, fresh), during(recordBesideBad, fresh), during(recordBesideTotal, fresh))
	// A tenth of the version's traffic is enough to compare with.
	besideRuns := "(" + others(stepTotal) + ") * 10 >= " + stepTotal
	worse := record(recordWorse, "("+beside+"\nand "+besideRuns+")\nor ("+zScore(bad, total, otherBad, otherTotal)+"\nunless "+besideRuns+")")
	if g.service.Namespace == "" {
		g.file.comments[worse.Expr] = "Neither side has a namespace, but pint assumes that one has:\npint disable promql/impossible"
	}
	young := age + " < " + seconds(fresh)
	name := literal(oneLine(g.service.Name))

	return []rulefmt.Rule{
		record(recordStepTotal, stepOf()),
		record(recordStepBad, stepOf(equal(semconv.SLOOutcome, "bad"))),
		record(recordVersionTotal, during(recordStepTotal, compared)),
		record(recordVersionBad, during(recordStepBad, compared)),
		record(recordOthersTotal, others(during(recordStepTotal, compared))),
		record(recordOthersBad, others(during(recordStepBad, compared))),
		record(recordYoungTotal, whileYoung(stepTotal)),
		record(recordYoungBad, whileYoung(stepBad)),
		record(recordBesideTotal, whileYoung(others(stepTotal))),
		record(recordBesideBad, whileYoung(others(stepBad))),
		worse,
		g.alert(Alert{
			Name: Regression, Severity: Page, For: 2 * time.Minute,
			Expr: named(recordWorse) + " > " + decimal(maxChance) +
				"\nand " + bad + " >= " + decimal(float64(minFailures(g.service, nil))-0.5) +
				"\nand on " + onSLO + " " + named("slo:current_burn_rate:ratio") + " > 1" +
				"\nand on " + onVersion + " " + young,
			Annotations: map[string]string{
				"summary":     "Version {{ $labels.service_version }} of " + name + " fails more often than the previous version" + inEnvironment,
				"description": "The version was first seen within the hour, {{ $labels.slo_name }} burns its error budget, and the version's share of bad events is higher than the other versions' by {{ $value | humanize }} standard errors. Roll it back.",
			},
			Why: "The version was first seen within the hour, the SLO burns its budget now, at least " + strconv.Itoa(minFailures(g.service, nil)) + " events of the version failed, and its share of bad events is higher than that of all other versions together by more than 3 standard errors (two-proportion z-test, pooled variance: 1 chance in 740). Versions that still run are compared over the time in which both ran, versions that no longer run over the last 2h. A canary with little traffic has too few failures to fire the alert. A canary that fails as often as its predecessor is not worse.",
		}),
	}
}

// zScore is the difference of two shares of bad events in standard errors. If no event or
// every event is bad, there is no result.
func zScore(bad, total, otherBad, otherTotal string) string {
	pooled := "((" + bad + " + " + otherBad + ") / (" + total + " + " + otherTotal + "))"
	return "(" + bad + " / " + total + " - " + otherBad + " / " + otherTotal + ")\n/ sqrt(" + pooled + " * (1 - " + pooled + ")\n* (1 / " + total + " + 1 / " + otherTotal + ")) > -Inf"
}
