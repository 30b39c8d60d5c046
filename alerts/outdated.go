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

// outdatedFor is longer than a rollout of the catalog to all collectors and rulers takes.
const outdatedFor = 30 * time.Minute

// outdated fires when the collectors compute the SLOs of the service by another entry of the catalog than these rules were made from. An SLI
// that the collector does not count says nothing about its entry.
var outdated = kind{
	name: Outdated, severity: Ticket, when: "the rules were made from another entry of the catalog than the collector uses, or the collector's catalog has the service no more",
	ofService: func(g *generator) []rulefmt.Rule { return []rulefmt.Rule{g.outdated()} },
}

func (g *generator) outdated() rulefmt.Rule {
	if !slices.ContainsFunc(g.service.SLOs, func(slo *catalog.SLO) bool { return slo.SLI.Prometheus == nil }) {
		return rulefmt.Rule{}
	}
	name := semconv.SLODigest.Metric
	own := g.names.selector(name, equal(semconv.ServiceName, g.service.Name), equal(semconv.ServiceNamespace, g.service.Namespace))
	expr := "max(" + own + ") != " + strconv.FormatFloat(g.service.DigestNumber(), 'f', -1, 64) + "\nor\n" +
		"(count(" + g.names.selector(name) + ") unless count(" + own + "))"
	g.file.comments[expr] = "It is about the service in all environments:\npint disable alerts/template"
	return g.alert(Alert{
		Name: Outdated, Severity: Ticket, For: outdatedFor, Expr: expr,
		Annotations: map[string]string{
			"summary":     literal(oneLine(g.service.Name)) + ": the alert rules are older or newer than the catalog",
			"description": "The collector computes the SLOs of the service by another entry of the catalog than its alert rules were made from, or no more. Objectives, thresholds and owners in alerts may be wrong. Generate the rules again, and load them.",
		},
		Why: "For 30 minutes the collector's `slo.digest` of the service has been another than that of the entry which these rules were made from, or the collector has had SLOs, but none of this service.",
	})
}
