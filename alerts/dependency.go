// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// dependencies mute the burn pages of a service while a service that it depends on pages, as fast or faster: people are called for the one
// that is at fault. A slow burn does not explain a fast one. Tickets stay, and so does DeploymentRegression, which says that the service
// itself is at fault. When the dependency has recovered and the service has not, it pages.
//
// Services that depend on each other would mute each other, and nobody would be called. Between them there is no rule.
func dependencies(services []*catalog.Service) (rules []InhibitRule) {
	callers := map[*catalog.Service][]*catalog.Service{}
	g := simple.NewDirectedGraph()
	number := make(map[*catalog.Service]simple.Node, len(services))
	for i, s := range services {
		number[s] = simple.Node(i)
		g.AddNode(number[s])
	}
	index := catalog.NewIndex(services)
	for _, caller := range services {
		for _, d := range index.Dependencies(caller) {
			if d.Service != nil && d.Service != caller {
				callers[d.Service] = append(callers[d.Service], caller)
				g.SetEdge(simple.Edge{F: number[caller], T: number[d.Service]})
			}
		}
	}
	circle := make([]int, len(services))
	for n, together := range topo.TarjanSCC(g) {
		for _, node := range together {
			circle[node.ID()] = n
		}
	}
	var pages []string // the fastest first
	for _, p := range catalog.DefaultBurnPairs {
		if p.Page {
			pages = append(pages, burnPrefix+p.Name)
		}
	}
	for _, s := range services {
		byNamespace := map[string][]string{}
		for _, caller := range callers[s] {
			if circle[number[caller]] != circle[number[s]] {
				byNamespace[caller.Namespace] = append(byNamespace[caller.Namespace], regexp.QuoteMeta(caller.Name))
			}
		}
		for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
			muted := identity(`=~`, strings.Join(byNamespace[namespace], "|"), namespace)
			for i, pair := range pages {
				rules = append(rules, InhibitRule{
					SourceMatchers: append([]string{`slo_alert="` + pair + `"`}, identity(`=`, s.Name, s.Namespace)...),
					TargetMatchers: append([]string{`slo_alert=~"` + strings.Join(pages[i:], "|") + `"`}, muted...),
					Equal:          []string{"environment"},
				})
			}
		}
	}
	return rules
}

// identity matches the alerts of services of a namespace.
func identity(operator, name, namespace string) []string {
	return []string{label(semconv.ServiceName) + operator + quote(clean(name)), label(semconv.ServiceNamespace) + "=" + quote(clean(namespace))}
}
