// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

var hostile = []string{
	"<script>evil</script>", "<img src=x onerror=evil>", "<!-- evil", "--> evil", "<evil@example.com>",
	"[evil](http://evil.example)", "![evil](http://evil.example/x.png)", "[evil]: http://evil.example", "http://evil.example", "www.evil.example", "evil@example.com",
	"evil\n# heading", "# evil", "evil\n===", "- evil", "1. evil", "> evil", "evil\n\n---\n", "evil | a | b", "`evil", "```\nevil\n```", "``` evil ``` `` ` evil", "`<b>evil</b>`",
	"**evil**", "~~evil~~", "&lt;script&gt;evil", "&#60;evil&#62;", "\\<evil>", "\\[evil](http://evil.example)", "{{ evil }}", "${evil}", "$(evil)", "'; evil; '", "evil\x00\x1b[31m", "evil\u202e\u2066", "$evil$", ":evil:",
	"evil\r\n<!-- notes:end -->\r\n", "<!-- notes:begin evil -->", "evil\u2028# x", "javascript:evil", "1) evil", "|evil|\n|-|\n", "evil\\", "[^evil]", "[x]evil", "\tevil", "    evil", "evil\"><b>",
}

func hostileService(s string) *catalog.Service {
	slo := func(name string, sli catalog.SLI) *catalog.SLO {
		return &catalog.SLO{Name: name, Description: s, Objective: 99.9, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}, SLI: sli}
	}
	return &catalog.Service{
		Name: s, Namespace: s, Owner: s, Description: s, Tier: 1, Repository: "https://git.example.com/" + s, Environments: []string{s},
		DependsOn:  []string{s, "other"},
		Escalation: catalog.Escalation{Chat: s, Pager: "http://pager.example.com/?" + s, Email: s, Wiki: s},
		Deployment: catalog.Deployment{Kubernetes: &catalog.KubernetesWorkload{Namespace: s, Kind: "Deployment", Name: s}},
		SLOs: []*catalog.SLO{
			slo("availability", catalog.SLI{Availability: &catalog.Availability{SpanSelection: catalog.SpanSelection{Kinds: []string{"server"}, Match: s}}}),
			slo("spans", catalog.SLI{Spans: &catalog.Conditions{Match: s, Good: s}}),
			slo("logs", catalog.SLI{Logs: &catalog.Conditions{Good: s}}),
			slo("metrics", catalog.SLI{Metrics: &catalog.Metrics{Good: &catalog.MetricSelection{Name: s, Match: s}, Total: &catalog.MetricSelection{Name: s}}}),
		},
	}
}

func none(string) ([]byte, bool) { return nil, false }

