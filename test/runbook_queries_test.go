package test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/alerts/scenario/gotool"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// The languages that pages search traces and logs in, and the projects whose code runs them here.
var languages = map[string]gotool.Module{
	"traceql": {
		Path: "github.com/grafana/tempo", Version: "v1.5.1-0.20250529124718-87c2dc380cec",
		Sum: "h1:wnzJov9RhSHGaTYGzTygL4qq986fLen8xSqnQgaMd28=", GoModSum: "h1:j1IY7J2rUz7TcTjFVVx6HCpyTlYOJPtXuGRZ7sI+vSo=",
	},
	"logql": {
		Path: "github.com/grafana/loki/v3", Version: "v3.7.8",
		Sum: "h1:bJ0WFWVOjgvG/jYmT9fIX15SYXXDwuEu/IMgTwMA97U=", GoModSum: "h1:SubN2HoviBLMmtr/jiMLom/3l3I9CIl8NvWIAEVa2C0=",
	},
	"jaeger": { // no language: its links have forms. The package of its API has a server too, with all its stores.
		Path: "github.com/jaegertracing/jaeger", Version: "v1.76.0",
		Sum: "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=", GoModSum: "h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=",
		Sources: []string{
			"cmd/query/app/default_params.go", "cmd/query/app/handler_options.go", "cmd/query/app/http_handler.go", "cmd/query/app/json_marshaler.go",
			"cmd/query/app/otlp_translator.go", "cmd/query/app/query_parser.go", "cmd/query/app/util.go",
		},
	},
}

// answers asks the queries of the file of telemetry: for each, the numbers of the spans or log records it
// finds, or what is wrong with it.
func answers(t *testing.T, language string, telemetry fileSink, queries []string) map[string]answer {
	t.Helper()
	program, err := gotool.BuildWith(languages[language], "testdata/"+language)
	require.NoError(t, err)
	asked, err := json.Marshal(queries)
	require.NoError(t, err)
	cmd := exec.Command(program, string(telemetry))
	cmd.Stdin = bytes.NewReader(asked)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	var all []answer
	require.NoError(t, json.Unmarshal(out, &all))
	require.Len(t, all, len(queries))
	byQuery := map[string]answer{}
	for i, query := range queries {
		byQuery[query] = all[i]
	}
	return byQuery
}

type answer struct {
	Error string
	Found []int
}

// A runbookPage is a page in the repository.
type runbookPage struct{ path, text string }

func runbookPages(t *testing.T) (pages []runbookPage) {
	t.Helper()
	files, err := filepath.Glob("../runbooks/*/*.md")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		pages = append(pages, runbookPage{strings.TrimPrefix(file, "../runbooks/"), string(text)})
	}
	require.Greater(t, len(pages), 40)
	return pages
}

// under is what stands under a heading of the third level, up to the next one of any.
func (p runbookPage) under(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(p.text, "\n### "+heading+"\n")
	require.True(t, found, "%s: no %s", p.path, heading)
	section, _, _ := strings.Cut(rest, "\n##")
	return section
}

// shopTelemetry runs the demo shop with failures and slow answers through a collector, and returns what the collector
// wrote to a file and sent to Elasticsearch.
func shopTelemetry(t *testing.T) (fileSink, []document) {
	t.Helper()
	elastic := startElasticsearch(t)
	sink, toFile := newFileSink(t, "span_metrics", "service_graph")
	gateway := prepareCollector(t, "gateway", t.TempDir())
	gateway.args = append(gateway.args, "--config", toFile, "--config", "yaml:"+`
exporters: {elasticsearch: {endpoint: `+elastic.URL+`, sending_queue: {queue_size: 1000, batch: {flush_timeout: 100ms}}}}
service: {pipelines: {traces: {exporters: [file, span_metrics, service_graph]}, logs: {exporters: [file, elasticsearch]}}}`)
	gateway.start()
	shop := exec.Command("../bin/shop", "--endpoint", gateway.otlpGRPC, "--rate", "25", "--duration", "5s", "--control", "", "--ports", "0",
		"--error-rate", "checkout=0.2", "--error-rate", "inventory=0.1", "--error-rate", "mailer=0.2", "--error-rate", "payment=0.1",
		"--latency", "checkout=100ms", "--latency", "inventory=100ms", "--latency", "payment=230ms")
	out, err := shop.CombinedOutput()
	require.NoError(t, err, "%s", out)
	gateway.stop()
	return sink, elastic.documents()
}

