// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A labelBuffer has the labels of the point at hand: its attributes, and job and instance of its resource.
type labelBuffer struct {
	job, instance string
	pairs         []pair
	bytes         []byte
	// common is the text of job and instance; nil until it is needed.
	common *string
}

type pair struct{ name, value string }

// resource begins a resource. Until the first point, the labels are its attributes but those that job and instance are made of.
func (b *labelBuffer) resource(attributes pcommon.Map) {
	b.job, b.instance, b.common = "", "", nil
	b.pairs = b.pairs[:0]
	var namespace string
	for name, v := range attributes.All() {
		switch name {
		case semconv.ServiceName:
			b.job = v.AsString()
		case semconv.ServiceNamespace:
			namespace = v.AsString()
		case semconv.ServiceInstanceID:
			b.instance = v.AsString()
		default:
			b.insert(name, v)
		}
	}
	if namespace != "" && b.job != "" {
		b.job = namespace + "/" + b.job
	}
}

// point takes the attributes of a point.
func (b *labelBuffer) point(attributes pcommon.Map) {
	b.pairs = b.pairs[:0]
	for name, v := range attributes.All() {
		b.insert(name, v)
	}
}

// insert keeps the pairs in the order of their names; most attributes come in the same order each time, and there are few.
func (b *labelBuffer) insert(name string, v pcommon.Value) {
	p := pair{name: name}
	if v.Type() == pcommon.ValueTypeStr {
		p.value = v.Str()
	} else {
		p.value = v.AsString()
	}
	b.pairs = append(b.pairs, p)
	for i := len(b.pairs) - 1; i > 0 && b.pairs[i].name < b.pairs[i-1].name; i-- {
		b.pairs[i], b.pairs[i-1] = b.pairs[i-1], b.pairs[i]
	}
}

// hash tells label sets apart.
func (b *labelBuffer) hash(seeds [2]maphash.Seed) id {
	b.begin()
	for _, p := range b.pairs {
		b.field(p.name)
		b.field(p.value)
	}
	return b.sum(seeds)
}

// targetID tells resources apart by job and instance.
func (b *labelBuffer) targetID(seeds [2]maphash.Seed) id {
	b.begin()
	return b.sum(seeds)
}

func (b *labelBuffer) begin() {
	b.bytes = b.bytes[:0]
	b.field(b.job)
	b.field(b.instance)
}

func (b *labelBuffer) field(s string) {
	b.bytes = binary.AppendUvarint(b.bytes, uint64(len(s)))
	b.bytes = append(b.bytes, s...)
}

func (b *labelBuffer) sum(seeds [2]maphash.Seed) id {
	return id{maphash.Bytes(seeds[0], b.bytes), maphash.Bytes(seeds[1], b.bytes)}
}

// escape is how values are written in both text formats, unescape how they are read.
var (
	escape   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`)
)

// own is the text of the labels that the attributes make. Those whose names become the same label are joined, as the
// specification says.
func (b *labelBuffer) own(names promname.Names, scheme model.ValidationScheme) string {
	var labels []pair
	for _, p := range b.pairs {
		label := names.Attribute(p.name)
		if !scheme.IsValidLabelName(label) { // without a letter that a label can have
			label = "label_" + strings.Map(letters, label)
		}
		if label == model.JobLabel && b.job != "" || label == model.InstanceLabel && b.instance != "" {
			label = model.ExportedLabelPrefix + label // as Prometheus calls a label that it has itself
		}
		if at := slices.IndexFunc(labels, func(p pair) bool { return p.name == label }); at >= 0 {
			labels[at].value += ";" + p.value
		} else {
			labels = append(labels, pair{label, p.value})
		}
	}
	return b.write(labels)
}

// shared is the text of job and instance.
func (b *labelBuffer) shared() *string {
	if b.common == nil {
		var labels []pair
		if b.job != "" {
			labels = append(labels, pair{model.JobLabel, b.job})
		}
		if b.instance != "" {
			labels = append(labels, pair{model.InstanceLabel, b.instance})
		}
		b.common = new(b.write(labels))
	}
	return b.common
}

// write is labels as text, without braces.
func (b *labelBuffer) write(labels []pair) string {
	text := b.bytes[:0]
	for i, p := range labels {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, promname.QuoteLabel(p.name)...), `="`...)
		text = append(append(text, escape.Replace(strings.ToValidUTF8(p.value, "\uFFFD"))...), '"')
	}
	b.bytes = text
	return string(text)
}

// appendTo appends the labels in braces.
func (s *labelSet) appendTo(line []byte) []byte {
	if s.own == "" && *s.shared == "" {
		return line
	}
	line = append(append(line, '{'), s.own...)
	if s.own != "" && *s.shared != "" {
		line = append(line, ',')
	}
	return append(append(line, *s.shared...), '}')
}

// letters replaces what labels cannot have.
func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}

// pairs are the labels that a text was made of.
func (s *labelSet) pairs() (labels []*dto.LabelPair) {
	rest := strings.TrimPrefix(string(s.appendTo(nil)), "{")
	for len(rest) > 1 {
		var name, value string
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			name, _ = strconv.Unquote(quoted)
			rest = rest[len(quoted)+1:]
		} else {
			name, rest, _ = strings.Cut(rest, "=")
		}
		rest = rest[1:]
		end := 0
		for rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		value, rest = rest[:end], rest[end+2:] // the quote, and a comma or the brace
		labels = append(labels, &dto.LabelPair{Name: new(name), Value: new(unescape.Replace(value))})
	}
	return labels
}
