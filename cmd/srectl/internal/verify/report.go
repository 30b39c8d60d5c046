// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
)

// A reporter sends events of deployments to a collector.
type reporter interface {
	Report(ctx context.Context, d deployment.Deployment) error
	Close()
}

// maxReason bounds what an event says; the collector cuts it further.
const maxReason = 500

// events are the verdict as events of the deployments that it is about: one for each environment.
func events(r *gate.Result) (all []deployment.Deployment) {
	environments := []string{r.Environment}
	for i := range r.SLOs {
		if one := r.SLOs[i].Environment; r.Environment == "" && !r.SLOs[i].Idle && !slices.Contains(environments, one) {
			environments = append(environments, one)
		}
	}
	if len(environments) > 1 { // they are known, so none is left out
		environments = environments[1:]
	}
	for _, environment := range environments {
		all = append(all, deployment.Deployment{
			Service: deployment.Service{Name: r.Service, Namespace: r.Namespace, Environment: environment}, Version: r.Version, Status: deployment.Verified,
			Gate: deployment.Gate{Verdict: string(r.Verdict), Reason: terminal.Printable(r.Reason, maxReason), At: r.Until},
		})
	}
	return all
}

// report sends the verdict. What cannot be sent is in the log: it changes no verdict.
func report(ctx context.Context, to reporter, r *gate.Result) {
	for _, one := range events(r) {
		if to.Report(ctx, one) != nil {
			return // it has said so
		}
	}
}
