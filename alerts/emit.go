// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// An emitter writes the YAML of a rule file: the bytes that package yaml would write, in a quarter of the time. It
// writes plain words and lines of PromQL itself, and leaves any other text to package yaml.
type emitter struct {
	bytes.Buffer
	// odd caches the texts that package yaml wrote, by text and indentation: many rules have the same labels.
	odd map[oddText]string
}

type oddText struct {
	text   string
	indent int
}

// newEmitter has room for the rules of three SLOs.
func newEmitter() *emitter {
	e := &emitter{odd: map[oddText]string{}}
	e.Grow(128 << 10)
	return e
}

// groups writes the key groups and its value.
func (e *emitter) groups(f File, indent int) {
	e.line(indent, "groups:")
	indent += 2
	for _, g := range f.Groups {
		e.comment(indent, f.comments[g.Name])
		e.indent(indent)
		e.WriteString("- ")
		e.pair("name", g.Name, indent+2)
		e.indent(indent + 2)
		e.pair("interval", g.Interval.String(), indent+2)
		e.line(indent+2, "rules:")
		for _, r := range g.Rules {
			e.comment(indent+4, f.comments[r.Expr])
			e.rule(r, indent+4)
		}
	}
}

func (e *emitter) comment(indent int, text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		e.line(indent, "# "+line)
	}
}

// rule writes an item of a list. The keys and their order are those of rulefmt.
func (e *emitter) rule(r rulefmt.Rule, indent int) {
	e.indent(indent)
	e.WriteString("- ")
	indent += 2
	if r.Record != "" {
		e.pair("record", r.Record, indent)
	} else {
		e.pair("alert", r.Alert, indent)
	}
	e.indent(indent)
	e.pair("expr", r.Expr, indent)
	if r.For != 0 {
		e.indent(indent)
		e.pair("for", r.For.String(), indent)
	}
	if r.KeepFiringFor != 0 {
		e.indent(indent)
		e.pair("keep_firing_for", r.KeepFiringFor.String(), indent)
	}
	e.texts("labels", r.Labels, indent)
	e.texts("annotations", r.Annotations, indent)
}

func (e *emitter) texts(key string, m map[string]string, indent int) {
	if len(m) == 0 {
		return
	}
	e.line(indent, key+":")
	for _, key := range slices.Sorted(maps.Keys(m)) {
		e.indent(indent + 2)
		e.pair(key, m[key], indent+2)
	}
}

// pair writes a key and its text at the current indentation.
func (e *emitter) pair(key, text string, indent int) {
	e.scalar(key, indent)
	e.WriteString(": ")
	e.scalar(text, indent)
	e.WriteByte('\n')
}

func (e *emitter) line(indent int, text string) {
	e.indent(indent)
	e.WriteString(text)
	e.WriteByte('\n')
}

func (e *emitter) indent(n int) {
	const spaces = "                "
	e.WriteString(spaces[:n])
}

// scalar writes a text, of which further lines are indented by more than its key.
func (e *emitter) scalar(text string, indent int) {
	switch {
	case isPlain(text), isDuration(text):
		e.WriteString(text)
	case isDecimal(text): // in quotes, or it would be a number
		e.WriteString(`"` + text + `"`)
	case beginsCall(text) && isPlain("a"+text):
		e.WriteString(text)
	case strings.HasPrefix(text, "{") && isPlain("a"+text): // a template
		e.WriteString("'" + strings.ReplaceAll(text, "'", "''") + "'")
	case isLiteral(text):
		e.WriteString("|-")
		for line := range strings.SplitSeq(text, "\n") {
			e.WriteByte('\n')
			if line != "" {
				e.indent(indent + 2)
				e.WriteString(line)
			}
		}
	default:
		key := oddText{text, indent}
		if _, known := e.odd[key]; !known {
			e.odd[key] = byYAML(text, indent)
		}
		e.WriteString(e.odd[key])
	}
}

// isPlain reports a text that begins with a letter and needs no quotes in YAML. It may return false for a text that needs
// none either.
func isPlain(s string) bool {
	if s == "" || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' || strings.HasSuffix(s, ":") || strings.HasSuffix(s, " ") {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && s[i-1] == ':' || s[i] == '#' && s[i-1] == ' ' {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	return true
}

// isDuration reports durations such as 5m, which YAML does not read as numbers.
func isDuration(s string) bool {
	n := len(s) - 1
	return n > 0 && strings.IndexByte("smhdwy", s[n]) >= 0 && isDigits(s[:n])
}

func isDecimal(s string) bool {
	whole, fraction, ok := strings.Cut(s, ".")
	return isDigits(whole) && (!ok || isDigits(fraction)) && (len(whole) == 1 || whole[0] != '0')
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// beginsCall reports PromQL that begins with a digit or a parenthesis.
func beginsCall(s string) bool {
	return s != "" && (s[0] == '(' || s[0] >= '0' && s[0] <= '9') && strings.ContainsAny(s, "({")
}

// isLiteral reports lines that a literal block can hold without escapes.
func isLiteral(s string) bool {
	if !strings.Contains(s, "\n") || s[0] <= ' ' || s[len(s)-1] <= ' ' || strings.Contains(s, " \n") {
		return false
	}
	for i := range len(s) {
		if (s[i] < ' ' || s[i] > '~') && s[i] != '\n' {
			return false
		}
	}
	return true
}

// byYAML is a text as package yaml writes it below a key that is indented.
func byYAML(text string, indent int) string {
	var b bytes.Buffer
	node := yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "k"}, {}}}
	node.Content[1].SetString(text)
	if err := encode(&b, &node); err != nil { // a text can always be written
		panic("alerts: " + err.Error())
	}
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(b.String(), "k: "), "\n"), "\n")
	for i, line := range lines[1:] {
		if line != "" {
			lines[i+1] = strings.Repeat(" ", indent) + line
		}
	}
	return strings.Join(lines, "\n")
}
