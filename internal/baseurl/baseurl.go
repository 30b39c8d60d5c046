// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package baseurl checks addresses of servers that configs have: something is appended to them, and pages and logs show them.
package baseurl

import (
	"errors"
	"net/url"
)

// What can be wrong. The config that has the address says what to do.
var (
	ErrNoURL    = errors.New("is not a URL of HTTP")
	ErrUser     = errors.New("contains a user name")
	ErrAppended = errors.New("has a query or fragment")
)

// Parse is the address, or what is wrong with it.
func Parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, ErrNoURL
	case u.User != nil:
		return nil, ErrUser
	case u.RawQuery != "" || u.Fragment != "":
		return nil, ErrAppended
	}
	return u, nil
}
