package catalog

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML writes the service as a catalog document. Defaults are left out; reading it again
// gives an equal service.
func (s *Service) YAML() ([]byte, error) { return marshal(serviceShape.write(*s)) }

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
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
		m := map[string]any{}
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
