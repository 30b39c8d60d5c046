package alerts

import (
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// The YAML of a rule file is made of nodes: encoding the types of rulefmt takes twice as long, and
// has no place for comments. The keys and their order are those of rulefmt.

func groupNode(g rulefmt.RuleGroup) *yaml.Node {
	rules := sequence()
	known := scalars{}
	for _, r := range g.Rules {
		rules.Content = append(rules.Content, known.rule(r))
	}
	return mapping("name", scalar(g.Name), "interval", scalar(g.Interval.String()), "rules", rules)
}

// scalars are nodes that are used again: labels are much the same in all rules.
type scalars map[string]*yaml.Node

func (s scalars) get(text string) *yaml.Node {
	n := s[text]
	if n == nil {
		n = scalar(text)
		s[text] = n
	}
	return n
}

func (s scalars) rule(r rulefmt.Rule) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Content: make([]*yaml.Node, 0, 10)}
	add := func(key string, value *yaml.Node) { n.Content = append(n.Content, s.get(key), value) }
	if r.Record != "" {
		add("record", s.get(r.Record))
	} else {
		add("alert", scalar(r.Alert))
	}
	add("expr", scalar(r.Expr))
	if r.For != 0 {
		add("for", s.get(r.For.String()))
	}
	if len(r.Labels) > 0 {
		add("labels", s.texts(r.Labels))
	}
	if len(r.Annotations) > 0 {
		add("annotations", s.texts(r.Annotations))
	}
	return n
}

func (s scalars) texts(m map[string]string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Content: make([]*yaml.Node, 0, 2*len(m))}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		n.Content = append(n.Content, s.get(key), s.get(m[key]))
	}
	return n
}

func scalar(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	return n
}

func sequence() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode} }

// mapping makes a YAML mapping of keys and nodes.
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		n.Content = append(n.Content, scalar(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return n
}
