// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package baseurl

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]error{
		"http://localhost:9093": nil, "https://sre.example.com/slo/": nil, "http://[::1]:80": nil,
		"": ErrNoURL, "localhost:9093": ErrNoURL, "sre.example.com": ErrNoURL, "/slo": ErrNoURL, "ftp://sre.example.com": ErrNoURL, "http://": ErrNoURL, "http://a b": ErrNoURL, "http://%zz": ErrNoURL,
		"http://me@localhost": ErrUser, "https://me:secret@localhost/?q": ErrUser,
		"http://localhost?q=1": ErrAppended, "http://localhost/#top": ErrAppended,
	} {
		u, err := Parse(address)
		assert.Equal(t, want, err, address)
		assert.Equal(t, want == nil, u != nil, address)
	}
}
