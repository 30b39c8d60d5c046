// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
)

// namedReferences makes a plain name in a list of policies, conditions or targets the reference that it is meant to be.
func namedReferences(doc place) {
	for key, reference := range map[string]string{"alertPolicies": "alertPolicyRef", "conditions": "conditionRef", "notificationTargets": "targetRef"} {
		list, ok := doc.key("spec").lookup(key)
		if !ok || list.node.Kind != yaml.SequenceNode {
			continue
		}
		for i, item := range list.node.Content {
			if item.Kind == yaml.ScalarNode && !isNull(item) {
				list.node.Content[i] = mappingAt(item, reference, item)
			} else if item.Kind == yaml.MappingNode && key == "alertPolicies" {
				namedReferences(list.item(i))
			}
		}
	}
}

// mappingAt is a mapping in the place of another value. Pairs are keys and their values.
func mappingAt(at *yaml.Node, pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: at.Line, Column: at.Column}
	for i := 0; i+1 < len(pairs); i += 2 {
		value, ok := pairs[i+1].(*yaml.Node)
		if !ok {
			value = textNode(pairs[i+1].(string))
		}
		if value.Line == 0 {
			value.Line, value.Column = at.Line, at.Column
		}
		key := textNode(pairs[i].(string))
		key.Line, key.Column = value.Line, value.Column
		n.Content = append(n.Content, key, value)
	}
	return n
}

// openSLOAlerting are the burn rate alerts of an SLO's policies. Without any, the usual ones are written.
func (l *loader) openSLOAlerting(at place, policies []openslov1.SLOAlertPolicy) Alerting {
	var a Alerting
	for i, policy := range policies {
		policyAt := at.item(i)
		var spec openslov1.AlertPolicySpec
		switch {
		case policy.SLOAlertPolicyInline != nil:
			spec, policyAt = policy.Spec, policyAt.key("spec")
		case policy.SLOAlertPolicyRef != nil:
			object, ok := l.openSLO.policies[policy.AlertPolicyRef]
			if !ok {
				l.warning(policyAt.key("alertPolicyRef"), "there is no AlertPolicy "+quote(policy.AlertPolicyRef), "add it to the folder; until then, the usual alerts are written")
				continue
			}
			spec, policyAt = object.object.Spec, object.at.key("spec")
		}
		for j, condition := range spec.Conditions {
			l.openSLOCondition(&a, policyAt.key("conditions").item(j), condition)
		}
	}
	namePairs(a.Pairs)
	return a
}

func (l *loader) openSLOCondition(a *Alerting, at place, condition openslov1.AlertPolicyCondition) {
	var spec openslov1.AlertConditionSpec
	switch {
	case condition.AlertPolicyConditionInline != nil:
		spec, at = condition.Spec, at.key("spec")
	case condition.AlertPolicyConditionRef != nil:
		object, ok := l.openSLO.conditions[condition.ConditionRef]
		if !ok {
			l.warning(at.key("conditionRef"), "there is no AlertCondition "+quote(condition.ConditionRef), "add it to the folder; until then, it does not alert")
			return
		}
		spec, at = object.object.Spec, object.at.key("spec")
	}
	c, at := spec.Condition, at.key("condition")
	if c.Operator != openslov1.OperatorGT && c.Operator != openslov1.OperatorGTE && c.Operator != "" {
		l.problem(at.key("op"), "an alert about a burn rate below a threshold cannot be expressed", "write op: gte")
		return
	}
	if c.Threshold == nil || *c.Threshold <= 0 {
		l.problem(at.key("threshold"), "is not a burn rate", "write a number above 0, such as 14.4")
		return
	}
	long := c.LookbackWindow.Duration()
	if !l.pass(at.key("lookbackWindow"), "", func(string) (string, string) { return checkPairWindow(long) }) {
		return
	}
	p := BurnPair{Long: long, Short: shortWindow(long), Factor: *c.Threshold, For: defaultFor(long), Page: calls(spec.Severity)}
	if p.Short >= p.Long {
		l.problem(at.key("lookbackWindow"), "is too short", "write at least 10m")
		return
	}
	if c.AlertAfter != nil && c.AlertAfter.GetValue() > 0 {
		p.For = c.AlertAfter.Duration()
	}
	if word := &a.Severity.Ticket; p.Page {
		word = &a.Severity.Page
		keepWord(word, spec.Severity, PageSeverity)
	} else {
		keepWord(word, spec.Severity, TicketSeverity)
	}
	a.Pairs = append(a.Pairs, p)
}

// keepWord keeps the first word for a severity, unless it is the usual one.
func keepWord(into *string, word, usual string) {
	if *into == "" && word != usual && nameRegexp.MatchString(word) {
		*into = word
	}
}

// shortWindow resolves an alert soon after the failures end: a twelfth of the long one.
func shortWindow(long time.Duration) time.Duration {
	return max(minPairWindow, (long / 12).Truncate(time.Minute))
}

// calls reports whether somebody is called for a severity.
func calls(severity string) bool {
	return slices.Contains([]string{"page", "pager", "critical", "crit", "high", "emergency", "fatal", "p1", "sev1", "1"}, strings.ToLower(severity))
}
