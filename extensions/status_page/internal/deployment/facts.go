// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Facts are what was reported of a version. URLs are empty or of http.
type Facts struct {
	Commit  string `json:"commit_url"`
	Compare string `json:"compare_url"`
	Run     string `json:"run_url"`
	Actor   string `json:"actor"`
	Change  string `json:"change"`
	Tickets string `json:"tickets"`
	// Gate is the verdict of srectl verify that was reported last: pass, fail or inconclusive; and why.
	Gate       string `json:"gate_verdict"`
	GateReason string `json:"gate_reason"`
}

// Add takes what a series says; of several, each may say more.
func (f *Facts) Add(m model.Metric, n names.Names) {
	for _, one := range []struct {
		to    *string
		label names.Label
	}{{&f.Actor, n.Actor}, {&f.Change, n.Change}, {&f.Tickets, n.Tickets}} {
		if text := one.label.In(m); text != "" {
			*one.to = words.Bounded(text, 64)
		}
	}
	for _, one := range []struct {
		to      *string
		address string
	}{{&f.Compare, n.Compare.In(m)}, {&f.Run, n.Run.In(m)}, {&f.Commit, deployment.CommitURL(n.Repository.In(m), n.Revision.In(m))}} {
		if strings.HasPrefix(one.address, "https://") || strings.HasPrefix(one.address, "http://") {
			*one.to = one.address
		}
	}
}

// AddGates takes the verdicts of gates on the versions that of finds. The value of a sample is when its verdict was given; the newest counts.
func AddGates(all model.Vector, n names.Names, of func(*model.Sample) *Facts) {
	newest := slices.SortedStableFunc(slices.Values(all), func(a, b *model.Sample) int { return cmp.Compare(a.Value, b.Value) })
	for _, s := range newest {
		if f := of(s); f != nil {
			f.Gate, f.GateReason = words.Bounded(n.GateVerdict.In(s.Metric), maxVerdict), words.Bounded(n.GateReason.In(s.Metric), maxReason)
		}
	}
}

const (
	maxVerdict = 16
	maxReason  = 300
)
