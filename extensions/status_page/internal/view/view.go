// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package view reads filters and order of the fleet's page from a URL, and writes them back: a view can be
// bookmarked and shared.
package view

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// None is the value of a filter for SLOs without an owner or environment.
	None = "(none)"
	// PageSize is the default number of SLOs per page.
	PageSize    = 50
	maxPageSize = 500
	maxPage     = 1_000_000
	maxText     = 200 // characters of one value
)

// A Fleet says which SLOs are shown, and in which order. An empty filter is any.
type Fleet struct {
	Owner, Environment, State string
	Tier                      int
	// Text is looked for in the names of service, namespace and SLO, and in the owner.
	Text string
	Sort Sort
	// Page counts from 1.
	Page, Size int
}

// A Sort is the key of an order, and whether it is turned around.
type Sort struct {
	Key     string
	Reverse bool
}

// The orders of the fleet. Worst is the default: the most urgent SLO comes first.
const (
	Worst     = "worst"
	Service   = "service"
	Objective = "objective"
	Budget    = "budget"
	Burn      = "burn"
	Left      = "left"
	Owner     = "owner"
)

var orders = []string{Worst, Service, Objective, Budget, Burn, Left, Owner}

// ParseFleet reads a view. Keys that it does not know are others' and not looked at.
func ParseFleet(query url.Values) (Fleet, error) {
	f := Fleet{Sort: Sort{Key: Worst}, Page: 1, Size: PageSize}
	for key, into := range map[string]*string{"owner": &f.Owner, "environment": &f.Environment, "state": &f.State, "q": &f.Text} {
		value, err := text(query, key)
		if err != nil {
			return f, err
		}
		*into = value
	}
	for key, number := range map[string]struct {
		into     *int
		min, max int
	}{"tier": {&f.Tier, 0, 4}, "page": {&f.Page, 1, maxPage}, "size": {&f.Size, 1, maxPageSize}} {
		if err := count(query, key, number.into, number.min, number.max); err != nil {
			return f, err
		}
	}
	if order := query.Get("sort"); order != "" {
		key, reverse := strings.CutPrefix(order, "-")
		if !slices.Contains(orders, key) {
			return f, fmt.Errorf("sort: is %.20q; write one of %s, with - before it to reverse the order", order, strings.Join(orders, ", "))
		}
		f.Sort = Sort{key, reverse}
	}
	return f, nil
}

// count reads a number that may be given.
func count(query url.Values, key string, into *int, least, most int) error {
	value := query.Get(key)
	if value == "" {
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%s: is %.20q; write a number from %d to %d", key, value, least, most)
	}
	*into = n
	return nil
}

// A List says which part of a list is shown.
type List struct {
	// Text is looked for in names.
	Text string
	// Page counts from 1.
	Page, Size int
}

// ParseList reads which part is asked for, of a list with pages of a usual size.
func ParseList(query url.Values, usual int) (l List, err error) {
	l = List{Page: 1, Size: usual}
	if l.Text, err = text(query, "q"); err != nil {
		return l, err
	}
	if err := count(query, "page", &l.Page, 1, maxPage); err != nil {
		return l, err
	}
	return l, count(query, "size", &l.Size, 1, maxPageSize)
}

// At is the query of another page.
func At(query url.Values, page int) string {
	other := url.Values{}
	maps.Copy(other, query)
	other.Set("page", strconv.Itoa(page))
	return "?" + other.Encode()
}

// text is a value that somebody typed.
func text(query url.Values, key string) (string, error) {
	value := strings.TrimSpace(query.Get(key))
	switch {
	case utf8.RuneCountInString(value) > maxText:
		return "", fmt.Errorf("%s: is longer than %d characters; shorten it", key, maxText)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "", fmt.Errorf("%s: contains characters that are not text; write letters, digits and punctuation", key)
	}
	return value, nil
}

// Values are the view as the parameters of a URL, without what is the default.
func (f Fleet) Values() url.Values {
	values := url.Values{}
	set := func(key, value, usual string) {
		if value != usual {
			values.Set(key, value)
		}
	}
	set("owner", f.Owner, "")
	set("environment", f.Environment, "")
	set("state", f.State, "")
	set("q", f.Text, "")
	set("tier", strconv.Itoa(f.Tier), "0")
	set("page", strconv.Itoa(f.Page), "1")
	set("size", strconv.Itoa(f.Size), strconv.Itoa(PageSize))
	set("sort", f.Sort.String(), Worst)
	return values
}

// String is the sort as the URL has it.
func (s Sort) String() string {
	if s.Reverse {
		return "-" + s.Key
	}
	return s.Key
}

// URL leads to the view.
func (f Fleet) URL() string {
	if values := f.Values(); len(values) > 0 {
		return "/?" + values.Encode()
	}
	return "/"
}

// By is the view in that order; in the other direction if it is in that order already.
func (f Fleet) By(key string) Fleet {
	f.Sort = Sort{key, f.Sort.Key == key && !f.Sort.Reverse}
	f.Page = 1
	return f
}

// At is another page of the view.
func (f Fleet) At(page int) Fleet {
	f.Page = page
	return f
}

// With is the view with a filter set, from its first page on.
func (f Fleet) With(filter, value string) Fleet {
	f.Page = 1
	switch filter {
	case "owner":
		f.Owner = value
	case "environment":
		f.Environment = value
	case "state":
		f.State = value
	case "tier":
		f.Tier, _ = strconv.Atoi(value) // "" is any
	case "q":
		f.Text = value
	}
	return f
}

// Filtered reports whether some SLOs are not shown.
func (f Fleet) Filtered() bool {
	return f.Owner != "" || f.Environment != "" || f.State != "" || f.Text != "" || f.Tier != 0
}
