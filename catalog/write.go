// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML writes the service as a catalog document. Defaults are left out; reading it again
// gives an equal service.
func (s *Service) YAML() ([]byte, error) { return marshal(serviceShape.write(*s)) }

// Digest identifies the content of a service, to detect changes since something was generated from it: 16 hexadecimal digits of the SHA-256 of the
// nodes of its YAML.
func (s *Service) Digest() string {
	var content bytes.Buffer
	describe(&content, serviceShape.write(*s))
	sum := sha256.Sum256(content.Bytes())
	return hex.EncodeToString(sum[:8])
}

// describe writes what distinguishes a tree of nodes from others.
func describe(to *bytes.Buffer, n *yaml.Node) {
	to.WriteString(n.Tag)
	to.WriteByte(' ')
	to.WriteString(strconv.Itoa(len(n.Value)))
	to.WriteByte(' ')
	to.WriteString(n.Value)
	to.WriteString(strconv.Itoa(len(n.Content)))
	for _, child := range n.Content {
		describe(to, child)
	}
}

// DigestNumber is the first 48 bits of the Digest, which a sample of Prometheus holds exactly.
func (s *Service) DigestNumber() float64 {
	number, err := strconv.ParseUint(s.Digest()[:12], 16, 64)
	if err != nil {
		panic(err) // they are hexadecimal digits
	}
	return float64(number)
}

// A writer collects the parts of a service that a format cannot express.
type writer struct {
	reader
	service *Service
}

func (w *writer) warning(message, fix string) {
	w.add(Warning, w.service.Position, "", "service "+quote(w.service.Name)+": "+message, fix)
}

func (w *writer) slo(slo *SLO, why, fix string) {
	w.add(Error, slo.Position, "", "SLO "+quote(slo.Name)+" of "+quote(w.service.Name)+" is not written: "+why, fix)
}

// documents are objects with JSON tags as a YAML stream.
func (w *writer) documents(objects ...any) []byte {
	var all [][]byte
	for _, object := range objects {
		node, err := jsonNode(object)
		if err == nil {
			var text []byte
			if text, err = marshal(node); err == nil {
				all = append(all, text)
				continue
			}
		}
		w.add(Error, w.service.Position, "", "cannot be written: "+explain(err), "")
	}
	return bytes.Join(all, []byte("---\n"))
}

// jsonNode is v as its JSON tags say, in their order, without what is empty.
func jsonNode(v any) (*yaml.Node, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b.Bytes(), &doc); err != nil { // JSON is YAML
		return nil, err
	}
	tidy(doc.Content[0])
	return doc.Content[0], nil
}

// tidy formats JSON as block-style YAML and removes empty values.
func tidy(n *yaml.Node) (empty bool) {
	switch n.Kind {
	case yaml.MappingNode:
		n.Style = 0
		var kept []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if !tidy(value) {
				*key = *textNode(key.Value)
				kept = append(kept, key, value)
			}
		}
		n.Content = kept
		return len(kept) == 0
	case yaml.SequenceNode:
		n.Style = 0
		for _, child := range n.Content {
			tidy(child)
		}
		return len(n.Content) == 0
	}
	if n.Tag == "!!str" {
		*n = *textNode(n.Value)
	}
	return n.Tag == "!!null"
}

func marshal(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// inline is a value on one line.
func inline(n *yaml.Node) string {
	flow := *n
	flow.Style |= yaml.FlowStyle
	b, err := marshal(&flow)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// plain is a value as JSON has it.
func plain(n *yaml.Node) any {
	switch {
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, child := range n.Content {
			list[i] = plain(child)
		}
		return list
	case n.Tag == "!!timestamp": // JSON has no time
		return n.Value
	}
	var v any
	if n.Decode(&v) != nil {
		return n.Value
	}
	return v
}

func firstSentence(s string) string {
	sentence, _, _ := strings.Cut(s, ". ")
	return strings.TrimSuffix(sentence, ".")
}
