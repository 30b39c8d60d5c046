// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A search finds spans or log records in one kind of store, in its language.
type search struct {
	language, text string
	// ways are links that run the search.
	ways []way
}

// A way is a link; without an address it is none.
type way struct {
	label   markdown
	address string
}

// search is the text, and the links that run it.
func (c *subject) search(s search) markdown {
	var links []markdown
	for _, w := range s.ways {
		if w.address != "" {
			links = append(links, link(w.label, w.address))
		}
	}
	shown := boundedTo(maxQuery, s.language, s.text)
	if len(links) > 0 {
		shown += join(links, ", ") + "\n\n"
	}
	return shown
}

// traces is a search for the service's spans for which all the conditions hold, in Tempo's language, and the
// nearest that Jaeger's form can ask.
func (c *subject) traces(jaeger form, conditions ...string) search {
	all := append([]string{"resource.service.name = " + traceQL(c.service.Name)}, conditions...)
	if of := c.service.Environments; len(of) > 0 {
		all = append(all[:1:1], append([]string{anyOf("resource.deployment.environment.name = ", of, traceQL)}, conditions...)...)
	}
	text := "{ " + strings.Join(all, " && ") + " }"
	return search{"traceql", text, []way{
		{"Run it in Grafana", c.explore("tempo", c.o.Tempo, "query", text, "traceql")},
		{"Search in Jaeger", c.jaeger(jaeger)},
	}}
}

// failed is the collector's condition for a failed span. The collector also checks the status of RPC calls, which
// SDKs copy to the span's status.
const failed = "(status = error || span.http.response.status_code >= 500)"

// kinds is the condition for the kinds of spans that count.
func kinds(s catalog.SpanSelection) []string {
	if len(s.Kinds) == 0 {
		return nil
	}
	return []string{anyOf("kind = ", s.Kinds, func(kind string) string { return kind })}
}

// anyOf holds when the key is one of the values.
func anyOf(key string, values []string, quote func(string) string) string {
	alternatives := make([]string, len(values))
	for i, v := range values {
		alternatives[i] = key + quote(v)
	}
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return "(" + strings.Join(alternatives, " || ") + ")"
}

// traceQL and logQL are strings in double quotes with Go's escapes, in both languages.
func traceQL(s string) string { return strconv.Quote(s) }
func logQL(s string) string   { return strconv.Quote(s) }

var (
	kqlEscapes   = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	risonEscapes = strings.NewReplacer("!", "!!", "'", "!'")
)

// kql is a quoted phrase of Kibana's query language.
func kql(s string) string {
	return `"` + kqlEscapes.Replace(s) + `"`
}

// stream selects the log streams of the service, by the labels that Loki derives from OTLP by default.
func (c *subject) stream() string {
	labels := []string{"service_name=" + logQL(c.service.Name)}
	if c.service.Namespace != "" {
		labels = append(labels, "service_namespace="+logQL(c.service.Namespace))
	}
	switch of := c.service.Environments; len(of) {
	case 0:
	case 1:
		labels = append(labels, "deployment_environment_name="+logQL(of[0]))
	default:
		labels = append(labels, "deployment_environment_name=~"+logQL(alternatives(of)))
	}
	return "{" + strings.Join(labels, ", ") + "}"
}

// loki is a search in Loki's language.
func (c *subject) loki(text string) search {
	return search{"logql", text, []way{{"Run it in Grafana", c.explore("loki", c.o.Loki, "expr", text, "range")}}}
}

// kibana is a search for the service's log records, in Kibana's language, over the documents that the
// elasticsearch exporter writes.
func (c *subject) kibana(condition string) search {
	all := []string{"resource.attributes.service.name : " + kql(c.service.Name)}
	if of := c.service.Environments; len(of) > 0 {
		phrases := make([]string, len(of))
		for i, e := range of {
			phrases[i] = kql(e)
		}
		either := strings.Join(phrases, " or ")
		if len(of) > 1 {
			either = "(" + either + ")"
		}
		all = append(all, "resource.attributes.deployment.environment.name : "+either)
	}
	text := strings.Join(append(all, condition), " and ")
	return search{"kql", text, []way{{"Run it in Kibana", c.discover(text)}}}
}

// explore is Grafana's address of a query of the last hour.
func (c *subject) explore(kind, uid, key, query, queryType string) string {
	if c.o.Grafana == "" {
		return ""
	}
	source := map[string]string{"type": kind, "uid": uid}
	panes, err := json.Marshal(map[string]any{"a": map[string]any{
		"datasource": uid,
		"queries":    []any{map[string]any{"refId": "A", "datasource": source, key: query, "queryType": queryType}},
		"range":      map[string]string{"from": "now-1h", "to": "now"},
	}})
	if err != nil { // strings in maps are JSON always
		return ""
	}
	return base(c.o.Grafana) + "/explore?" + url.Values{"schemaVersion": {"1"}, "panes": {string(panes)}}.Encode()
}

// A form has the fields of Jaeger's search besides the service.
type form struct {
	failed      bool
	minDuration string
}

// jaeger is the address of a search in Jaeger: of the service's traces of the last hour, in its environment if it
// has one only. The form knows of no "or".
func (c *subject) jaeger(f form) string {
	if c.o.Jaeger == "" {
		return ""
	}
	values := url.Values{"service": {c.service.Name}, "lookback": {"1h"}, "limit": {"20"}}
	tags := map[string]string{}
	if of := c.service.Environments; len(of) == 1 {
		tags[semconv.Environment] = of[0]
	}
	if f.failed {
		tags["error"] = "true"
	}
	if f.minDuration != "" {
		values.Set("minDuration", f.minDuration)
	}
	if text, err := json.Marshal(tags); err == nil && len(tags) > 0 { // strings in maps are JSON always
		values.Set("tags", string(text))
	}
	return base(c.o.Jaeger) + "/search?" + values.Encode()
}

// discover is the address of a query of the last hour in Kibana.
func (c *subject) discover(query string) string {
	if c.o.Kibana == "" {
		return ""
	}
	return base(c.o.Kibana) + "/app/discover#/?_g=(time:(from:now-1h,to:now))&_a=(query:(language:kuery,query:" +
		strings.ReplaceAll(url.QueryEscape(rison(query)), "+", "%20") + "))"
}

// rison is a quoted string of the notation that Kibana's addresses have.
func rison(s string) string {
	return "'" + risonEscapes.Replace(s) + "'"
}

func base(address string) string { return strings.TrimRight(address, "/") }
