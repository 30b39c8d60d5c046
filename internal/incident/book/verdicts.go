// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// maxReason bounds why a verdict is what it is, in characters.
const maxReason = 400

// verdicts adds what the SLOs say of the changes of feature flags, the newest verdict on each. known are the indexes of changes by their ID.
func (b *Book) verdicts(ctx context.Context, now time.Time, label func(model.Metric, string) string, known map[string]int, all *incident.Changes) error {
	if !slices.ContainsFunc(all.List, func(c incident.Change) bool { return c.Kind == string(change.FeatureFlag) }) {
		return nil
	}
	by := b.labels(semconv.ChangeID, semconv.ChangeVerdict, semconv.ChangeReason, semconv.ChangeEvidence)
	found, err := b.vector(ctx, "max by ("+by+") (last_over_time("+b.metric(semconv.ChangeJudged.Metric)+"[30d]))", now)
	if err != nil {
		return err
	}
	newest := map[int]model.SampleValue{}
	for _, s := range found[:min(len(found), maxChanges)] {
		i, ok := known[label(s.Metric, semconv.ChangeID)]
		if before, judged := newest[i]; !ok || judged && s.Value <= before {
			continue
		}
		newest[i] = s.Value
		c := &all.List[i]
		c.Verdict, c.Weak = label(s.Metric, semconv.ChangeVerdict), label(s.Metric, semconv.ChangeEvidence) != gate.ByVariant
		c.Reason = boundedTo(string(s.Metric[model.LabelName(b.Names.Attribute(semconv.ChangeReason))]), maxReason)
		c.Evidence = evidenceOf(c)
	}
	return nil
}

// evidenceOf is how much likelier the verdict is if the change is the cause of failures; 0 is not known. A gate fails one of 100 changes that make nothing worse, and
// passes one of 20 that are harmful. Where the time before was compared, a failure is what an incident looks like whatever has caused it: how long the change was before
// it says that already, and is not counted twice. That there was none says as much as elsewhere.
func evidenceOf(c *incident.Change) float64 {
	switch {
	case c.Verdict == string(gate.Pass):
		return gate.Miss
	case c.Verdict == string(gate.Fail) && !c.Weak:
		return 1 / verdict.Alpha
	}
	return 0
}
