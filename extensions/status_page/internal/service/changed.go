// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Change is one of what has changed besides versions: of the service, of all services of its environment or namespace, or of a service that
// it depends on.
type Change struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Previous string    `json:"previous"`
	Value    string    `json:"value"`
	Status   string    `json:"status"`
	Summary  string    `json:"summary"`
	Actor    string    `json:"actor"`
	URL      string    `json:"url"`
	At       time.Time `json:"at"`
	// Service is empty for a change of all.
	Service string `json:"service"`
	// Cluster is where it was, if that is known.
	Cluster string `json:"cluster"`
	// Verdict is what the SLOs say of the change of a feature flag: pass, fail or inconclusive, and why; empty if nothing is known. Evidence is "variants" if the
	// variants were compared, and "before_and_after" for the time before, which says less.
	Verdict  string `json:"verdict"`
	Reason   string `json:"verdict_reason"`
	Evidence string `json:"evidence"`
}

// Weak says that the verdict compares the time before.
func (c Change) Weak() bool { return c.Evidence == gate.ByTime }

// State is the verdict as a state, for its color.
func (c Change) State() semconv.State {
	switch gate.Verdict(c.Verdict) {
	case gate.Pass:
		return semconv.StateOK
	case gate.Fail:
		return semconv.StateBurningFast
	}
	return semconv.StateUnknown
}

// Words is the kind for people.
func (c Change) Words() string { return change.Kind(c.Kind).Words() }

// maxChanges bounds those of the page, the newest first.
const maxChanges = 20

// changes is the question for changes of a service, with or without what is not known of them.
func (l *loader) changes(service, namespace string) string {
	n := l.names
	matchers := []string{n.Service.OrNone(service), n.Environment.OrNone(l.service.Environment)}
	if namespace != "" {
		matchers = append(matchers, n.Namespace.OrNone(namespace))
	}
	by := names.List(n.Service, n.Cluster, n.ChangeID, n.ChangeKind, n.ChangeName, n.ChangePrevious, n.ChangeValue, n.ChangeStatus, n.ChangeSummary, n.ChangeURL, n.Actor)
	return names.By("max", by, "last_over_time("+n.Changed.With(matchers...)+"["+lately+"])")
}

// askChanges asks what has changed. Of a change that was said in several ways, what was said last counts.
func (l *loader) askChanges() ([]Change, error) {
	answer, err := l.source.Instant(l.context, l.changes(l.service.Name, l.service.Namespace))
	if err != nil {
		return nil, err
	}
	known := map[string]int{}
	var all []Change
	for _, s := range answer {
		c := l.changeIn(s)
		if i, twice := known[c.ID]; twice && c.ID != "" {
			if c.richer(&all[i]) {
				all[i] = c
			}
			continue
		}
		known[c.ID] = len(all)
		all = append(all, c)
	}
	if slices.ContainsFunc(all, func(c Change) bool { return c.Kind == string(change.FeatureFlag) }) {
		if err := l.judgeChanges(all); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Change) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all[:min(len(all), maxChanges)], nil
}

// judgeChanges adds the newest verdict on each change.
func (l *loader) judgeChanges(all []Change) error {
	n := l.names
	matchers := []string{n.Service.OrNone(l.service.Name), n.Environment.OrNone(l.service.Environment)}
	by := names.List(n.ChangeID, n.ChangeVerdict, n.ChangeReason, n.ChangeEvidence)
	answer, err := l.source.Instant(l.context, names.By("max", by, "last_over_time("+n.Judged.With(matchers...)+"["+lately+"])"))
	if err != nil {
		return err
	}
	newest := map[string]model.SampleValue{}
	for _, s := range answer {
		id := words.Bounded(n.ChangeID.In(s.Metric), 200)
		i := slices.IndexFunc(all, func(c Change) bool { return c.ID == id && id != "" })
		if before, judged := newest[id]; i < 0 || judged && s.Value <= before {
			continue
		}
		newest[id] = s.Value
		all[i].Verdict, all[i].Reason, all[i].Evidence = words.Bounded(n.ChangeVerdict.In(s.Metric), 40), words.Bounded(n.ChangeReason.In(s.Metric), 500), words.Bounded(n.ChangeEvidence.In(s.Metric), 40)
	}
	return nil
}

// richer says that more is known in c than in other, which is about the same change: the series that the change had while less was known have ended.
func (c *Change) richer(other *Change) bool {
	known := func(c *Change) (n int) {
		for _, text := range []string{c.Previous, c.Value, c.Summary, c.Actor, c.URL, c.Status} {
			if text != "" {
				n++
			}
		}
		if c.Status != "" && c.Status != change.Started {
			n += 10
		}
		return n
	}
	return known(c) > known(other)
}

func (l *loader) changeIn(s *model.Sample) Change {
	n := l.names
	text := func(label names.Label, most int) string { return words.Bounded(label.In(s.Metric), most) }
	c := Change{
		ID: text(n.ChangeID, 200), Kind: text(n.ChangeKind, 40), Name: text(n.ChangeName, 120), Previous: text(n.ChangePrevious, 120), Value: text(n.ChangeValue, 120),
		Status: text(n.ChangeStatus, 40), Summary: text(n.ChangeSummary, 300), Actor: text(n.Actor, 64), Service: text(n.Service, 120), Cluster: text(n.Cluster, 120),
		At: time.UnixMilli(int64(float64(s.Value) * 1000)).UTC(),
	}
	if address := n.ChangeURL.In(s.Metric); strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		c.URL = address
	}
	return c
}

// withChanges adds what has changed to the markers of the plots, in order of time.
func withChanges(markers []chart.Marker, changes []Change) []chart.Marker {
	for _, c := range changes {
		markers = append(markers, chart.Marker{At: c.At, Name: words.Bounded(c.Name, 40), Kind: c.Kind})
	}
	slices.SortStableFunc(markers, func(a, b chart.Marker) int { return a.At.Compare(b.At) })
	return markers
}
