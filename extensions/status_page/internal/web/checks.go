// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/checks"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

// failingChecks are those of the services of an incident; the template "checks" shows them.
func (s *site) failingChecks(ctx context.Context, one *incident.Incident) ([]checks.Failing, error) {
	var services []*catalog.Service
	for _, a := range one.Services {
		services = append(services, s.Catalog().Emitter(a.Namespace, a.Name))
	}
	return checks.Of(ctx, s.Prometheus, s.Names, services...)
}
