package alerts

import (
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// The YAML of a rule file is made of nodes: encoding the types of rulefmt takes twice as long, and
// has no place for comments. The keys and their order are those of rulefmt.

func groupNode(g rulefmt.RuleGroup) *yaml.Node {
	rules := sequence()
	for _, r := range g.Rules {
		rules.Content = append(rules.Content, ruleNode(r))
	}
	return mapping("name", scalar(g.Name), "interval", plain(g.Interval), "rules", rules)
}

func ruleNode(r rulefmt.Rule) *yaml.Node {
	var pairs []any
	add := func(key string, value *yaml.Node) { pairs = append(pairs, key, value) }
	if r.Record != "" {
		add("record", scalar(r.Record))
	} else {
		add("alert", scalar(r.Alert))
	}
	add("expr", scalar(r.Expr))
	if r.For != 0 {
		add("for", plain(r.For))
	}
	if len(r.Labels) > 0 {
		add("labels", texts(r.Labels))
	}
	if len(r.Annotations) > 0 {
		add("annotations", texts(r.Annotations))
	}
	return mapping(pairs...)
}

func plain(d model.Duration) *yaml.Node { return scalar(d.String()) }

func texts(m map[string]string) *yaml.Node {
	n := mapping()
	for _, key := range slices.Sorted(maps.Keys(m)) {
		n.Content = append(n.Content, scalar(key), scalar(m[key]))
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
