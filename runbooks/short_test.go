// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

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

// large are services with as much of everything as a catalog may say, and long texts.
func large(t *testing.T) (files []alerts.File) {
	t.Helper()
	long := strings.Repeat("Customers pay here, and most of them come back the next day. ", 40)
	for i, back := range []func(*catalog.Service){
		func(*catalog.Service) {},
		func(s *catalog.Service) { s.Deployment.Kubernetes = nil },
		func(s *catalog.Service) { s.Deployment.Rollback.Command = strings.Fields("deploy --back " + long) },
		func(s *catalog.Service) { s.Deployment.Rollback.Command = strings.Fields(long)[:maxBlock] },
	} {
		s := shopFile(t, "checkout").Service
		s.Description, s.Owner, s.Escalation.Chat, s.Escalation.Wiki = long, long, long, long
		for _, sli := range []catalog.SLI{
			{Spans: &catalog.Conditions{Match: long, Good: long}}, {Logs: &catalog.Conditions{Match: long, Good: long}},
			{Availability: &catalog.Availability{SpanSelection: catalog.SpanSelection{Kinds: []string{"server", "consumer"}, Match: long}}},
			{Latency: &catalog.Latency{SpanSelection: catalog.SpanSelection{Match: long}, Threshold: time.Second, ErrorsAreBad: true}},
			{Metrics: &catalog.Metrics{Good: &catalog.MetricSelection{Name: "good", Match: long}, Total: &catalog.MetricSelection{Name: "total", Match: long}}},
			{Prometheus: &catalog.Prometheus{ErrorRatio: "up or " + strings.Repeat("up or ", 500) + "up"}},
		} {
			for range 1 + 11*max(0, 1-i) { // only one has more SLOs than an index names
				s.SLOs = append(s.SLOs, &catalog.SLO{Name: "slo-" + strconv.Itoa(len(s.SLOs)), Objective: 99.5, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}, SLI: sli})
			}
		}
		for _, slo := range s.SLOs {
			slo.Description, slo.GroupBy = long, []string{"tenant", "region", "http.route"}
			for n := range 16 {
				pair := catalog.DefaultBurnPairs[0]
				pair.Name += strconv.Itoa(n)
				slo.Alerts.Pairs = append(slo.Alerts.Pairs, pair)
			}
		}
		for range 60 {
			s.DependsOn = append(s.DependsOn, "a-service-with-a-long-name")
		}
		for n := range 40 {
			s.Environments = append(s.Environments, "production-"+strconv.Itoa(n))
		}
		for _, name := range []string{"new-card-check", "fast-path", "recommendations", "dark-mode", "new-mailer"} {
			s.Deployment.Flags = append(s.Deployment.Flags, catalog.Flag{Name: name, Off: strings.Fields("flagctl disable --project shop " + name + " " + long)[:maxCommand]})
			s.Deployment.Migrations = append(s.Deployment.Migrations, catalog.Migration{Version: "1.4.2", Reason: long})
		}
		back(s)
		f, _ := alerts.Generate(s, alerts.DefaultOptions())
		files = append(files, f)
	}
	return files
}

// places are deployments that have some of the systems that pages may name: all that there can be.
func places() (all []Options) {
	everything := linked()
	everything.Files = configured().Files
	for has := range 1 << 6 {
		o := everything
		for i, address := range []*string{&o.Prometheus, &o.Alertmanager, &o.Files, &o.Grafana, &o.Jaeger, &o.Kibana} {
			if has&(1<<i) == 0 {
				*address = ""
			}
		}
		for _, page := range []string{"http://localhost:8686", "/", ""} {
			o.StatusPage = page
			all = append(all, o)
		}
	}
	return all
}

var (
	word           = regexp.MustCompile(`\S*[\pL\pN]\S*`)
	sectionHeading = regexp.MustCompile(`(?m)^## (.*)$`)
)

