// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// bad reports whether the SLO's search for bad spans is to find a span of its service.
func bad(sli catalog.SLI, s span) bool {
	switch {
	case sli.Availability != nil:
		return s.counts() && s.failed()
	case sli.Latency != nil:
		slow := s.took() > sli.Latency.Threshold
		return s.counts() && (slow && (!sli.Latency.ExcludeErrors || !s.failed()) || sli.Latency.ErrorsAreBad && s.failed())
	default:
		return s.failed()
	}
}

// lineOfError is how people know an error in text.
var lineOfError = regexp.MustCompile(`(?i)\b(error|fatal|panic|exception)\b`)

const placeholder = "CORRELATION_ID"

// searchesOf are the queries of pages that are for TraceQL or LogQL, by language; with an ID where they have a place for one.
func searchesOf(pages []runbookPage, id string) map[string][]string {
	queries := map[string][]string{}
	for _, page := range pages {
		for _, language := range []string{"traceql", "logql"} {
			for _, query := range fenced(page.text, language) {
				queries[language] = append(queries[language], strings.ReplaceAll(query, placeholder, id))
			}
		}
	}
	return queries
}

// The searches of the pages find, in what the shop sends through the collector, the bad events of their SLO, and the
// errors in the service's logs: neither more nor less. Those of services with hostile names are searches, too.
func TestSearchesFindWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	shop := shopTelemetry(t)
	t.Run("runbooks", func(t *testing.T) { assertRunbooksFind(t, shop) })
	t.Run("dashboards", func(t *testing.T) { assertDashboardsFind(t, shop) })
}

func assertRunbooksFind(t *testing.T, shop telemetry) {
	t.Helper()
	pages, id := runbookPages(t), shop.id(t)
	queries := searchesOf(pages, id)
	planted := map[[2]string][]runbookPage{}
	for _, mistake := range mistakesInPages {
		all := slices.Clone(pages)
		for i := range all {
			all[i].text = strings.ReplaceAll(all[i].text, mistake[0], mistake[1])
		}
		require.NotEqual(t, pages, all, "no page says %s", mistake[0])
		planted[mistake] = all
		merge(queries, searchesOf(all, id))
	}
	answers := shop.ask(t, queries)
	assert.Empty(t, wrongSearches(t, shop, pages, answers))
	for mistake, all := range planted {
		assert.NotEmpty(t, wrongSearches(t, shop, all, answers), "%s in place of %s is not seen", mistake[1], mistake[0])
	}
	for language, answers := range shop.ask(t, searchesOf(hostilePages(), id)) {
		require.Greater(t, len(answers), 40, language)
		for query, a := range answers {
			assert.NoError(t, a.Err)
			if !strings.Contains(query, id) {
				assert.Empty(t, a.Found, query)
			}
		}
	}
}

// mistakesInPages are what may go wrong in a search, and what it would say then: it finds something else, or is none.
var mistakesInPages = [][2]string{
	{"resource.service.name = ", "resource.service.namespace = "}, {"resource.deployment.environment.name", "resource.deployment.environment"},
	{"= server", "= client"}, {" || kind = consumer", ""}, {"status = error", "status = ok"}, {"status = error", "status = failed"},
	{"duration > ", "duration < "}, {"duration > ", "duration => "}, {"span.correlation.id", "span.correlation_id"}, {"&& status != error", ""},
	{"{service_name=", "{service.name="}, {"{service_name=", "{service="}, {"deployment_environment_name=", "deployment_environment="},
	{"service_namespace=", "service_version="}, {"| severity_number >= 17", "| severity_number > 17"}, {"| severity_number >= 17", `| severity_number >= "17"`},
	{"| severity_number >= 17", "| severity_number >= 9"}, {"(error|fatal", "(errors|fatal"}, {`|~ "(?i)`, `|= "(?i)`}, {"| correlation_id=", "| correlation.id="},
}

// searchesOfSpans is how many searches for spans the pages have: for what is bad, and for all that counts, of each SLO that counts spans.
func searchesOfSpans(c *catalog.Catalog) (n int) {
	for _, s := range c.Services {
		for _, slo := range s.SLOs {
			if sli := slo.SLI; sli.Availability != nil || sli.Latency != nil || sli.Spans != nil {
				n += 2
			}
		}
	}
	return n
}

// wrongSearches are those of pages that do not find what they are for.
func wrongSearches(t *testing.T, shop telemetry, pages []runbookPage, answers answered) (wrong []string) {
	t.Helper()
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	id, seen := shop.id(t), 0
	for _, page := range pages {
		finds := func(language, query string, want []int) {
			if why := answers.wrong(language, query, want); why != "" {
				wrong = append(wrong, page.path+": "+why)
			}
		}
		service := filepath.Dir(page.path)
		i := slices.IndexFunc(loaded.Services, func(s *catalog.Service) bool { return s.Name == service })
		if i < 0 {
			continue // of the collector
		}
		for _, slo := range loaded.Services[i].SLOs {
			if filepath.Base(page.path) != "queries-"+slo.Name+".md" || slo.SLI.Prometheus != nil {
				continue
			}
			shown := fenced(page.under(t, "What is bad"), "traceql")
			if len(shown) == 0 {
				continue // no spans: see which below
			}
			want := numbers(shop.spans, func(s span) bool { return of(s.Resource, "service.name", service) && bad(slo.SLI, s) })
			require.NotEmpty(t, want, "the shop's %s has no bad events of %s", service, slo.Name)
			finds("traceql", shown[0], want)
			counted := fenced(page.under(t, "What it counts"), "traceql")
			require.Len(t, counted, 1, page.path)
			finds("traceql", counted[0], numbers(shop.spans, func(s span) bool {
				return of(s.Resource, "service.name", service) && (s.counts() || slo.SLI.Spans != nil)
			}))
			seen += 2
		}
		if filepath.Base(page.path) != "find-requests.md" {
			continue
		}
		shown, kibana, one := fenced(page.text, "logql"), fenced(page.text, "kql"), fenced(page.text, "traceql")
		require.Len(t, shown, 3, page.path)
		require.Len(t, kibana, 2, page.path)
		require.Len(t, one, 1, page.path)
		severe := numbers(shop.records, func(r logRecord) bool {
			return of(r.resource, "service.name", service) && r.SeverityNumber() >= plog.SeverityNumberError
		})
		worded := numbers(shop.records, func(r logRecord) bool {
			return of(r.resource, "service.name", service) && lineOfError.MatchString(r.Body().AsString())
		})
		finds("logql", shown[0], severe)
		finds("logql", shown[1], worded)
		assert.Len(t, found(t, shop.documents, kibana[0]), len(severe), "%s: %s", page.path, kibana[0])
		assert.Len(t, found(t, shop.documents, kibana[1]), len(worded), "%s: %s", page.path, kibana[1])
		switch service {
		case "checkout":
			assert.NotEmpty(t, severe)
		case "mailer":
			assert.NotEmpty(t, worded)
		}
		finds("traceql", strings.ReplaceAll(one[0], placeholder, id), numbers(shop.spans, func(s span) bool { return of(s.Attributes(), "correlation.id", id) }))
		finds("logql", strings.ReplaceAll(shown[2], placeholder, id), numbers(shop.records, func(r logRecord) bool { return of(r.Attributes(), "correlation.id", id) }))
	}
	assert.Equal(t, searchesOfSpans(loaded), seen)
	return wrong
}