// A span and a logRecord are what a search can find, numbered as they stand in the file.
type span struct {
	ptrace.Span
	resource map[string]any
}

type logRecord struct {
	plog.LogRecord
	resource map[string]any
}

func readFile(t *testing.T, sink fileSink) (spans []span, records []logRecord) {
	t.Helper()
	text, err := os.ReadFile(string(sink))
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		require.NoError(t, err)
		for _, rs := range traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					spans = append(spans, span{s, rs.Resource().Attributes().AsRaw()})
				}
			}
		}
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					records = append(records, logRecord{r, rl.Resource().Attributes().AsRaw()})
				}
			}
		}
	}
	return spans, records
}

// numbers are those of the items for which is holds.
func numbers[T any](items []T, is func(T) bool) []int {
	found := []int{}
	for i, item := range items {
		if is(item) {
			found = append(found, i)
		}
	}
	return found
}

func (s span) counts() bool {
	return s.Kind() == ptrace.SpanKindServer || s.Kind() == ptrace.SpanKindConsumer
}

func (s span) failed() bool {
	code, ok := s.Attributes().Get("http.response.status_code")
	return s.Status().Code() == ptrace.StatusCodeError || ok && code.Int() >= 500
}

func (s span) took() time.Duration { return s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()) }

// bad tells whether the SLO's search for bad spans is to find a span of its service.
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

// The searches of the pages find, in what the shop sends through the collector, the bad events of their SLO, and the
// errors in the service's logs: neither more nor less. Tempo's engine runs TraceQL, Loki's runs LogQL.
func TestRunbookSearchesFindWhatIsBad(t *testing.T) {
	sink, documents := shopTelemetry(t)
	spans, records := readFile(t, sink)
	pages := runbookPages(t)
	queries := map[string][]string{}
	for _, page := range append(pages, hostilePages()...) {
		for language := range languages {
			for _, query := range fenced(page.text, language) {
				if !slices.Contains(queries[language], query) {
					queries[language] = append(queries[language], query)
				}
			}
		}
	}
	id := correlated(spans)
	for language, all := range queries {
		for _, query := range all {
			if strings.Contains(query, placeholder) {
				queries[language] = append(queries[language], strings.ReplaceAll(query, placeholder, id))
			}
		}
	}
	traces, logs := answers(t, "traceql", sink, queries["traceql"]), answers(t, "logql", sink, queries["logql"])
	for query, a := range traces {
		assert.Empty(t, a.Error, query)
	}
	for query, a := range logs {
		assert.Empty(t, a.Error, query)
	}
	of := func(service string, resource map[string]any) bool { return resource["service.name"] == service }

	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	seen := 0
	for _, page := range pages {
		service := filepath.Dir(page.path)
		i := slices.IndexFunc(loaded.Services, func(s *catalog.Service) bool { return s.Name == service })
		if i < 0 || !strings.Contains(page.text, "\n## Diagnosis\n") {
			continue // of the collector, or an index
		}
		for _, slo := range loaded.Services[i].SLOs {
			if !strings.Contains(page.text, "\n### SLO "+slo.Name+"\n") {
				continue
			}
			shown := fenced(page.under(t, "SLO "+slo.Name), "traceql")
			if len(shown) == 0 {
				continue // no spans: see which below
			}
			want := numbers(spans, func(s span) bool { return of(service, s.resource) && bad(slo.SLI, s) })
			if filepath.Base(page.path) == "SLIMissing.md" {
				want = numbers(spans, func(s span) bool { return of(service, s.resource) && (s.counts() || slo.SLI.Spans != nil) })
			}
			require.NotEmpty(t, want, "the shop's %s has no bad events of %s", service, slo.Name)
			assert.Equal(t, want, traces[shown[0]].Found, "%s: %s", page.path, shown[0])
			seen++
		}
		if !strings.Contains(page.text, "\n### Logs and single requests\n") {
			continue
		}
		section := page.under(t, "Logs and single requests")
		shown, kibana := fenced(section, "logql"), fenced(section, "kql")
		require.Len(t, shown, 3, page.path)
		require.Len(t, kibana, 2, page.path)
		severe := numbers(records, func(r logRecord) bool {
			return of(service, r.resource) && r.SeverityNumber() >= plog.SeverityNumberError
		})
		worded := numbers(records, func(r logRecord) bool { return of(service, r.resource) && lineOfError.MatchString(r.Body().AsString()) })
		assert.Equal(t, severe, logs[shown[0]].Found, "%s: %s", page.path, shown[0])
		assert.Equal(t, worded, logs[shown[1]].Found, "%s: %s", page.path, shown[1])
		assert.Len(t, found(t, documents, kibana[0]), len(severe), "%s: %s", page.path, kibana[0])
		assert.Len(t, found(t, documents, kibana[1]), len(worded), "%s: %s", page.path, kibana[1])
		switch service {
		case "checkout":
			assert.NotEmpty(t, severe)
		case "mailer":
			assert.NotEmpty(t, worded)
		}
		one := fenced(section, "traceql")
		require.Len(t, one, 1)
		assert.Equal(t, numbers(spans, func(s span) bool { return text(s.Attributes().AsRaw()) == id }), traces[strings.ReplaceAll(one[0], placeholder, id)].Found)
		assert.Equal(t, numbers(records, func(r logRecord) bool { return text(r.Attributes().AsRaw()) == id }), logs[strings.ReplaceAll(shown[2], placeholder, id)].Found)
	}
	assert.Greater(t, seen, 40)
}

