// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// recordAdmitted is there for each group that is kept apart.
const recordAdmitted = "slo:sli_group:admitted"

// admission records the groups that are kept apart: those of the period, and, while there is room, the largest of the
// new ones. A group keeps its place until the period has forgotten it, so that its budget has no gaps. However many
// values a label has, the rules record no more groups than the limit, and the overflow.
func (o objective) admission(all string) []rulefmt.Rule {
	if len(o.GroupBy) == 0 {
		return nil
	}
	by := "group by (" + strings.Join(o.keys(), ", ") + ") "
	apart := matcher{labels.MatchNotEqual, label(o.firstGroup()), catalog.Overflow}
	known := by + "(" + o.recorded(recordTotal, apart) + "\nor " + o.recorded(recordPeriodAll, apart) + ")"
	room := "scalar(" + strconv.Itoa(o.limit()) + " - (count(" + known + ") or vector(0)))"
	return []rulefmt.Rule{{
		Record: recordAdmitted,
		Expr:   by + "(" + known + "\nor topk(" + room + ", (" + all + ")\nunless " + o.on + " " + known + "))",
	}}
}

// limit is how many groups the rules keep apart. Of what the collector counts, the events without any of the attributes are not in the catalog's limit.
func (o objective) limit() int {
	if o.SLI.Prometheus == nil {
		return o.GroupLimit() + 1
	}
	return o.GroupLimit()
}

// firstGroup is the first attribute or label by which the SLO is grouped; "" if it is not.
func (o objective) firstGroup() string {
	if len(o.GroupBy) == 0 {
		return ""
	}
	return o.GroupBy[0]
}

// admitted are the results of the groups that are kept apart, and those of all others as one group.
func (o objective) admitted(results, function string) string {
	if len(o.GroupBy) == 0 {
		return results
	}
	admitted := o.on + " " + o.recorded(recordAdmitted)
	others := function + " by (" + label(semconv.Environment) + ") ((" + results + ")\nunless " + admitted + ")"
	for _, group := range o.GroupLabels() {
		others = labeled(others, group, catalog.Overflow)
	}
	return "((" + results + ")\nand " + admitted + ")\nor " + o.on + " " + others
}
