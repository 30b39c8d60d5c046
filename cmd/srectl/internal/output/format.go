// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
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
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	node, err := nodeOf(decoder)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
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

// nodeOf is the next value of a JSON document, with its keys in order.
func nodeOf(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	delimiter, nested := token.(json.Delim)
	if !nested {
		return scalar(token), nil
	}
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if delimiter == '{' {
		node.Kind = yaml.MappingNode
	}
	for decoder.More() { // keys are values, too
		child, err := nodeOf(decoder)
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, child)
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle // [] and {}
	}
	_, err = decoder.Token() // the end of it
	return node, err
}

// scalar is a text, number, bool or null. Texts that YAML would take for something else get quotes.
func scalar(token json.Token) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	switch value := token.(type) {
	case string:
		node.SetString(value)
		if strings.ContainsFunc(value, unprintable) {
			node.Style = yaml.DoubleQuotedStyle
		}
	case json.Number:
		node.Tag, node.Value = "!!float", value.String()
		if _, err := value.Int64(); err == nil {
			node.Tag = "!!int"
		}
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(value)
	}
	return node
}
