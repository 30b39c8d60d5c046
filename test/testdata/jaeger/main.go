// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command jaeger answers searches over spans with Jaeger's own API and memory store: as many as stand in a JSON
// list on standard input, each as the query of a link to Jaeger's page of searches, over a file that a collector's
// file exporter wrote. It prints for each what is wrong with it, or which traces it finds, by their number in the
// file. Tests build it with Jaeger's go.mod; nothing that is released contains it.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"

	"github.com/jaegertracing/jaeger/cmd/query/app/querysvc"
	"github.com/jaegertracing/jaeger/internal/storage/v1/memory"
	"github.com/jaegertracing/jaeger/internal/storage/v2/v1adapter"
	"github.com/jaegertracing/jaeger/tool/app" // files of Jaeger's cmd/query/app
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type answer struct {
	Error string `json:"error,omitempty"`
	Found []int  `json:"found"`
}

func main() {
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string, in io.Reader, out io.Writer) error {
	var searches []string
	if err := json.NewDecoder(in).Decode(&searches); err != nil {
		return err
	}
	// The older of its memory stores: the newer takes the form's error=true, a string, for false in this version.
	store := memory.NewStore()
	numbers, err := read(file, v1adapter.NewTraceWriter(store))
	if err != nil {
		return err
	}
	router := app.NewRouter()
	app.NewAPIHandler(querysvc.NewQueryService(v1adapter.NewTraceReader(store), nil, querysvc.QueryServiceOptions{})).RegisterRoutes(router)
	answers := make([]answer, len(searches))
	for i, search := range searches {
		answers[i] = ask(router, search, numbers)
	}
	return json.NewEncoder(out).Encode(answers)
}

// ask asks as Jaeger's page does: it hands the parameters of its own address on.
func ask(api http.Handler, search string, numbers map[string]int) answer {
	response := httptest.NewRecorder()
	api.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/api/traces?"+search, nil))
	if response.Code != http.StatusOK {
		return answer{Error: response.Body.String()}
	}
	var body struct{ Data []struct{ TraceID string } }
	if err := json.Unmarshal(response.Body.Bytes(), &body); err != nil {
		return answer{Error: err.Error()}
	}
	found := []int{}
	for _, trace := range body.Data {
		found = append(found, numbers[trace.TraceID])
	}
	slices.Sort(found)
	return answer{Found: found}
}

// read stores the spans, and numbers their traces.
func read(name string, store *v1adapter.TraceWriter) (map[string]int, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	numbers := map[string]int{}
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return numbers, nil
		}
		if err != nil {
			return nil, err
		}
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(bytes.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		for _, rs := range traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					id := s.TraceID().String()
					if _, known := numbers[id]; !known {
						numbers[id] = len(numbers)
					}
				}
			}
		}
		if err := store.WriteTraces(context.Background(), traces); err != nil {
			return nil, err
		}
	}
}