const placeholder = "CORRELATION_ID"

func text(attributes map[string]any) string { return attr(attributes, "correlation.id") }

// correlated is the ID of a request of the shop.
func correlated(spans []span) string {
	for _, s := range spans {
		if id := text(s.Attributes().AsRaw()); id != "" {
			return id
		}
	}
	return ""
}

// pagesOf are the pages of a service.
func pagesOf(service *catalog.Service, o runbooks.Options) (pages []runbookPage) {
	file, _ := alerts.Generate(service, alerts.DefaultOptions())
	made, _ := runbooks.Generate(file, func(string) ([]byte, bool) { return nil, false }, o)
	for _, page := range made {
		pages = append(pages, runbookPage{page.Path, string(page.Text)})
	}
	return pages
}

func hostilePages() (pages []runbookPage) {
	for _, service := range hostileServices() {
		pages = append(pages, pagesOf(service, runbooks.DefaultOptions())...)
	}
	return pages
}

// hostileServices are those whose names and conditions try to leave the strings they stand in.
func hostileServices() (services []*catalog.Service) {
	for _, s := range []string{`a"b`, `a\`, "a`b", `a" } || { true } //`, `"} | line_format "x`, "a'b", "a\nb", "a\x00b", "ü\u202e", `{{ . }}`, "` + \"", `\"`, "--", "#"} {
		slo := func(name string, sli catalog.SLI) *catalog.SLO {
			return &catalog.SLO{Name: name, Objective: 99, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}, SLI: sli}
		}
		server := catalog.SpanSelection{Kinds: []string{"server"}, Match: s}
		services = append(services, &catalog.Service{Name: s, Namespace: s, Environments: []string{s, "b"}, SLOs: []*catalog.SLO{
			slo("availability", catalog.SLI{Availability: &catalog.Availability{SpanSelection: server}}),
			slo("latency", catalog.SLI{Latency: &catalog.Latency{SpanSelection: server, Threshold: 90 * time.Second}}),
			slo("logs", catalog.SLI{Logs: &catalog.Conditions{Good: s}}),
		}})
	}
	return services
}

// Every command of every page is one that bash can read.
func TestRunbookCommandsAreShell(t *testing.T) {
	var all []string
	for _, page := range append(runbookPages(t), hostilePages()...) {
		for _, command := range fenced(page.text, "sh") {
			if slices.Contains(all, command) {
				continue
			}
			all = append(all, command)
			out, err := exec.Command("bash", "-n", "-c", command).CombinedOutput()
			assert.NoError(t, err, "%s:\n%s\n%s", page.path, command, out)
		}
	}
	assert.Greater(t, len(all), 100)
}
