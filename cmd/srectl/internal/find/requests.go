// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// A foundRequest is one of several that have the ID.
type foundRequest struct {
	ID       string   `json:"id"`
	IDs      []string `json:"ids"`
	Traces   []string `json:"traces"`
	Services []string `json:"services"`
	Start    string   `json:"start,omitempty"`
	Items    int      `json:"items"`
	Errors   int      `json:"errors"`

	start time.Time
	items []*findItem
}

// divide gives each request its items. One item may be of several requests, such as the work on a batch.
func (t *timeline) divide(each []request.One) {
	for _, one := range each {
		t.Requests = append(t.Requests, &foundRequest{ID: one.ID, IDs: one.IDs, Traces: one.Traces})
	}
	for _, item := range t.Items {
		item.Requests = item.of
		for _, n := range item.of {
			t.Requests[n].add(item)
		}
	}
}

func (r *foundRequest) add(item *findItem) {
	r.items = append(r.items, item)
	r.Items++
	if item.failed {
		r.Errors++
	}
	if !slices.Contains(r.Services, item.Service) {
		r.Services = append(r.Services, item.Service)
	}
	if !item.start.IsZero() && (r.start.IsZero() || item.start.Before(r.start)) {
		r.start, r.Start = item.start, item.start.Format(time.RFC3339Nano)
	}
}

// timeline is that of the one request.
func (r *foundRequest) timeline() *timeline {
	t := &timeline{IDs: r.IDs, Items: r.items}
	if len(t.IDs) == 0 {
		t.IDs = []string{r.ID}
	}
	t.finish()
	return t
}

// writeRequests lists the requests and, if the ID identifies them, shows each by itself.
func (t *timeline) writeRequests(b *strings.Builder, width int, colored bool) {
	fmt.Fprintf(b, "%s: %s have this ID", terminal.Label(t.IDs[0]), output.Count(len(t.Requests), "request"))
	if t.word {
		b.WriteString(", as a word or value that they have in common; search for one of them")
	}
	b.WriteString("\n\n")
	byTime := slices.Clone(t.Requests)
	slices.SortStableFunc(byTime, func(x, y *foundRequest) int {
		return cmp.Or(request.ByStart(x.start, y.start), cmp.Compare(x.ID, y.ID))
	})
	widest := len("REQUEST")
	for _, r := range byTime {
		widest = max(widest, len([]rune(terminal.Label(r.ID))))
	}
	fmt.Fprintf(b, "%-*s  %-24s  %5s  %6s  %s\n", widest, "REQUEST", "BEGAN", "ITEMS", "ERRORS", "SERVICES")
	for _, r := range byTime {
		began := "-"
		if !r.start.IsZero() {
			began = r.start.Format("2006-01-02T15:04:05.000Z07:00")
		}
		services := make([]string, len(r.Services))
		for i, s := range r.Services {
			services[i] = terminal.OrDash(terminal.Label(s))
		}
		line := fmt.Sprintf("%-*s  %-24s  %5d  %6d  %s", widest, terminal.Label(r.ID), began, r.Items, r.Errors, strings.Join(services, ", "))
		b.WriteString(shorten(line, width) + "\n")
	}
	if t.word {
		return
	}
	for _, r := range byTime {
		b.WriteString("\n")
		r.timeline().write(b, width, colored)
	}
}
