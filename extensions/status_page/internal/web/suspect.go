// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	reported "github.com/otelcol-sre/otelcol-sre/internal/change"
	tracked "github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// A suspect is a change that may have caused an incident.
type suspect struct {
	// Service is empty for a change of all services.
	Service     string       `json:"service"`
	Environment string       `json:"environment"`
	Kind        string       `json:"kind"`
	Version     string       `json:"version"`
	Subject     string       `json:"subject"`
	Previous    string       `json:"previous"`
	Value       string       `json:"value"`
	Text        string       `json:"text"`
	At          time.Time    `json:"time"`
	Probability fleet.Number `json:"probability"`
	// Evidence are the odds that it fails more often than the versions beside it; null is not known.
	Evidence fleet.Number `json:"odds_of_worse"`
	Status   string       `json:"status"`
	Revision string       `json:"revision"`
	// Weak says that the verdict on a feature flag compares the time before.
	Weak bool `json:"-"`
	deployment.Facts
}

func (s *site) suspect(of incident.Suspect, deployments []deployment.Deployment) suspect {
	one := suspect{Service: of.Name, Environment: of.Environment, Kind: of.Kind, Version: of.Version, Subject: of.Subject, Previous: of.Previous, Value: of.Value, Text: of.String(), At: of.At, Probability: fleet.Number(of.Probability), Evidence: fleet.Number(math.NaN())}
	if of.Evidence > 0 {
		one.Evidence = fleet.Number(of.Evidence)
	}
	one.Gate, one.GateReason, one.Weak = of.Verdict, of.Reason, of.Weak
	for i := range deployments {
		if d := &deployments[i]; of.Kind == incident.Deployment && d.Service == of.Name && d.Namespace == of.Namespace && d.Environment == of.Environment && d.Version == of.Version {
			one.Status, one.Revision, one.Facts = d.Status, d.Revision, d.Facts
		}
	}
	return one
}

type undo struct {
	// Version is the one to return to, Value that of a feature flag or the like.
	Version string   `json:"version"`
	Value   string   `json:"value"`
	Command []string `json:"commands"`
	// Why is why there is no command; "" if there is one.
	Why string `json:"why_not"`
	// Made says that somebody has gone back already, or has tried; nil is nobody. The commands are then those to go on with.
	Made *rolledBack `json:"rolled_back"`
}

// explain adds what the likely change cost, and the way back.
func (s *site) explain(ctx context.Context, body *incidentBody, one *incident.Incident, deployments []deployment.Deployment, changes []incident.Change) {
	change := one.Change
	if change.Kind != incident.Deployment {
		body.Undo = flagBack(s.Catalog().Emitter(change.Namespace, change.Name), change)
		return
	}
	n := s.Names
	end := s.Now()
	if !one.End.IsZero() {
		end = one.End
	}
	length := max(end.Sub(change.At), time.Minute)
	bad := n.Events.With(n.OfService(change.Name, change.Namespace, n.Environment.Equal(change.Environment), n.Version.Equal(change.Version), n.Outcome.Equal("bad"))...)
	if value, err := s.Prometheus.At(ctx, "sum(increase("+bad+"["+strconv.FormatInt(length.Milliseconds(), 10)+"ms]))", end); err == nil {
		body.Cost = single(value)
	}
	of := s.Catalog().Emitter(change.Namespace, change.Name)
	if of == nil {
		return
	}
	if verdicts, err := service.Verdicts(ctx, s.Prometheus, s.Names, of, change.Environment); err == nil {
		body.Verdict = verdicts[change.Version]
		if counted, err := s.byCounters(ctx, of, change.Environment, change.Version, change.At, body.Verdict); err == nil {
			body.Verdict = counted
		}
	}
	body.Share = body.Fails.shareOf(one)
	body.Undo = wayBack(of, change, deployments, changes)
}

// flagBack is what to do about a change that is no deployment: what it was before, and of a feature flag, what turns it off.
func flagBack(of *catalog.Service, change *incident.Suspect) undo {
	back := undo{Value: words.Bounded(change.Previous, maxCell), Command: []string{}}
	if of == nil || change.Kind != string(reported.FeatureFlag) {
		return back
	}
	for _, f := range of.Deployment.Flags {
		if f.Name == change.Subject {
			back.Command = append(back.Command, wayback.Shell(f.Off))
		}
	}
	return back
}

// maxRefusal bounds why there is no way back, in characters.
const maxRefusal = 300

// placed are the deployments of a change's service and environment, the newest first.
func placed(deployments []deployment.Deployment, of *incident.Suspect) (ran []deployment.Deployment) {
	for i := range deployments {
		if d := &deployments[i]; d.Service == of.Name && d.Namespace == of.Namespace && d.Environment == of.Environment {
			ran = append(ran, *d)
		}
	}
	slices.SortStableFunc(ran, func(a, b deployment.Deployment) int { return b.Since.Compare(a.Since) })
	return ran
}

// wayBack is that from a deployment, by what ran and what was changed since.
func wayBack(of *catalog.Service, from *incident.Suspect, deployments []deployment.Deployment, changes []incident.Change) undo {
	ran := placed(deployments, from)
	made := madeBack(from, ran, changes)
	if made.made() {
		return taken(of, made)
	}
	var versions []wayback.Ran
	for i := range ran {
		one := wayback.Ran{Version: ran[i].Version, Status: ran[i].Status, Previous: ran[i].Previous}
		if c := reportedBack(&incident.Suspect{Change: incident.Change{Service: from.Service, Version: one.Version, At: ran[i].Since}}, changes); c != nil && c.Status != reported.Failed {
			one.Status = string(tracked.RolledBack) // it may not be seen yet
		}
		versions = append(versions, one)
	}
	back := undo{Command: []string{}, Made: made}
	at := slices.IndexFunc(versions, func(v wayback.Ran) bool { return v.Version == from.Version })
	if at >= 0 {
		if to := wayback.Before(versions[at:]); to > 0 {
			back.Version = words.Bounded(versions[at+to].Version, maxCell)
		}
	}
	plan, err := wayback.New(of, from.Version, "", versions)
	if err != nil {
		back.Why = words.Bounded(err.Error(), maxRefusal)
		return back
	}
	back.Command = append(back.Command, plan.Text())
	return back
}

// single is the only number of an answer; NaN if there is none.
func single(value model.Value) fleet.Number {
	if vector, ok := value.(model.Vector); ok && len(vector) == 1 {
		return fleet.Number(vector[0].Value)
	}
	return fleet.Number(math.NaN())
}
