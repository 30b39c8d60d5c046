// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// The project whose code answers Jaeger's links. The package of its API has a server too, with all its stores.
var jaegerQuery = gotool.Module{
	Path: "github.com/jaegertracing/jaeger", Version: "v1.76.0",
	Sum: "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=", GoModSum: "h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=",
	Sources: []string{
		"cmd/query/app/default_params.go", "cmd/query/app/handler_options.go", "cmd/query/app/http_handler.go", "cmd/query/app/json_marshaler.go",
		"cmd/query/app/otlp_translator.go", "cmd/query/app/query_parser.go", "cmd/query/app/util.go",
	},
}

type jaegerAnswer struct {
	Error string
	Found []int
}

// askJaeger asks searches of the file of traces: for each, the numbers of the traces it finds, or what is wrong with it.
func askJaeger(t *testing.T, telemetry fileSink, searches []string) (answers []jaegerAnswer) {
	t.Helper()
	program, err := gotool.BuildWith(jaegerQuery, "testdata/jaeger")
	require.NoError(t, err)
	asked, err := json.Marshal(searches)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, string(telemetry))
	cmd.Stdin = bytes.NewReader(asked)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	require.NoError(t, json.Unmarshal(out, &answers))
	require.Len(t, answers, len(searches))
	return answers
}

// A request is a trace that a search in Jaeger may find: what it is of, and how it went.
type request struct {
	service, environment string
	failed, slow         bool
}

// requestsOf are requests of each way to a service, in each of its environments and in one it has not.
func requestsOf(service *catalog.Service) (all []request) {
	for _, environment := range append(slices.Clone(service.Environments), "elsewhere") {
		for _, failed := range []bool{false, true} {
			for _, slow := range []bool{false, true} {
				all = append(all, request{service.Name, environment, failed, slow})
			}
		}
	}
	return all
}

// write makes traces of requests in the file, numbered as they are here: in each a caller that fails slowly waits for the service.
func write(t *testing.T, sink fileSink, requests []request) {
	t.Helper()
	file, err := os.Create(string(sink))
	require.NoError(t, err)
	for i, r := range requests {
		traces := ptrace.NewTraces()
		var id pcommon.TraceID
		id[0], id[14], id[15] = 1, byte(i>>8), byte(i)
		span := func(service string, number byte, kind ptrace.SpanKind, slow, failed bool) {
			rs := traces.ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", service)
			rs.Resource().Attributes().PutStr("deployment.environment.name", r.environment)
			s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
			s.SetTraceID(id)
			s.SetSpanID(pcommon.SpanID{number})
			s.SetKind(kind)
			took := time.Millisecond
			if slow {
				took = 10 * time.Minute
			}
			begun := time.Now().Add(-30 * time.Minute)
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(begun))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(begun.Add(took)))
			if failed {
				s.Status().SetCode(ptrace.StatusCodeError)
			}
		}
		span("the caller", 1, ptrace.SpanKindClient, true, true)
		span(r.service, 2, ptrace.SpanKindServer, r.slow, r.failed)
		line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
		require.NoError(t, err)
		_, err = file.Write(append(line, '\n'))
		require.NoError(t, err)
	}
	require.NoError(t, file.Close())
}

// asked reports whether Jaeger's form, which knows of no "or" and no kinds of spans, is to find a request of the SLO's service.
func asked(service *catalog.Service, slo *catalog.SLO, counted bool, r request) bool {
	if r.service != service.Name || len(service.Environments) == 1 && r.environment != service.Environments[0] {
		return false
	}
	switch {
	case counted: // are there any at all?
		return true
	case slo.SLI.Latency != nil:
		return r.slow
	default:
		return r.failed
	}
}

// Every link into Jaeger finds the bad requests of its SLO, whatever the service is called: Jaeger's own API reads the link.
func TestRunbookLinksIntoJaegerFindWhatIsBad(t *testing.T) {
	t.Parallel()
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	services := slices.Concat(loaded.Services, hostileServices())
	var requests []request
	for _, service := range services {
		requests = append(requests, requestsOf(service)...)
	}
	sink := fileSink(filepath.Join(t.TempDir(), "traces.json"))
	write(t, sink, requests)

	o := configured()
	o.Jaeger = "https://jaeger.example.com"
	want := map[string][]int{} // by the search, which says all that it depends on
	for _, service := range services {
		for _, slo := range service.SLOs {
			alone := *service // every link of its pages is about this SLO
			alone.SLOs = []*catalog.SLO{slo}
			for _, page := range pagesOf(&alone, o) {
				badOnes, all, _ := strings.Cut(page.text, "\n## What it counts\n")
				for counted, part := range map[bool]string{false: badOnes, true: all} {
					links, _ := runbooks.Links([]byte(part))
					for _, link := range links {
						search, ok := strings.CutPrefix(link.To, o.Jaeger+"/search?")
						if !ok {
							continue
						}
						want[search] = numbers(requests, func(r request) bool { return asked(service, slo, counted, r) })
						require.NotEmpty(t, want[search], page.path)
					}
				}
			}
		}
	}
	require.Greater(t, len(want), 40)
	searches := slices.Sorted(maps.Keys(want))
	for i, a := range askJaeger(t, sink, searches) {
		search := searches[i]
		assert.Empty(t, a.Error, search)
		assert.Equal(t, want[search], a.Found, search)
		values, err := url.ParseQuery(search)
		require.NoError(t, err)
		assert.Contains(t, []string{"5m", "15m", "30m", "1h", "2h", "3h"}, values.Get("lookback"), "what Jaeger's page has to choose from")
	}
}
