// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// shown is all text of a page as it is read: with its code, without the addresses of links.
func shown(page []byte) string {
	var b strings.Builder
	_ = ast.Walk(Markdown.Parser().Parse(source.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(page))
				b.WriteByte(' ')
			}
		case *ast.FencedCodeBlock:
			if entering {
				b.Write(n.Lines().Value(page))
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// large is a service with as much of everything as a catalog may say, and long texts.
func large(t *testing.T) alerts.File {
	t.Helper()
	long := strings.Repeat("Customers pay here, and most of them come back the next day. ", 40)
	s := shopFile(t, "checkout").Service
	s.Description = long
	for _, slo := range s.SLOs {
		slo.Description, slo.GroupBy = long, []string{"tenant", "region", "http.route"}
	}
	for range 60 {
		s.DependsOn = append(s.DependsOn, "a-service-with-a-long-name")
	}
	s.Environments = []string{"production", "production-eu", "production-us", "staging"}
	for _, name := range []string{"new-card-check", "fast-path", "recommendations", "dark-mode", "new-mailer"} {
		s.Deployment.Flags = append(s.Deployment.Flags, catalog.Flag{Name: name, Off: []string{"flagctl", "disable", "--project", "shop", name}})
		s.Deployment.Migrations = append(s.Deployment.Migrations, catalog.Migration{Version: "1.4.2", Reason: long})
	}
	f, _ := alerts.Generate(s, alerts.DefaultOptions())
	return f
}

var (
	word           = regexp.MustCompile(`\S*[\pL\pN]\S*`)
	sectionHeading = regexp.MustCompile(`(?m)^## (.*)$`)
)

// A page for a burning SLO, or for a procedure, has at most 600 words, its code included, three queries at most, and of an SLO, the way back first.
func TestShortPagesAreShort(t *testing.T) {
	files := append(examples(t), large(t))
	everything := linked()
	everything.Prometheus, everything.Alertmanager, everything.Files = configured().Prometheus, configured().Alertmanager, configured().Files
	seen, most := 0, 0
	for _, o := range []Options{configured(), DefaultOptions(), everything} {
		for _, f := range files {
			pages, _ := Generate(f, none, o)
			for _, page := range pages {
				if !Short(page.Path) {
					continue
				}
				seen++
				words := len(word.FindAllString(shown(page.Text), -1))
				most = max(most, words)
				assert.LessOrEqual(t, words, MaxWords, page.Path)
				queries := 0
				for _, b := range []string{"promql", "traceql", "logql", "kql"} {
					queries += len(blocksOf(page.Text, b))
				}
				assert.LessOrEqual(t, queries, 3, page.Path)
				if strings.HasPrefix(path.Base(page.Path), "slo-") {
					headings := sectionHeading.FindAllStringSubmatch(string(page.Text), -1)
					require.NotEmpty(t, headings)
					assert.Equal(t, "Go back first", headings[0][1], page.Path)
				}
			}
		}
	}
	t.Logf("%d pages, at most %d words", seen, most)
	assert.Greater(t, seen, 100)
}

// Each alert about a budget leads to the page of its SLO, every other one to its own, and all are there.
func TestEveryAlertLeadsToAPage(t *testing.T) {
	for _, f := range examples(t) {
		pages, _ := Generate(f, none, configured())
		there := map[string]bool{}
		for _, page := range pages {
			there[page.Path] = true
			name := strings.TrimSuffix(path.Base(page.Path), ".md")
			assert.True(t, name == "README" || Known(f.Service, name), page.Path)
		}
		for _, a := range f.Alerts {
			assert.True(t, there[Path(f.Service.Name, a.Runbook())], a.Name)
			assert.True(t, there[Path(f.Service.Name, a.Name)], a.Name)
			assert.True(t, strings.HasSuffix(a.Annotations["runbook_url"], "/"+f.Service.Name+"/"+a.Runbook()), a.Annotations["runbook_url"])
			assert.Equal(t, a.Pair != nil || a.Name == alerts.Exhausted, strings.HasPrefix(a.Runbook(), "slo-"), a.Name)
		}
		assert.False(t, Known(f.Service, "slo-none"))
	}
}

// What a place does not have is not named in its pages.
func TestPagesNameOnlyWhatIsThere(t *testing.T) {
	nowhere := DefaultOptions()
	for _, f := range examples(t) {
		pages, _ := Generate(f, none, nowhere)
		for _, page := range pages {
			for _, absent := range []string{"amtool", "localhost:9093", "localhost:9090", "Run it in Prometheus", "telemetry*.json", "srectl find"} {
				assert.NotContains(t, string(page.Text), absent, page.Path)
			}
			links, _ := Links(page.Text)
			for _, l := range links {
				assert.NotContains(t, l.To, "g0.expr")
			}
		}
	}
	pages, _ := Generate(shopFile(t, "checkout"), none, nowhere)
	for _, page := range pages {
		if page.Path == Path("checkout", "slo-availability") {
			assert.Contains(t, string(page.Text), "](http://localhost:8686/services/checkout)")
			assert.Contains(t, string(page.Text), "](http://localhost:8686/ledger?only=spent&amp;service=checkout&amp;slo=availability&amp;window=1h)")
			assert.Contains(t, string(page.Text), "](http://localhost:8686/incidents?namespace=shop&amp;service=checkout&amp;slo=availability)")
		}
	}
	nowhere.StatusPage = "/" // on the page itself
	pages, _ = Generate(shopFile(t, "checkout"), none, nowhere)
	for _, page := range pages {
		if Short(page.Path) {
			assert.NotContains(t, string(page.Text), "localhost:8686", page.Path)
		}
	}
}

// The date of the last run is not that of other commands.
func TestTheLastRunWasOfTheseCommands(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("examples", "*", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var pages []Page
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		pages = append(pages, Page{Path: filepath.ToSlash(name), Text: text})
	}
	if ranOn == "" {
		assert.Empty(t, ranFingerprint, "a run has a date")
		assert.Contains(t, string(lastRun()), "have not all been run")
		return
	}
	assert.Equal(t, ranFingerprint, Fingerprint(pages), "a command or query of a short page changed since %s: run make runbook-check, which runs them all", ranOn)
	assert.Contains(t, string(lastRun()), ranOn)
	for i, page := range pages {
		if Short(page.Path) && strings.Contains(string(page.Text), "kubectl rollout undo") {
			pages[i].Text = []byte(strings.Replace(string(page.Text), "kubectl rollout undo", "kubectl rollout redo", 1))
		}
	}
	assert.NotEqual(t, ranFingerprint, Fingerprint(pages))
}

// Another command has another fingerprint, and the words around it do not count.
func TestFingerprint(t *testing.T) {
	of := func(path, text string) string { return Fingerprint([]Page{{path, []byte(text)}}) }
	const page = "# A\n\n```sh\nkubectl rollout undo deployment/a\n```\n\n[Run it](http://localhost:9090/graph?g0.expr=up)\n"
	one := of("runbooks/a/slo-b.md", page)
	assert.Equal(t, one, of("runbooks/a/rollback.md", strings.Replace(page, "# A", "# B", 1)))
	assert.NotEqual(t, one, of("runbooks/a/slo-b.md", strings.Replace(page, "undo", "redo", 1)))
	assert.NotEqual(t, one, of("runbooks/a/slo-b.md", strings.Replace(page, "=up", "=down", 1)))
	assert.Equal(t, Fingerprint(nil), of("runbooks/a/ServiceSilent.md", page), "pages of alerts have no date")
}
