// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// joinServices makes one service of the documents of other projects that have SLOs of the same one: there, every file
// or object may have some. They join the service of a catalog document, if there is one.
func (l *loader) joinServices() {
	var order []identity
	parts := map[identity][]*definition{}
	for _, d := range l.services {
		if d.Name == "" || d.broken && d.joins {
			continue
		}
		id := identity{d.Namespace, d.Name}
		if len(parts[id]) == 0 {
			order = append(order, id)
		}
		parts[id] = append(parts[id], d)
	}
	gone := map[*definition]bool{}
	for _, id := range order {
		all := parts[id]
		own := slices.IndexFunc(all, func(d *definition) bool { return !d.joins })
		if own >= 0 { // it comes first
			all[0], all[own] = all[own], all[0]
		}
		joining := slices.DeleteFunc(slices.Clone(all[1:]), func(d *definition) bool { return !d.joins })
		if len(joining) == 0 {
			continue
		}
		l.join(all[0], joining)
		for _, d := range joining {
			gone[d] = true
		}
	}
	l.services = slices.DeleteFunc(l.services, func(d *definition) bool { return gone[d] })
}

// join moves the SLOs of the parts to a service. What the parts do not have in common stays on their SLOs.
func (l *loader) join(service *definition, parts []*definition) {
	all := parts
	if service.joins {
		all = append([]*definition{service}, parts...)
	}
	for _, d := range all {
		d.labels = d.Labels
	}
	if service.joins {
		service.Labels = commonLabels(all)
	}
	for _, d := range all {
		for _, slo := range d.SLOs {
			for _, key := range sortedKeys(d.labels) {
				if value := d.labels[key]; service.Labels[key] != value && slo.Labels[key] == "" {
					set(&slo.Labels, key, value)
				}
			}
		}
	}
	l.tellSLOsApart(all)
	for _, d := range parts {
		for _, slo := range d.SLOs {
			if service.has(slo.Name) {
				l.add(Error, slo.Position, "", fmt.Sprintf("SLO %s of service %s exists twice", quote(slo.Name), quote(service.Name)), "give each SLO its own name, or a label of its own")
				service.broken = true
				continue
			}
			service.SLOs = append(service.SLOs, slo)
		}
	}
	inherit(&l.reader, service.at, service.Service)
}

// commonLabels are those that all of the parts have.
func commonLabels(parts []*definition) map[string]string {
	var common map[string]string
	for key, value := range parts[0].labels {
		if !slices.ContainsFunc(parts, func(d *definition) bool { return d.labels[key] != value }) {
			set(&common, key, value)
		}
	}
	return common
}

// tellSLOsApart renames SLOs of one name by the labels in which they differ.
func (l *loader) tellSLOsApart(parts []*definition) {
	named := map[string][]*SLO{}
	for _, d := range parts {
		for _, slo := range d.SLOs {
			named[slo.Name] = append(named[slo.Name], slo)
		}
	}
	for _, name := range sortedKeys(named) {
		twins := named[name]
		if len(twins) < 2 {
			continue
		}
		var differ []string
		for _, slo := range twins {
			for key, value := range slo.Labels {
				if !slices.Contains(differ, key) && slices.ContainsFunc(twins, func(other *SLO) bool { return other.Labels[key] != value }) {
					differ = append(differ, key)
				}
			}
		}
		slices.Sort(differ)
		for _, slo := range twins {
			words := []string{name}
			for _, key := range differ {
				words = append(words, slug(slo.Labels[key]))
			}
			if renamed := strings.Trim(strings.Join(words, "-"), "-"); renamed != name && sloNameRegexp.MatchString(renamed) {
				slo.Name = renamed
				l.add(Warning, slo.Position, "", quote(name)+" is read as "+quote(renamed)+": other documents have an SLO of that name with other labels", "nothing to do, or give each SLO its own name")
			}
		}
	}
}