// A page has at most 600 words, its code included, whatever the catalog says and whatever there is to link to. Those that say what to do begin with
// the way back, and those of an SLO or a procedure have three queries at most.
func TestPagesAreShort(t *testing.T) {
	files := append(examples(t), large(t)...)
	for _, s := range hostile {
		f, _ := alerts.Generate(hostileService(s), alerts.DefaultOptions())
		files = append(files, f)
	}
	most := map[string]int{}
	for _, o := range []Options{linked(), DefaultOptions()} {
		for _, f := range files {
			o.Services = catalog.NewIndex([]*catalog.Service{f.Service, {Name: "workload", Deployment: catalog.Deployment{Kubernetes: &catalog.KubernetesWorkload{}}}})
			pages, reports := Generate(f, none, o)
			require.Empty(t, reports)
			for _, page := range pages {
				assertShort(t, page, most)
			}
		}
	}
	t.Log(most)
	assert.Greater(t, len(most), 30)
}

func assertShort(t *testing.T, page Page, most map[string]int) {
	t.Helper()
	words := len(word.FindAllString(shown(page.Text), -1))
	name := strings.TrimSuffix(path.Base(page.Path), ".md")
	kind := strings.TrimRight(numbered.ReplaceAllString(name, "$1"), "0123456789")
	most[kind] = max(most[kind], words)
	assert.LessOrEqual(t, words, MaxWords, page.Path)
	if Dated(page.Path) {
		queries := 0
		for _, b := range []string{"promql", "traceql", "logql", "kql"} {
			queries += len(blocksOf(page.Text, b))
		}
		assert.LessOrEqual(t, queries, 3, page.Path)
	}
	if strings.HasPrefix(name, "slo-") || alerts.Known(name) {
		headings := sectionHeading.FindAllStringSubmatch(string(page.Text), -1)
		require.NotEmpty(t, headings, page.Path)
		assert.Equal(t, goBackFirst, headings[0][1], page.Path)
	}
}

// numbered is the name of a page about one SLO.
var numbered = regexp.MustCompile(`^(slo-|queries-).*`)

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
		if Dated(page.Path) {
			assert.NotContains(t, string(page.Text), "localhost:8686", page.Path)
		}
	}
}

// absent are words that no page has where the system is not there.
func absent(o Options, kubernetes bool) (words []string) {
	for _, one := range []struct {
		there bool
		words []string
	}{
		{o.Prometheus != "", []string{"g0.expr", "Run it in Prometheus"}},
		{o.Alertmanager != "", []string{"amtool", "Silencing"}},
		{o.Files != "", []string{"srectl find", "telemetry*.json"}},
		{o.Grafana != "", []string{"grafana", "in Grafana"}},
		{o.Jaeger != "", []string{"jaeger", "in Jaeger"}},
		{o.Kibana != "", []string{"kibana", "in Kibana"}},
		{o.StatusPage != "", []string{"](/", "/incidents", "/ledger"}},
		{o.StatusPage == "http://localhost:8686", []string{"localhost:8686"}},
		{kubernetes, []string{"kubectl", "pods"}},
	} {
		if !one.there {
			words = append(words, one.words...)
		}
	}
	return words
}

// Whatever is there and whatever is not, in any combination, pages name only the first.
func TestPagesOfEveryPlace(t *testing.T) {
	for _, o := range places() {
		o.Alerts.DashboardURL = o.StatusPage + "/services"
		for _, kubernetes := range []bool{true, false} {
			service := shopFile(t, "payment").Service
			if !kubernetes {
				service.Deployment.Kubernetes = nil
			}
			o.Services = catalog.NewIndex([]*catalog.Service{service})
			f, _ := alerts.Generate(service, o.Alerts)
			for _, f := range []alerts.File{f, alerts.Collector(o.Alerts)} {
				pages, _ := Generate(f, none, o)
				for _, page := range pages {
					for _, word := range absent(o, kubernetes) {
						require.NotContains(t, string(page.Text), word, "%s without it: %+v", page.Path, o)
					}
				}
			}
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
		if Dated(page.Path) && strings.Contains(string(page.Text), "kubectl rollout undo") {
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
