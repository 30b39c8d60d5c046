// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Cluster is a place where the service runs, with the events that an SLO had there.
type Cluster struct {
	SLO string `json:"slo"`
	// Name has the cluster, the region and the account, as far as they tell places apart; "" does not say where it is.
	Name   string       `json:"cluster"`
	Events fleet.Number `json:"events"`
	Failed fleet.Number `json:"failed"`
}

// Share is that of the failed events.
func (c Cluster) Share() fleet.Number {
	if !(c.Events > 0) {
		return fleet.Number(math.NaN())
	}
	return c.Failed / c.Events
}

const (
	// maxClusters bounds those of the page.
	maxClusters = 60
	// clustersLength is how far back they are counted at most: each event is read.
	clustersLength = 24 * time.Hour
	// bad is the outcome of an event that spends budget.
	bad = "bad"
)

// ClustersLength is how far back the clusters are counted.
func (s *Service) ClustersLength() time.Duration {
	return min(s.Period.End.Sub(s.Period.Start), clustersLength)
}

// at is the modifier of a query about the end of the time that is shown.
func (l *loader) at() string {
	if l.now {
		return ""
	}
	return " @ " + strconv.FormatInt(l.service.Period.End.Unix(), 10)
}

// askClusters are the places of each SLO that has several, those with the largest share of failures first.
func (l *loader) askClusters() ([]Cluster, error) {
	n := l.names
	length := "[" + strconv.FormatInt(l.service.ClustersLength().Milliseconds(), 10) + "ms]"
	found, err := l.source.Instant(l.context, names.By("sum", names.List(n.SLO, n.Cluster, n.Region, n.Account, n.Outcome), "increase("+l.of(n.Events)+length+l.at()+")"))
	if err != nil {
		return nil, err
	}
	type key struct{ slo, name string }
	counted := map[key]*Cluster{}
	places := map[string]int{}
	for _, s := range found {
		parts := slices.DeleteFunc([]string{n.Cluster.In(s.Metric), n.Region.In(s.Metric), n.Account.In(s.Metric)}, func(p string) bool { return p == "" })
		k := key{n.SLO.In(s.Metric), words.Bounded(strings.Join(parts, ", "), 120)}
		c := counted[k]
		if c == nil {
			c = &Cluster{SLO: k.slo, Name: k.name}
			counted[k] = c
			places[k.slo]++
		}
		c.Events += fleet.Number(s.Value)
		if n.Outcome.In(s.Metric) == bad {
			c.Failed += fleet.Number(s.Value)
		}
	}
	var clusters []Cluster
	for k, c := range counted {
		if places[k.slo] > 1 {
			clusters = append(clusters, *c)
		}
	}
	slices.SortFunc(clusters, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(a.SLO, b.SLO), cmp.Compare(b.Share(), a.Share()), cmp.Compare(a.Name, b.Name))
	})
	return clusters[:min(len(clusters), maxClusters)], nil
}
