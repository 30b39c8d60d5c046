// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestYAMLHasTheKeysOfJSON(t *testing.T) {
	value := struct {
		Name  string            `json:"the_name"`
		Count int               `json:"count"`
		Share Number            `json:"share"`
		Empty []string          `json:"empty"`
		Texts map[string]string `json:"texts"`
	}{"checkout", 3, 0.5, []string{}, map[string]string{"a": "true", "b": "1", "c": "x: y", "d": "two\nlines", "e": "- # <&>", "f": "", "g": "a\u202eb\x1b[31m\U000e0001"}}
	var out bytes.Buffer
	require.NoError(t, WriteYAML(&out, value))
	assert.Contains(t, out.String(), "the_name: checkout\ncount: 3\nshare: 0.5\nempty: []\ntexts:\n")
	var back map[string]any
	require.NoError(t, yaml.Unmarshal(out.Bytes(), &back))
	assert.Equal(t, map[string]any{"a": "true", "b": "1", "c": "x: y", "d": "two\nlines", "e": "- # <&>", "f": "", "g": "a\u202eb\x1b[31m\U000e0001"}, back["texts"], out.String())
}

func TestYAMLIsSafeForTerminals(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteYAML(&out, map[string]int{strings.Repeat("long ", 1000): 1}))
	require.NoError(t, WriteYAML(&out, []string{"a\u202e\x1b[2J\r\x07\x7f\u0085\u2028\ufeff\ufffeb", "x\xff"}))
	for _, r := range strings.ReplaceAll(out.String(), "\n", "") {
		assert.True(t, unicode.IsPrint(r), "%q", r)
	}
}

func TestFormatListsItsValues(t *testing.T) {
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	f := NewFormat(flags, Table, Wide, JSON, YAML)
	require.NoError(t, f.Check())
	require.NoError(t, flags.Parse([]string{"-o", "xml"}))
	require.EqualError(t, f.Check(), `--format "xml" is not known: write table, wide, json or yaml`)
	require.NoError(t, flags.Parse([]string{"--format", "yaml"}))
	require.NoError(t, f.Check())
	assert.True(t, f.Data())
}