// skeleton is what a page consists of, without its words: headings, links, lists, tables, HTML. Text of the catalog never changes it.
func skeleton(page []byte) string {
	var b strings.Builder
	_ = ast.Walk(Markdown.Parser().Parse(source.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text, *ast.String:
		case *ast.Heading:
			fmt.Fprintf(&b, "heading %d\n", n.Level)
		case *ast.HTMLBlock:
			fmt.Fprintf(&b, "HTML %s\n", nameless.ReplaceAll(n.Lines().Value(page), nil))
		default:
			fmt.Fprintf(&b, "%s\n", n.Kind())
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

var nameless = regexp.MustCompile(`input: [\w-]+`)

// checkInert compares the pages of a hostile service with those of the same service with harmless text.
func checkInert(t *testing.T, s string) {
	t.Helper()
	pages := func(s string) map[string][]byte {
		service := hostileService(s)
		f, _ := alerts.Generate(service, alerts.DefaultOptions())
		o := linked()
		o.Services = catalog.NewIndex([]*catalog.Service{service})
		got, reports := Generate(f, none, o)
		require.Empty(t, reports)
		byAlert := map[string][]byte{}
		for _, p := range got {
			_, notes := notesOf(p.Path, p.Text)
			assert.Empty(t, notes, "markers in %s", p.Path)
			byAlert[p.Path[strings.LastIndex(p.Path, "/"):]] = p.Text
		}
		return byAlert
	}
	harmless := pages("harmless")
	for path, page := range pages(s) {
		want := harmless[path]
		wantSkeleton, gotSkeleton := skeleton(want), skeleton(page)
		require.Equal(t, withoutLinks(wantSkeleton), withoutLinks(gotSkeleton), "%q in %s", s, path)
		// What is no web address stays text, so links may be fewer. A way of escalation may be one.
		most := strings.Count(wantSkeleton, "Link\n")
		if serviceHost(s) != pager {
			most += 3
		}
		assert.LessOrEqual(t, strings.Count(gotSkeleton, "Link\n"), most, "%q in %s", s, path)
		links, _ := Links(page)
		for _, l := range links {
			u, err := url.Parse(l.To)
			require.NoError(t, err, "%q in %s", s, path)
			if u.Scheme != "" {
				assert.Contains(t, []string{"localhost:9090", "localhost:8686", "git.example.com", "grafana.example.com", "jaeger.example.com", "kibana.example.com", pager, serviceHost(s)}, u.Host, "%q in %s: %s", s, path, l.To)
			}
		}
		assert.NotRegexp(t, "[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", string(page))
	}
}

const pager = "pager.example.com"

// serviceHost is the host of a wiki whose address is the hostile text itself, which may be a proper one.
func serviceHost(s string) string {
	if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return u.Host
	}
	return pager
}

func withoutLinks(skeleton string) string { return strings.ReplaceAll(skeleton, "Link\n", "") }

func TestHostileTextIsInert(t *testing.T) {
	for _, s := range hostile {
		checkInert(t, s)
	}
}

// FuzzMarkdown puts text wherever pages have some.
func FuzzMarkdown(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	page := func(s string) []byte {
		var b page
		b.heading(1, sprintf("%s: %s", text(s), text(s)))
		b.paragraph(text(s))
		b.list(text(s), sprintf("**%s**: %s", text(s), link(text(s), "https://git.example.com/"+url.PathEscape(s))), code(s))
		b.steps(text(s), sprintf("see %s", pageLink(text(s), "..", s, Index)))
		b.line("| a | b |")
		b.line("| --- | --- |")
		b.line(sprintf("| %s | %s |", text(s), anchor(text(s), "x")))
		b.add("\n" + block("promql", s, "") + block("sh", shell(s), ""))
		b.paragraph(sprintf("%s, %s", code(s), text(s)))
		b.heading(3, text(s))
		b.paragraph(text(s))
		return []byte(b.markdown())
	}
	harmless := skeleton(page("harmless"))
	f.Fuzz(func(t *testing.T, s string) {
		if oneLine(s) == "" || oneLine(unmarked(s)) == "" {
			return // the loader has no empty text
		}
		got := page(s)
		require.Equal(t, harmless, skeleton(got), "%s", got)
		notes, broken := notesOf("page", got)
		require.Empty(t, notes)
		require.Empty(t, broken)
		var html bytes.Buffer
		require.NoError(t, Markdown.Convert(got, &html))
		for _, element := range elements.FindAllStringSubmatch(html.String(), -1) {
			require.Contains(t, ours, element[1], "%s", html.String())
		}
	})
}

// elements of HTML, and those that Markdown makes of pages.
var (
	elements = regexp.MustCompile(`<[/!?]?([a-zA-Z0-9-]*)`)
	ours     = strings.Fields("h1 h3 p ul ol li strong a code pre table thead tbody tr th td")
)

// Every query of every page is PromQL, whatever the service is called and however metrics are named.
func TestQueriesParse(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	for _, translation := range []otlptranslator.TranslationStrategyOption{
		otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
		otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation,
	} {
		o := configured()
		o.Alerts.Translation = translation
		var files []alerts.File
		for _, s := range append([]string{"checkout", `a"b\c`}, hostile[:10]...) {
			f, _ := alerts.Generate(hostileService(s), o.Alerts)
			files = append(files, f)
		}
		if translation == otlptranslator.UnderscoreEscapingWithSuffixes {
			files = append(files, examples(t)...)
		}
		queries := 0
		for _, f := range files {
			pages, _ := Generate(f, none, o)
			for _, page := range pages {
				for _, c := range Commands(page.Text) {
					if c.Language == "promql" {
						_, err := p.ParseExpr(c.Text)
						require.NoError(t, err, "%s: %s", page.Path, c.Text)
						queries++
					}
				}
			}
		}
		assert.Greater(t, queries, 500)
	}
}

// blocksOf are the fenced blocks of a language.
func blocksOf(page []byte, language string) []string {
	var blocks []string
	_ = ast.Walk(Markdown.Parser().Parse(source.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if fence, ok := n.(*ast.FencedCodeBlock); ok && entering && string(fence.Language(page)) == language {
			blocks = append(blocks, string(fence.Lines().Value(page)))
		}
		return ast.WalkContinue, nil
	})
	return blocks
}

// What a link runs is the block above it.
func TestLinksRunTheQueriesOfThePage(t *testing.T) {
	for _, f := range examples(t) {
		pages, _ := Generate(f, none, configured())
		for _, page := range pages {
			run := map[string]bool{}
			links, _ := Links(page.Text)
			for _, l := range links {
				u, err := url.Parse(l.To)
				require.NoError(t, err)
				run[strings.TrimSpace(u.Query().Get("g0.expr"))] = true
			}
			for _, promql := range blocksOf(page.Text, "promql") {
				assert.True(t, run[strings.TrimSpace(promql)], "%s: no link runs\n%s", page.Path, promql)
			}
		}
	}
}

// Names of services are no rule's business to break: the rules of the same services parse, too.
func TestRulesOfHostileServicesParse(t *testing.T) {
	for _, s := range hostile {
		f, _ := alerts.Generate(hostileService(s), alerts.DefaultOptions())
		var b bytes.Buffer
		require.NoError(t, f.WriteRules(&b))
		_, errs := rulefmt.Parse(b.Bytes(), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.NewTextHandler(io.Discard, nil)))
		assert.Empty(t, errs, "%q", s)
	}
}
