// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseEndpoints(t *testing.T) {
	for list, want := range map[string]string{
		"":                                 "",
		" , ":                              "",
		"b, a":                             "a:4317 b:4317",
		"a:1,a:1,A:1":                      "a:1",
		"a:04317":                          "a:4317",
		"[::1]:1,::1,[fe80::1]":            "[::1]:1 [::1]:4317 [fe80::1]:4317",
		"otelcol-sre-gateway-0.headless:1": "otelcol-sre-gateway-0.headless:1",
	} {
		got, err := parseEndpoints([]string{list})
		require.NoError(t, err, list)
		require.Equal(t, want, strings.Join(got, " "), list)
	}
	for list, want := range map[string]string{
		"http://a:1": "has a scheme or path",
		"a:b":        "is not a number from 1 to 65535",
		"a:0":        "is not a number from 1 to 65535",
		"a:65536":    "is not a number from 1 to 65535",
		"a:1:2":      "is not host:port",
		":1":         "has no valid host",
		"a b:1":      "has no valid host",
		"a\n:1":      "has no valid host",
		"[a:1":       "is not host:port",
	} {
		_, err := parseEndpoints([]string{list})
		require.ErrorContains(t, err, want, list)
	}
}

func FuzzParseEndpoints(f *testing.F) {
	for _, seed := range []string{"a:1,b", "[::1]:4317", "::1", "a,,b:2 ,", "[a]:1", "a%b:1", "\xff:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got, err := parseEndpoints([]string{list})
		if err != nil {
			require.Empty(t, got)
			return
		}
		require.True(t, slices.IsSorted(got))
		require.Equal(t, slices.Compact(slices.Clone(got)), got)
		for _, e := range got {
			_, _, err := net.SplitHostPort(e)
			require.NoError(t, err)
		}
		again, err := parseEndpoints(got)
		require.NoError(t, err)
		require.Equal(t, got, again, "what it returns is a list of endpoints")
		reversed := slices.Clone(strings.Split(list, ","))
		slices.Reverse(reversed)
		other, err := parseEndpoints(reversed)
		require.NoError(t, err)
		require.Equal(t, got, other, "the order does not matter")
	})
}
