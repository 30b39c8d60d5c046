// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// inCommon is a sentence, as a template, about what most explains the bad events of the SLO in the environment of the alert, if the budget ledger knows it. Values come from
// telemetry, so they are cut, and have no line breaks.
func (o objective) inCommon() string {
	const environment = "ENVIRONMENT"
	spent := "topk(1, " + o.names.selector(semconv.SLOLedgerEvents.Metric,
		equal(semconv.ServiceName, o.service.Name), equal(semconv.ServiceNamespace, o.service.Namespace), equal(semconv.SLOName, o.Name), equal(semconv.Environment, environment)) + ")"
	before, after := cutLast(strings.ReplaceAll(spent, "%", "%%"), quote(environment)) // a service may have that name, too
	return `{{ with query (printf ` + strconv.Quote(before+"%q"+after) + ` $labels.` + label(semconv.Environment) + `) }}{{ $one := first . }}` +
		`{{ $attribute := label ` + strconv.Quote(label(semconv.SLOLedgerAttribute)) + ` $one }}{{ $of := label ` + strconv.Quote(label(semconv.SLOLedgerValue)) + ` $one }}` +
		` They have in common: ` + short("$attribute", 80) + ` = ` + short("$of", 100) + `.{{ end }}`
}

// causes is that sentence for a page about events that the collector counts.
func (o objective) causes(p catalog.BurnPair) string {
	if !p.Page || o.SLI.Prometheus != nil {
		return ""
	}
	return o.inCommon()
}
