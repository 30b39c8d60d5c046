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
	selected := g.names.selector(semconv.DeploymentStart.Metric,
		equal(semconv.ServiceName, g.service.Name), equal(semconv.ServiceNamespace, g.service.Namespace), equal(semconv.Environment, environment))
	// A version that is gone has no samples any more.
	ages := "sort(time() - " + g.names.by("max", "last_over_time("+selected+"["+catalog.FormatDuration(within)+"])", semconv.ServiceVersion, semconv.Revision) + ")"
	before, after := cutLast(strings.ReplaceAll(ages, "%", "%%"), quote(environment)) // a service may have that name, too
	version, commit := strconv.Quote(label(semconv.ServiceVersion)), strconv.Quote(label(semconv.Revision))
	// A version has two series if its commit became known later.
	return `{{ $versions := query (printf ` + strconv.Quote(before+"%q"+after) + ` $labels.` + label(semconv.Environment) + `) }}` +
		`{{ if $versions }}{{ if lt (value (first $versions)) ` + decimal(within.Seconds()) + `.0 }}` +
		`{{ $newest := label ` + version + ` (first $versions) }}{{ $commit := "" }}{{ $before := "" }}` +
		`{{ range $versions }}{{ if eq (label ` + version + ` .) $newest }}{{ if not $commit }}{{ $commit = label ` + commit + ` . }}{{ end }}` +
		`{{ else if not $before }}{{ $before = label ` + version + ` . }}{{ end }}{{ end }}` +
		` Newest version: ` + short("$newest", 60) + `{{ if $commit }} (commit ` + short("$commit", 12) + `){{ end }}` +
		`, first seen {{ humanizeDuration (value (first $versions)) }} ago` +
		`{{ if $before }}, after ` + short("$before", 60) + `{{ end }}.{{ end }}{{ end }}`
}

// short cuts the text of a variable of a template, and makes it one line.
func short(variable string, length int) string {
	return `{{ reReplaceAll "[[:cntrl:]]+" " " ` + variable + ` | printf "%.` + strconv.Itoa(length) + `s" }}`
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
