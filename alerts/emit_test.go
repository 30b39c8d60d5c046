// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// emitted is a text below a key, three levels deep.
func emitted(text string) string {
	e := newEmitter()
	e.line(0, "a:")
	e.line(2, "b:")
	e.indent(4)
	e.pair("key", text, 4)
	return e.String()
}

// byPackage is the same as package yaml writes it.
func byPackage(t *testing.T, text string) string {
	t.Helper()
	mapping := func(key string, value yaml.Node) yaml.Node {
		return yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, &value}}
	}
	var scalar yaml.Node
	scalar.SetString(text)
	node := mapping("a", mapping("b", mapping("key", scalar)))
	var b bytes.Buffer
	require.NoError(t, encode(&b, &node))
	return b.String()
}

var texts = []string{
	"", "a", "5m", "1", "0x1f", "1e3", "yes", "No", "null", "~", "true", "on", "y", "Nothing", "a b", "a:", "a: b", "a:b", "a #b", "a#b", "#a", "- a", "-a", "a ", " a",
	"12", "99.9", "0", "00", "012", "0.10", "1.", ".5", "1_000", "99999999999999999999", "10m", "1w", "3y", "1e", "1 - a{b=\"c\"}", "(a)", "(a): b", "(a) #b", "1(", "1 (\na)", "2026-03-16 (a)",
	"'a'", `"a"`, "`a`", "{a}", "{", "{{ $value }}", "{{ it's }}: 1", "{ #", "{\n}", "{ä}", "[a]", "a{b=\"c\"} > 0", "a, b", "&a", "*a", "!a", "|a", ">a", "%a", "@a", "?a", "= 1", "<<", "---", "--- a", "...", "2026-03-16", "12:30:45",
	"a\nb", "a\n  b\n\nc", "a\n", "a\n\n", "\na", "  a\nb", "a \nb", "a\n b ", "a\n\tb", "\ta", "a\tb", "(\n  a\n)", "# a\nb", "- a\nb", "a: b\nc",
	"ä", "a\nä", "\u0085", "\u2028", "\ufeff", "\U0001F600", "\x00", "\x1b[31m", "\x7f", strings.Repeat("word ", 60) + "end",
}

// What the emitter knows and what it leaves to package yaml both come out as package yaml writes them.
func TestEmitterWritesWhatPackageYAMLDoes(t *testing.T) {
	for _, text := range texts {
		assert.Equal(t, byPackage(t, text), emitted(text), "%q", text)
	}
}

// The committed files are what they would be without the emitter.
func TestEmittedFilesArePackageYAMLs(t *testing.T) {
	files, err := filepath.Glob("examples/*.rules.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var (
			node  yaml.Node
			again bytes.Buffer
		)
		require.NoError(t, yaml.Unmarshal(text, &node))
		require.NoError(t, encode(&again, &node))
		_, got, _ := strings.Cut(again.String(), "\ngroups:")
		_, want, _ := strings.Cut(string(text), "\ngroups:")
		require.Equal(t, want, got, name)
	}
}

func FuzzEmitter(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // all texts are cleaned before
		}
		require.Equal(t, byPackage(t, text), emitted(text))
	})
}
