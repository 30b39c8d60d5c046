// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"fmt"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// writeReasons writes where the correlation IDs come from, if that was asked for.
func (t *timeline) writeReasons(b *strings.Builder) {
	for n, item := range t.Items {
		if item.Why == nil {
			return
		}
		if n == 0 {
			b.WriteString("\nWhy each has its correlation ID:\n")
		}
		fmt.Fprintf(b, "%s: %s\n", terminal.Printable(strings.TrimSpace(item.what()), terminal.MaxLabel), reasonOf(item))
		for _, c := range item.Why.Candidates {
			verdict := "used"
			if c.Rejected != "" {
				verdict = "not used: " + c.Rejected
			}
			fmt.Fprintf(b, "  %s = %s (evidence: %s): %s\n", c.Source, terminal.OrDash(terminal.Label(c.Value)), c.Evidence, verdict)
		}
	}
}

func reasonOf(item *findItem) string {
	id := terminal.Label(item.CorrelationID)
	evidence := ""
	if item.Why.Evidence != "" {
		evidence = ", evidence: " + terminal.Label(item.Why.Evidence)
	}
	switch item.Why.Origin {
	case "source":
		return id + " from its own source" + evidence
	case "trace":
		return id + " from other items of its trace, or from what it links to" + evidence
	case "generated":
		return id + " was generated: nothing in its trace shows an ID"
	case "batch":
		return "it works on several requests (correlation.ids), and has none of their IDs"
	}
	return "it has none"
}
