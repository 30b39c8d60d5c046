// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

var windowVariable = regexp.MustCompile(`\{\{-?\s*\.window\s*-?\}\}`)

// RenderQuery replaces {{.window}} by a range: RenderQuery("rate(x[{{.window}}])", 5m)
// is rate(x[5m]).
func RenderQuery(query string, window time.Duration) string {
	return windowVariable.ReplaceAllLiteralString(query, FormatDuration(window))
}

var promQL = text("PromQL", maxText, nil, printable(true), checkQuery)

// checkQuery accepts queries that Prometheus can evaluate to numbers over any window.
func checkQuery(query string) (string, string) {
	message, fix := checkPromQL(RenderQuery(query, 5*time.Minute))
	if windowVariable.MatchString(query) {
		return message, fix
	}
	if message != "" {
		message = ", and " + message
	}
	return "does not use {{.window}}" + message, "write the range as [{{.window}}]: the rules evaluate it over several windows"
}

func checkPromQL(query string) (string, string) {
	if strings.Contains(query, "{{") {
		return "contains a template other than {{.window}}", "write its value"
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return "is not PromQL: " + explain(err), "try it in Prometheus with 5m instead of {{.window}}"
	}
	if t := expr.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return fmt.Sprintf("gives a %s, not numbers", parser.DocumentedType(t)), "wrap it in sum(rate(…))"
	}
	return "", ""
}
