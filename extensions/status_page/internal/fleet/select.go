// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Selection is the shown page of a fleet.
type Selection struct {
	// Rows are those of the page, Matching how many there are on all pages, Total how many without a filter.
	Rows            []*Row
	Matching, Total int
	// Page is the one that is shown, of Pages; both count from 1.
	Page, Pages int
	Facets      []Facet
}

// A Facet is what a filter can be set to, and how many SLOs there would be.
type Facet struct {
	// Key is the filter's in the URL, Name what people call it.
	Key, Name string
	Chosen    string
	Values    []FacetValue
	// More are values that are left out.
	More int
}

// A FacetValue is one value of a filter.
type FacetValue struct {
	Value string
	Count int
}

// maxFacetValues bounds the values that a filter offers: the most frequent ones.
const maxFacetValues = 100

// filter is one way to choose rows.
type filter struct {
	key, name string
	chosen    func(view.Fleet) string
	value     func(*Row) string
}

var filters = []filter{
	{"state", "State", func(v view.Fleet) string { return v.State }, func(r *Row) string { return string(r.State) }},
	{"owner", "Owner", func(v view.Fleet) string { return v.Owner }, func(r *Row) string { return cmp.Or(r.Owner, view.None) }},
	{"tier", "Tier", func(v view.Fleet) string {
		if v.Tier == 0 {
			return ""
		}
		return strconv.Itoa(v.Tier)
	}, func(r *Row) string {
		if r.Tier == 0 {
			return ""
		}
		return strconv.Itoa(r.Tier)
	}},
	{"environment", "Environment", func(v view.Fleet) string { return v.Environment }, func(r *Row) string { return cmp.Or(r.Environment, view.None) }},
}

// Select chooses, orders and cuts the fleet into pages.
func (f Fleet) Select(v view.Fleet) Selection {
	s := Selection{Total: len(f.Rows)}
	counts := make([]map[string]int, len(filters))
	for i := range filters {
		counts[i] = map[string]int{}
	}
	text := strings.ToLower(v.Text)
	var matching []*Row
	for _, r := range f.Rows {
		if text != "" && !r.has(text) {
			continue
		}
		// A row counts for a value of a filter if all the other filters let it through.
		refused, by := 0, 0
		for i, filter := range filters {
			if chosen := filter.chosen(v); chosen != "" && chosen != filter.value(r) {
				refused, by = refused+1, i
			}
		}
		for i, filter := range filters {
			if refused == 0 || refused == 1 && by == i {
				counts[i][filter.value(r)]++
			}
		}
		if refused == 0 {
			matching = append(matching, r)
		}
	}
	for i, filter := range filters {
		s.Facets = append(s.Facets, filter.facet(counts[i], filter.chosen(v)))
	}
	slices.SortStableFunc(matching, order(v.Sort))
	s.Matching = len(matching)
	s.Pages = max(1, (len(matching)+v.Size-1)/v.Size)
	s.Page = min(v.Page, s.Pages)
	from := (s.Page - 1) * v.Size
	s.Rows = matching[from:min(from+v.Size, len(matching))]
	return s
}

// has reports whether the text, in lower case, is in a name of the row.
func (r *Row) has(text string) bool {
	for _, name := range []string{r.Service, r.Namespace, r.SLO, r.Owner, r.Namespace + "/" + r.Service} {
		if strings.Contains(strings.ToLower(name), text) {
			return true
		}
	}
	return false
}

func (f filter) facet(counts map[string]int, chosen string) Facet {
	delete(counts, "")
	if chosen != "" {
		counts[chosen] += 0 // what is chosen can be seen, and unset
	}
	facet := Facet{Key: f.key, Name: f.name, Chosen: chosen}
	for value, count := range counts {
		facet.Values = append(facet.Values, FacetValue{value, count})
	}
	byName := func(a, b FacetValue) int { return cmp.Compare(a.Value, b.Value) }
	if f.key == "state" {
		byName = func(a, b FacetValue) int {
			return cmp.Compare(semconv.State(a.Value).Severity(), semconv.State(b.Value).Severity())
		}
	}
	if facet.More = len(facet.Values) - maxFacetValues; facet.More > 0 {
		slices.SortFunc(facet.Values, func(a, b FacetValue) int { return cmp.Or(cmp.Compare(b.Count, a.Count), byName(a, b)) })
		facet.Values = facet.Values[:maxFacetValues]
	} else {
		facet.More = 0
	}
	slices.SortFunc(facet.Values, byName)
	return facet
}

// order compares rows; what is not known is last in either direction.
func order(s view.Sort) func(a, b *Row) int {
	number := func(of func(*Row) Number) func(a, b *Row) int {
		return func(a, b *Row) int {
			if s.Reverse {
				return cmp.Compare(descending(of(a)), descending(of(b)))
			}
			return cmp.Compare(ascending(of(a)), ascending(of(b)))
		}
	}
	by := map[string]func(a, b *Row) int{
		view.Objective: number(func(r *Row) Number { return r.Objective }),
		view.Budget:    number(func(r *Row) Number { return r.Remaining }),
		view.Left:      number(func(r *Row) Number { return r.Exhaustion }),
		// Fast burns come first unless turned around.
		view.Burn: func(a, b *Row) int {
			if s.Reverse {
				return cmp.Compare(ascending(a.Burn), ascending(b.Burn))
			}
			return cmp.Compare(descending(a.Burn), descending(b.Burn))
		},
	}[s.Key]
	if by == nil {
		by = map[string]func(a, b *Row) int{
			view.Worst:   Worst,
			view.Service: func(a, b *Row) int { return a.compare(b.Key) },
			view.Owner:   func(a, b *Row) int { return cmp.Compare(a.Owner, b.Owner) },
		}[s.Key]
		if s.Reverse {
			forward := by
			by = func(a, b *Row) int { return forward(b, a) }
		}
	}
	return func(a, b *Row) int { return cmp.Or(by(a, b), a.compare(b.Key)) }
}
