// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Table has a row of Markdown for each alert: its name, its severity and when it fires.
func Table() string {
	var rows strings.Builder
	row := func(cells ...string) { rows.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	row("alert", "severity", "fires when")
	row("---", "---", "---")
	for _, p := range catalog.DefaultBurnPairs {
		severity := Ticket
		if p.Page {
			severity = Page
		}
		row("`"+burnPrefix+p.Name+"`", severity, "over "+catalog.FormatDuration(p.Long)+" and over "+catalog.FormatDuration(p.Short)+
			", the SLO spends its budget so fast that "+percent(p.BudgetShare)+" of it is spent in "+catalog.FormatDuration(p.Long))
	}
	for _, k := range kinds {
		if k.when != "" {
			row("`"+k.name+"`", k.severity, k.when)
		}
	}
	for _, a := range collectorAlerts() {
		row("`"+a.Name+"`", a.Severity, a.when)
	}
	return rows.String()
}
