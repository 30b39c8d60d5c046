// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package requests

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Filter says which requests are listed. What is empty is any.
type Filter struct {
	Service, Namespace, Environment, Version string
	// Route is that of an HTTP server, or the name of the span.
	Route string
	// Status is failed, ok, or a status code of HTTP or gRPC.
	Status string
	// Least and Most are bounds of the duration; 0 is none.
	Least, Most time.Duration
	// Attributes are those of the span, or of its resource. All of them have to have their values.
	Attributes []Attribute
	// Text is in a span or log record of the trace, whatever the case of the letters a to z.
	Text string
	// Slowest is the order; the newest are first without it.
	Slowest bool
}

// An Attribute has a value as it is.
type Attribute struct{ Name, Value string }

// The values of status that are no codes.
const (
	StatusFailed = "failed"
	StatusOK     = "ok"
)

const (
	maxText       = 200 // characters of one value
	maxAttributes = 5
	slowest       = "slowest"
	newest        = "newest"
)

// Parse reads a filter from the parameters of a URL. Others than its own are not looked at.
func Parse(query url.Values) (f Filter, err error) {
	for key, into := range map[string]*string{
		"service": &f.Service, "namespace": &f.Namespace, "environment": &f.Environment, "version": &f.Version, "route": &f.Route, "status": &f.Status, "text": &f.Text,
	} {
		if *into, err = text(key, query.Get(key)); err != nil {
			return f, err
		}
	}
	if f.Status != "" && f.Status != StatusFailed && f.Status != StatusOK {
		if code, wrong := strconv.Atoi(f.Status); wrong != nil || code < 0 || code > 999 {
			return f, fmt.Errorf("status: is %.20q; write failed, ok, or a status code such as 503", f.Status)
		}
	}
	for key, into := range map[string]*time.Duration{"min": &f.Least, "max": &f.Most} {
		value := strings.TrimSpace(query.Get(key))
		if value == "" {
			continue
		}
		if *into, err = time.ParseDuration(strings.ReplaceAll(value, " ", "")); err != nil || *into < 0 {
			return f, fmt.Errorf("%s: is %.20q; write a duration such as 250ms or 1.5s", key, value)
		}
	}
	for _, value := range query["attribute"] {
		if value, err = text("attribute", value); err != nil {
			return f, err
		}
		name, of, found := strings.Cut(value, "=")
		switch name, of = strings.TrimSpace(name), strings.TrimSpace(of); {
		case value == "":
			continue
		case !found || name == "":
			return f, fmt.Errorf("attribute: is %.40q; write name=value, such as customer.tier=gold", value)
		case len(f.Attributes) == maxAttributes:
			return f, fmt.Errorf("attribute: there are more than %d; leave some out", maxAttributes)
		default:
			f.Attributes = append(f.Attributes, Attribute{name, of})
		}
	}
	switch order := query.Get("sort"); order {
	case "", newest:
	case slowest:
		f.Slowest = true
	default:
		return f, fmt.Errorf("sort: is %.20q; write newest or slowest", order)
	}
	if f.Most > 0 && f.Most < f.Least {
		return f, errors.New("max: is shorter than min; exchange them")
	}
	return f, nil
}

// text is a value that somebody typed.
func text(key, value string) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case utf8.RuneCountInString(value) > maxText:
		return "", fmt.Errorf("%s: is longer than %d characters; shorten it", key, maxText)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "", fmt.Errorf("%s: contains characters that are not text; write letters, digits and punctuation", key)
	}
	return value, nil
}

// Values are the filter as the parameters of a URL.
func (f Filter) Values() url.Values {
	values := url.Values{}
	for key, value := range map[string]string{
		"service": f.Service, "namespace": f.Namespace, "environment": f.Environment, "version": f.Version, "route": f.Route, "status": f.Status, "text": f.Text,
	} {
		if value != "" {
			values.Set(key, value)
		}
	}
	for key, value := range map[string]time.Duration{"min": f.Least, "max": f.Most} {
		if value > 0 {
			values.Set(key, value.String())
		}
	}
	for _, a := range f.Attributes {
		values.Add("attribute", a.String())
	}
	if f.Slowest {
		values.Set("sort", slowest)
	}
	return values
}

// String is the attribute as the URL has it.
func (a Attribute) String() string { return a.Name + "=" + a.Value }

// Narrow reports whether there is a filter besides the order.
func (f Filter) Narrow() bool {
	f.Slowest = false
	return len(f.Values()) > 0
}

// With is the filter with another status and order.
func (f Filter) With(status string, slowest bool) Filter {
	f.Attributes = slices.Clone(f.Attributes)
	f.Status, f.Slowest = status, slowest
	return f
}
