// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const hostile = "a\"b'c\\{{d}}${correlation_id}$__rate_interval[[environment]]<img src=x onerror=alert(1)>\n[x](javascript:alert(1))`|*_#"

// variable is what Grafana replaces, as its template service has it.
var variable = regexp.MustCompile(`\$(\w+)|\[\[([\s\S]+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}`)

func TestTextOfTheCatalogIsInert(t *testing.T) {
	service := &catalog.Service{
		Name: hostile, Namespace: hostile, Owner: hostile, Description: hostile, Tier: 1, Repository: "javascript:alert(1)//" + hostile,
		Environments: []string{hostile}, DependsOn: []string{hostile},
		Escalation: catalog.Escalation{Chat: hostile, Pager: "https://user:secret@pager.example.com/" + strings.ReplaceAll(hostile, "\n", ""), Email: hostile, Wiki: "javascript:alert(1)"},
		SLOs: []*catalog.SLO{
			{Name: hostile, Description: hostile, Objective: 99.9, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}, SLI: catalog.SLI{Availability: &catalog.Availability{}}},
			{Name: hostile + "2", Objective: 99, Window: catalog.Window{Rolling: 36 * time.Hour}, SLI: catalog.SLI{Latency: &catalog.Latency{Threshold: time.Second}}},
			{Name: hostile + "3", Objective: 99, Window: catalog.Window{Rolling: 36 * time.Hour}, SLI: catalog.SLI{Prometheus: &catalog.Prometheus{ErrorRatio: hostile}}},
		},
	}
	files := generate(t, service)
	d := decode(t, files[0].JSON)
	require.NoError(t, newSchemas(t).dashboard(t, d))

	ours := map[string]bool{
		variablePrometheus: true, variableLoki: true, variableTempo: true, variableElasticsearch: true, variableJaeger: true, variableEnvironment: true, variableVersion: true,
		"__rate_interval": true, "__all": true, "__value": true, "__url_time_range": true, "1": true, /* of label_replace */
	}
	walk(d, func(key, text string) {
		if key == "text" || key == "value" { // the value of a variable is not read as one
			return
		}
		for _, m := range variable.FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2] + m[4]
			if name == variableCorrelation {
				assert.Regexp(t, "`\\$\\{correlation_id:regex\\}\\.\\*`|:\\$\\{correlation_id:lucene\\}\\*|^correlation.id=\\$\\{correlation_id\\}$", text)
				continue
			}
			assert.True(t, ours[name], "%s: %s", key, text)
		}
		assert.NotContains(t, text, "$__rate_intervals")
		assert.NotContains(t, text, "secret")
		if key == "description" && text != d["description"] || key == "content" { // that of a dashboard is shown as it is
			assert.NotContains(t, text, "<")
			assert.NotContains(t, text, "](javascript:")
		}
		if key == "url" {
			assert.NotRegexp(t, "(?i)^javascript", text)
		}
	})

	// In queries the text is a value, byte for byte.
	for _, query := range promQL(t, d) {
		for _, s := range selectors(t, query) {
			for _, m := range s.LabelMatchers {
				switch {
				case m.Name != "service_name":
				case m.Type == labels.MatchRegexp: // of it, or of all services
					assert.Equal(t, regexp.QuoteMeta(hostile)+"|", m.Value)
				default:
					assert.Equal(t, hostile, m.Value)
				}
			}
		}
	}
}

// walk visits every string.
func walk(value any, visit func(key, text string)) { walkAt("", value, visit) }

func walkAt(key string, value any, visit func(key, text string)) {
	switch v := value.(type) {
	case string:
		visit(key, v)
	case []any:
		for _, one := range v {
			walkAt(key, one, visit)
		}
	case map[string]any:
		for k, one := range v {
			walkAt(k, one, visit)
		}
	}
}

func TestTextStaysReadable(t *testing.T) {
	const text = "Charges the customer's card (Visa, 3-D Secure): 95 % within 1.5 s; see #payments."
	assert.Equal(t, text, markdown(text))
}

func FuzzTextIsInert(f *testing.F) {
	f.Add(hostile)
	f.Add("$[[\x00\xff$")
	for _, text := range []string{"1. a", "# a", "- a", "+ a", "a www.example.com b", "https://x.example.com", "me@example.com", "---", "===", "a | b", "~~a~~"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, inert := range []string{quote(text), lucene(text), plain(text), markdown(text), address("http://x", text)} {
			assert.NotRegexp(t, variable, inert)
		}
		assert.NotContains(t, markdown(text), "<")
		var rendered bytes.Buffer
		require.NoError(t, goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte("- Name: "+markdown(text)), &rendered))
		assert.Regexp(t, `^<ul>\n<li>Name:[^<]*</li>\n</ul>\n$`, rendered.String())
		rendered.Reset()
		require.NoError(t, goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(markdown(text)), &rendered))
		assert.Regexp(t, `^(<p>[^<]*</p>\n)?$`, rendered.String())
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(quote(text))
		require.NoError(t, err)
		assert.Equal(t, strings.ToValidUTF8(text, "�"), expr.(*parser.StringLiteral).Val)
		_, err = json.Marshal(plain(text))
		require.NoError(t, err)
	})
}
