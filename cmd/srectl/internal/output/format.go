// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// A Format is the value of the flag -o, or --format, of a command that shows something. The first of Known is the default.
type Format struct {
	Value string
	Known []string
}

// NewFormat adds the flag to the flags of a command. JSON and YAML have the same keys; wide is a table with more columns.
func NewFormat(flags *pflag.FlagSet, known ...string) *Format {
	f := &Format{Value: known[0], Known: known}
	flags.StringVarP(&f.Value, "format", "o", known[0], f.list())
	return f
}

// Check is an error that lists the formats that there are.
func (f *Format) Check() error {
	if !slices.Contains(f.Known, f.Value) {
		return fmt.Errorf("--format %.60q is not known: write %s", f.Value, f.list())
	}
	return nil
}

// list is such as "table, wide, json or yaml".
func (f *Format) list() string {
	last := len(f.Known) - 1
	return strings.Join(f.Known[:last], ", ") + " or " + f.Known[last]
}

// Data reports whether the output is for programs.
func (f *Format) Data() bool { return f.Value == JSON || f.Value == YAML }

// Write writes a value for programs, in JSON or YAML.
func (f *Format) Write(out io.Writer, v any) error {
	if f.Value == YAML {
		return WriteYAML(out, v)
	}
	return WriteJSON(out, v)
}

// WriteYAML writes a value as [WriteJSON] does, with the same keys in the same order.
func WriteYAML(out io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil { // JSON is YAML
		return err
	}
	block(&node)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(out, escaped(b.String()))
	return err
}

// escaped writes characters that one does not see as YAML's escapes, so that the output is safe for terminals. They are in quotes.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// block takes away the braces and quotes of JSON. Texts that YAML would take for something else keep their quotes.
func block(node *yaml.Node) {
	if node.Kind != yaml.ScalarNode && len(node.Content) > 0 {
		node.Style = 0
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!str" {
		plain := yaml.Node{}
		plain.SetString(node.Value)
		node.Style = plain.Style
		if strings.ContainsFunc(node.Value, unprintable) {
			node.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, child := range node.Content {
		block(child)
	}
}
