package alerts

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	// fresh is how long a version is new.
	fresh = time.Hour
	// compared is what the versions are compared over: twice fresh, so that there is always an hour
	// of the predecessor.
	compared = 2 * fresh
	// maxChance is the z-score from which two error ratios are not the same by chance: one deploy in
	// 740 passes it without being worse.
	maxChance = 3

	recordVersionBad   = "slo:version_bad:increase2h"
	recordVersionTotal = "slo:version_total:increase2h"
	recordOthersBad    = "slo:other_versions_bad:increase2h"
	recordOthersTotal  = "slo:other_versions_total:increase2h"
	recordWorse        = "slo:version_worse:zscore"
)

// regression tells a deploy that made things worse from one that only happened when things were
// bad: the version's share of bad events is compared with that of all other versions by a
// two-proportion z-test with pooled variance.
func (g *generator) regression() []rulefmt.Rule {
	if !slices.ContainsFunc(g.service.SLOs, func(s *catalog.SLO) bool { return s.SLI.Prometheus == nil }) {
		return nil // versions are known of events that the collector counts
	}
	service := []matcher{equal(attrService, g.service.Name), equal(attrNamespace, g.service.Namespace)}
	named := func(record string) string {
		return selector(record, equal(label(attrService), g.service.Name), equal(label(attrNamespace), g.service.Namespace))
	}
	identity := map[string]string{label(attrService): clean(g.service.Name), label(attrNamespace): clean(g.service.Namespace)}
	drop(identity)
	record := func(name, expr string) rulefmt.Rule {
		return rulefmt.Rule{Record: name, Expr: expr, Labels: identity}
	}
	byVersion := func(more ...matcher) string {
		return g.names.by("sum", g.increase(compared, service, more...), attrEnvironment, attrSLO, attrVersion)
	}
	bad, total := named(recordVersionBad), named(recordVersionTotal)
	const onSLO = "(deployment_environment_name, slo_name)"
	others := func(of string) string {
		return "-" + of + "\n+ on " + onSLO + " group_left () sum by " + onSLO + " (" + of + ")"
	}
	otherBad, otherTotal := named(recordOthersBad), named(recordOthersTotal)
	pooled := "((" + bad + " + " + otherBad + ") / (" + total + " + " + otherTotal + "))"
	young := "time() - " + g.names.by("max", g.names.selector(metricStart, service...), attrEnvironment, attrVersion) + " < " + seconds(fresh)
	name := literal(oneLine(g.service.Name))

	return []rulefmt.Rule{
		record(recordVersionTotal, byVersion()),
		record(recordVersionBad, byVersion(equal(attrOutcome, "bad"))),
		record(recordOthersTotal, others(total)),
		record(recordOthersBad, others(bad)),
		record(recordWorse, "("+bad+" / "+total+" - "+otherBad+" / "+otherTotal+")\n/ sqrt("+pooled+" * (1 - "+pooled+")\n* (1 / "+total+" + 1 / "+otherTotal+"))"),
		g.alert(Alert{
			Name: "DeploymentRegression", Severity: Page, For: 2 * time.Minute,
			Expr: named(recordWorse) + " > " + decimal(maxChance) +
				"\nand " + bad + " >= " + decimal(minFailures-0.5) +
				"\nand on " + onSLO + " " + named("slo:current_burn_rate:ratio") + " > 1" +
				"\nand on (deployment_environment_name, service_version) " + young,
			Annotations: map[string]string{
				"summary":     "Version {{ $labels.service_version }} of " + name + " fails more than the one before it" + inEnvironment,
				"description": "The version was first seen within the hour, {{ $labels.slo_name }} burns its error budget, and the version's share of bad events is higher than the other versions' by {{ $value | humanize }} standard errors. Roll it back.",
			},
			Why: "The version was first seen within the hour, the SLO burns its budget now, at least 5 events of the version failed, and its share of bad events over the last 2h is higher than that of all other versions together by more than 3 standard errors (two-proportion z-test, pooled variance: 1 chance in 740). A canary with little traffic has too few failures, and one that fails like its predecessor is no worse.",
		}),
	}
}
