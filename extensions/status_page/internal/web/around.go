// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// around are the services that one depends on, and that depend on it, each with the state of its worst SLO.
func (s *site) around(g *incident.Graph, of incident.Service, all fleet.Fleet) (down, up []service.Neighbor) {
	needs, neededBy := g.Neighbors(of)
	neighbor := func(other incident.Service) service.Neighbor {
		n := service.Neighbor{Name: other.Name, State: semconv.StateUnknown, Page: fleet.PagePath(s.Catalog().Emitter(other.Namespace, other.Name))}
		first := true
		for _, row := range all.Rows {
			if row.Service == other.Name && row.Namespace == other.Namespace && (of.Environment == "" || row.Environment == of.Environment) && (first || row.State.Worse(n.State)) {
				n.State, first = row.State, false
			}
		}
		return n
	}
	down, up = []service.Neighbor{}, []service.Neighbor{}
	for _, other := range needs[:min(len(needs), maxNeighbors)] {
		down = append(down, neighbor(other))
	}
	for _, other := range neededBy[:min(len(neededBy), maxNeighbors)] {
		up = append(up, neighbor(other))
	}
	return down, up
}

const maxNeighbors = 20
