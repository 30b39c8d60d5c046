// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFleet(t *testing.T) {
	usual := Fleet{Sort: Sort{Key: Worst}, Page: 1, Size: PageSize}
	with := func(change func(*Fleet)) Fleet {
		f := usual
		change(&f)
		return f
	}
	for query, want := range map[string]Fleet{
		"":                         usual,
		"other=1&page=&sort=":      usual,
		"owner=a+b&state=ok":       with(func(f *Fleet) { f.Owner, f.State = "a b", "ok" }),
		"q=+pay+&tier=2":           with(func(f *Fleet) { f.Text, f.Tier = "pay", 2 }),
		"environment=%28none%29":   with(func(f *Fleet) { f.Environment = None }),
		"sort=-burn&page=3&size=9": with(func(f *Fleet) { f.Sort, f.Page, f.Size = Sort{Burn, true}, 3, 9 }),
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		got, err := ParseFleet(values)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, want := range map[string]string{
		"page=0":                          `page: is "0"; write a number from 1 to 1000000`,
		"size=501":                        `size: is "501"; write a number from 1 to 500`,
		"tier=x":                          `tier: is "x"; write a number from 0 to 4`,
		"sort=--burn":                     `sort: is "--burn"; write one of worst`,
		"q=" + strings.Repeat("é", 201):   "q: is longer than 200 characters; shorten it",
		"owner=a%0ab":                     "owner: contains characters that are not text",
		"state=%ff":                       "state: contains characters that are not text",
		"page=99999999999999999999999999": "page: is \"99999999999999999999\"; write a number",
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = ParseFleet(values)
		require.ErrorContains(t, err, want)
	}
}

func TestAViewLeadsToOthers(t *testing.T) {
	v := Fleet{Owner: "a&b", Sort: Sort{Key: Worst}, Page: 3, Size: PageSize}
	assert.Equal(t, "/?owner=a%26b&page=3", v.URL())
	assert.Equal(t, "/?owner=a%26b&page=4", v.At(4).URL())
	assert.Equal(t, "/?owner=a%26b&sort=burn", v.By(Burn).URL())
	assert.Equal(t, "/?owner=a%26b&sort=-burn", v.By(Burn).By(Burn).URL())
	assert.Equal(t, "/?owner=a%26b&sort=burn", v.By(Burn).By(Burn).By(Burn).URL())
	assert.Equal(t, "/?owner=a%26b&tier=2", v.With("tier", "2").URL())
	assert.Equal(t, "/", v.With("owner", "").URL())
	assert.True(t, v.Filtered())
	assert.False(t, v.With("owner", "").Filtered())
}

// A view that was read is written and read again as the same.
func FuzzParseFleet(f *testing.F) {
	for _, query := range []string{"", "owner=a&sort=-left&page=7", "q=%3Cscript%3E&tier=1&size=500", "state=ok&environment=(none)", "q=+a+b+", "page=-1"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		v, err := ParseFleet(values)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 300)
			return
		}
		again, err := ParseFleet(v.Values())
		require.NoError(t, err)
		assert.Equal(t, v, again)
		u, err := url.Parse(v.URL())
		require.NoError(t, err)
		assert.Equal(t, "/", u.Path)
	})
}
