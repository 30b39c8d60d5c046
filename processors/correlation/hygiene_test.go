// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func hygieneOf(change ...func(*Config)) *hygiene {
	cfg := createDefaultConfig().(*Config)
	for _, f := range change {
		f(cfg)
	}
	h := newHygiene(cfg)
	return &h
}

func TestClean(t *testing.T) {
	for value, want := range map[string]struct {
		id string
		verdict
	}{
		requestID:                                {requestID, clean},
		"  " + requestID + "\r\n":                {requestID, clean},
		"01ARZ3NDEKTSV4RRFFQ69G5FAV":             {"01ARZ3NDEKTSV4RRFFQ69G5FAV", clean},
		"|4bf92f35.1_a.":                         {"|4bf92f35.1_a.", clean},
		"+Zm9v/YmFy==":                           {"+Zm9v/YmFy==", clean},
		"Root=1-67891233-abcdef012345":           {"Root=1-67891233-abcdef012345", clean},
		"0042":                                   {"0042", clean},
		"":                                       {"", absent},
		" \t":                                    {"", absent},
		"-":                                      {"", absent},
		"null":                                   {"", absent},
		"Undefined":                              {"", absent},
		"(null)":                                 {"", absent},
		"00000000-0000-0000-0000-000000000000":   {"", absent},
		"a\nb":                                   {"", invalid},
		"- \x00":                                 {"", invalid},
		"<script>alert(1)</script>":              {"", invalid},
		`a"b`:                                    {"", invalid},
		"a b":                                    {"", invalid},
		"a;rm":                                   {"", invalid},
		"${jndi:ldap://x}":                       {"", invalid},
		"zażółć":                                 {"", invalid},
		"\u202eabc":                              {"", invalid},
		strings.Repeat("ab", 64):                 {strings.Repeat("ab", 64), clean},
		strings.Repeat("ab", 65):                 {"", invalid},
		strings.Repeat("a", 128):                 {"", absent},
		"ffffffff-ffff-ffff-ffff-ffffffffffff":   {"", absent},
		"7B6E6A1C-5A0E-4C57-9A3E-3A4C2E1F0D9B":   {requestID, clean},
		"{7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b}": {requestID, clean},
		"4BF92F3577B34DA6A3CE929D0E0E4736":       {w3cTrace, clean},
		"test":                                   {"", absent},
		"REQUEST_ID":                             {"", absent},
		strings.Repeat("a", 10<<20):              {"", invalid},
	} {
		id, verdict := hygieneOf().clean(value)
		require.Equal(t, want.id, id, "%.40q", value)
		require.Equal(t, want.verdict, verdict, "%.40q", value)
	}
}

func TestCleanAsConfigured(t *testing.T) {
	lower := hygieneOf(func(c *Config) { c.LowerCase = true })
	id, _ := lower.clean("ABC-def")
	require.Equal(t, "abc-def", id)

	hash := hygieneOf(func(c *Config) { c.OnInvalid = invalidHash })
	id, _ = hash.clean("jane doe")
	require.Equal(t, "ed37d99b1445238af3386f81a77a2caf", id, "sha256")
	id, verdict := hash.clean("fine")
	require.Equal(t, "fine", id)
	require.Equal(t, clean, verdict)
	id, _ = hash.clean(strings.Repeat("a ", longestHashed))
	require.Empty(t, id)

	keyed := hygieneOf(func(c *Config) { c.HashKey = "0123456789abcdef" })
	id, _ = keyed.clean("jane@example.com")
	require.Len(t, id, hashLength)
	again, _ := keyed.clean(" jane@example.com ")
	require.Equal(t, id, again)
	other, _ := hygieneOf(func(c *Config) { c.HashKey = "fedcba9876543210" }).clean("jane@example.com")
	require.NotEqual(t, id, other)
}

func TestCleanDoesNotAllocate(t *testing.T) {
	h := hygieneOf(func(c *Config) { c.LowerCase = true })
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h.clean(requestID)
		h.clean(" " + requestID[:8])
		h.clean("<b>")
		h.clean("null")
	}))
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{requestID, "a\nb", "-", "<b>", "\xff", strings.Repeat("a", 200)} {
		f.Add(seed)
	}
	plain, hash := hygieneOf(), hygieneOf(func(c *Config) { c.OnInvalid = invalidHash })
	f.Fuzz(func(t *testing.T, value string) {
		for _, h := range []*hygiene{plain, hash} {
			id, _ := h.clean(value)
			if !isSafe(id) || len(id) > 128 || !utf8.ValidString(id) {
				t.Fatalf("%q became %q", value, id)
			}
			if id == "" {
				continue
			}
			if again, verdict := h.clean(id); again != id || verdict != clean {
				t.Fatalf("%q became %q and then %q", value, id, again)
			}
		}
	})
}
