// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-sre/otelcol-sre/test/searches"
)

// loki stands for Loki with several tenants: what its HTTP API says of taking logs by OTLP and of searching them, with the limits that
// it has by default.
type loki struct {
	*httptest.Server
	tenant string

	mu   sync.Mutex
	kept []line
	busy int // requests that are still to be turned away
}

// A line is a record with its time.
type line struct {
	searches.Record
	at time.Time
}

const (
	oldest     = 7 * 24 * time.Hour // reject_old_samples_max_age
	tooEarly   = 10 * time.Minute   // creation_grace_period
	longest    = 256 << 10          // max_line_size
	mostLabels = 15                 // max_label_names_per_series
	mostFields = 128                // max_structured_metadata_entries_count
)

func startLoki(t *testing.T, tenant string) *loki {
	t.Helper()
	l := &loki{tenant: tenant}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /otlp/v1/logs", l.push)
	mux.HandleFunc("GET /loki/api/v1/query_range", l.queryRange)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Scope-Orgid") != l.tenant {
			http.Error(w, "no org id", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *loki) push(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/x-protobuf" {
		refuse(w, http.StatusUnsupportedMediaType, codes.InvalidArgument, "unsupported content type: "+r.Header.Get("Content-Type"))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy > 0 {
		l.busy--
		refuse(w, http.StatusTooManyRequests, codes.ResourceExhausted, "ingestion rate limit exceeded")
		return
	}
	body, err := unzipped(r)
	request := plogotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, codes.InvalidArgument, err.Error())
		return
	}
	var refused error // the last of them; the other lines are kept
	for _, rl := range request.Logs().ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				kept, err := searches.Kept(rl.Resource().Attributes(), record)
				one := line{kept, record.Timestamp().AsTime()}
				if record.Timestamp() == 0 {
					one.at = record.ObservedTimestamp().AsTime()
				}
				if err = errors.Join(err, one.check(time.Now())); err != nil {
					refused = err
					continue
				}
				l.kept = append(l.kept, one)
			}
		}
	}
	if refused != nil {
		refuse(w, http.StatusBadRequest, codes.InvalidArgument, refused.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (l line) check(now time.Time) error {
	switch {
	case l.at.Before(now.Add(-oldest)):
		return fmt.Errorf("entry for stream '%v' has timestamp too old: %s", l.Stream, l.at)
	case l.at.After(now.Add(tooEarly)):
		return fmt.Errorf("entry for stream '%v' has timestamp too new: %s", l.Stream, l.at)
	case len(l.Line) > longest:
		return fmt.Errorf("max entry size %d bytes exceeded for stream '%v'", longest, l.Stream)
	case len(l.Stream) == 0:
		return errors.New("at least one label pair is required per stream")
	case len(l.Stream) > mostLabels:
		return fmt.Errorf("stream '%v' has %d label names; limit %d", l.Stream, len(l.Stream), mostLabels)
	case len(l.Metadata) > mostFields:
		return fmt.Errorf("stream '%v' has too many structured metadata labels: %d, limit: %d", l.Stream, len(l.Metadata), mostFields)
	}
	return nil
}

// refuse answers as OTLP has it: a status in protobuf.
func refuse(w http.ResponseWriter, code int, grpc codes.Code, message string) {
	body, _ := proto.Marshal(status.New(grpc, message).Proto()) // which is of text and a number
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func unzipped(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	reader, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// window is what a search is of: of these times, and of so many at most.
func window(r *http.Request) (from, to int64, limit int, err error) {
	from, errFrom := strconv.ParseInt(r.FormValue("start"), 10, 64)
	to, errTo := strconv.ParseInt(r.FormValue("end"), 10, 64)
	limit, errLimit := strconv.Atoi(r.FormValue("limit"))
	return from, to, limit, errors.Join(errFrom, errTo, errLimit)
}

// queryRange answers a query of lines: streams, newest line first.
func (l *loki) queryRange(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	all := slices.Clone(l.kept)
	l.mu.Unlock()
	query := r.FormValue("query")
	from, to, limit, err := window(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all = slices.DeleteFunc(all, func(one line) bool { return one.at.UnixNano() < from || one.at.UnixNano() >= to })
	slices.SortStableFunc(all, func(a, b line) int { return b.at.Compare(a.at) })
	records := make([]searches.Record, len(all))
	for i, one := range all {
		records[i] = one.Record
	}
	answers, err := searches.LogQL(r.Context(), records, []string{query})
	if err = errors.Join(err, answers[query].Err); err != nil {
		http.Error(w, "parse error: "+err.Error(), http.StatusBadRequest)
		return
	}
	type stream struct {
		Stream map[string]string `json:"stream"`
		Values [][]string        `json:"values"`
	}
	result := []stream{}
	for _, i := range answers[query].Found[:min(limit, len(answers[query].Found))] {
		result = append(result, stream{all[i].Stream, [][]string{{strconv.FormatInt(all[i].at.UnixNano(), 10), all[i].Line}}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "streams", "result": result}})
}

// explore asks as Grafana's Explore does, and returns the lines.
func (l *loki) explore(t *testing.T, query string) (lines []string) {
	t.Helper()
	now := time.Now()
	var answer struct {
		Status string
		Data   struct {
			ResultType string
			Result     []struct{ Values [][]string }
		}
	}
	askFor(t, l.URL+"/loki/api/v1/query_range", l.tenant, map[string]string{
		"query": query, "limit": "1000", "direction": "backward", "start": strconv.FormatInt(now.Add(-time.Hour).UnixNano(), 10), "end": strconv.FormatInt(now.UnixNano(), 10),
	}, &answer)
	require.Equal(t, "success streams", answer.Status+" "+answer.Data.ResultType)
	for _, stream := range answer.Data.Result {
		for _, value := range stream.Values {
			lines = append(lines, value[1])
		}
	}
	return lines
}

// Of a request with a line that Loki does not take, it keeps the others. The collector does not send it again, and counts it. When Loki
// has too much to do, the collector sends later what it could not now.
func TestLokiTakesWhatItCan(t *testing.T) {
	t.Parallel()
	l := startLoki(t, "shop")
	l.busy = 2
	c := prepareCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_LOKI="+l.URL, "OTELCOL_SRE_LOKI_TENANT=shop")
	c.args = append(c.args, "--config", "builtin:loki", "--config", "yaml:exporters::otlp_http/loki::retry_on_failure::initial_interval: 100ms")
	c.start()
	send := func(service, body string, at time.Time) {
		text := fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeLogs":[{"logRecords":[
			{"timeUnixNano":"%d","body":{"stringValue":%q}},{"timeUnixNano":"%d","body":{"stringValue":"as ever"}}]}]}]}`, service, at.UnixNano(), body, time.Now().UnixNano())
		response, err := http.Post("http://"+c.otlpHTTP+"/v1/logs", "application/json", bytes.NewBufferString(text))
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	found := func(service string) []string { return l.explore(t, `{service_name="`+service+`"}`) }
	send("busy", "later", time.Now())
	assert.Eventually(t, func() bool { return len(found("busy")) == 2 }, patience, 100*time.Millisecond)
	for service, bad := range map[string]struct {
		body string
		at   time.Time
	}{
		"late": {"long ago", time.Now().Add(-8 * 24 * time.Hour)}, "early": {"not yet", time.Now().Add(time.Hour)}, "long": {strings.Repeat("x", longest+1), time.Now()},
	} {
		failed := func() float64 {
			sum, _ := sum(c.own(), "otelcol_exporter_send_failed_log_records", "exporter", "otlp_http/loki")
			return sum
		}
		before := failed()
		send(service, bad.body, bad.at)
		assert.Eventually(t, func() bool { return failed() == before+2 }, patience, 100*time.Millisecond, service)
		assert.Equal(t, []string{"as ever"}, found(service), service)
	}
	c.stop()
}
