// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// newestVersion is a sentence, as a template, about the newest version of the service in the environment of the alert, if it was first seen
// within the time: with its commit and what ran before. Prometheus asks for it while the alert is active. Versions come from
// telemetry, so they are cut, and have no line breaks.
func (g *generator) newestVersion(within time.Duration) string {
	const environment = "ENVIRONMENT"
	ages := "sort(time() - " + g.names.by("max", g.names.selector(semconv.DeploymentStart.Metric,
		equal(semconv.ServiceName, g.service.Name), equal(semconv.ServiceNamespace, g.service.Namespace), equal(semconv.Environment, environment)),
		semconv.ServiceVersion, semconv.Revision) + ")"
	before, after := cutLast(strings.ReplaceAll(ages, "%", "%%"), quote(environment)) // a service may have that name, too
	ages = before + "%q" + after
	name := func(of string, attribute string, length int) string {
		return `{{ reReplaceAll "[[:cntrl:]]+" " " (label ` + strconv.Quote(label(attribute)) + ` ` + of + `) | printf "%.` + strconv.Itoa(length) + `s" }}`
	}
	return `{{ $versions := query (printf ` + strconv.Quote(ages) + ` $labels.` + label(semconv.Environment) + `) }}` +
		`{{ if $versions }}{{ $newest := first $versions }}{{ if lt (value $newest) ` + decimal(within.Seconds()) + `.0 }}` +
		` Newest version: ` + name("$newest", semconv.ServiceVersion, 60) +
		`{{ if label ` + strconv.Quote(label(semconv.Revision)) + ` $newest }} (commit ` + name("$newest", semconv.Revision, 12) + `){{ end }}` +
		`, first seen {{ humanizeDuration (value $newest) }} ago` +
		`{{ if gt (len $versions) 1 }}, after ` + name("(index $versions 1)", semconv.ServiceVersion, 60) + `{{ end }}.` +
		`{{ end }}{{ end }}`
}

func cutLast(text, part string) (before, after string) {
	i := strings.LastIndex(text, part)
	return text[:i], text[i+len(part):]
}

// suspects is the sentence for a page about burn rates: what was deployed up to twice its long window ago may be the cause.
func (o objective) suspects(p catalog.BurnPair) string {
	if !p.Page || o.SLI.Prometheus != nil {
		return ""
	}
	return o.newestVersion(2 * p.Long)
}
