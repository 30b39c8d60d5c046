// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// A soak sends steady load with churn: each request brings names, versions, traces and correlation IDs that were not there before.
type soak struct {
	requests int
	known    float64 // spans of the catalog's service
	traces   ptrace.ProtoMarshaler
	logs     plog.ProtoMarshaler
	metrics  pmetric.ProtoMarshaler
}

func (s *soak) resource(r pcommon.Resource, service, version string) {
	r.Attributes().PutStr("service.name", service)
	r.Attributes().PutStr("service.version", version)
	r.Attributes().PutStr("service.instance.id", uuid.NewString())
	r.Attributes().PutStr("deployment.environment.name", "production")
}

// next are the bodies of one request for each signal, by its path.
func (s *soak) next(t *testing.T) map[string][]byte {
	t.Helper()
	s.requests++
	version := fmt.Sprintf("1.%d.0", s.requests/2)
	now := pcommon.NewTimestampFromTime(time.Now())
	td, ld, md := ptrace.NewTraces(), plog.NewLogs(), pmetric.NewMetrics()
	names := []string{"checkout"}
	for n := range 5 {
		names = append(names, fmt.Sprintf("job-%d-%d", s.requests, n))
	}
	for _, name := range names {
		spans := 4
		if name == "checkout" {
			spans = 80
			s.known += float64(spans)
		}
		rs, rl := td.ResourceSpans().AppendEmpty(), ld.ResourceLogs().AppendEmpty()
		s.resource(rs.Resource(), name, version)
		rs.Resource().CopyTo(rl.Resource())
		slice, records := rs.ScopeSpans().AppendEmpty().Spans(), rl.ScopeLogs().AppendEmpty().LogRecords()
		for range spans {
			span := slice.AppendEmpty()
			span.SetTraceID(pcommon.TraceID(uuid.New()))
			id := uuid.New()
			span.SetSpanID(pcommon.SpanID(id[:8]))
			span.SetName("GET /orders")
			span.SetKind(ptrace.SpanKindServer)
			span.SetStartTimestamp(now - pcommon.Timestamp(time.Millisecond))
			span.SetEndTimestamp(now)
			span.Attributes().PutStr("request.id", uuid.NewString())
			if rand.IntN(100) == 0 {
				span.Status().SetCode(ptrace.StatusCodeError)
			}
			if rand.IntN(4) == 0 {
				record := records.AppendEmpty()
				record.SetTimestamp(now)
				record.SetTraceID(span.TraceID())
				record.SetSpanID(span.SpanID())
				record.Body().SetStr("order " + uuid.NewString())
			}
		}
	}
	rm := md.ResourceMetrics().AppendEmpty()
	s.resource(rm.Resource(), names[1], version)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("queue.depth")
	points := m.SetEmptyGauge().DataPoints()
	for n := range 20 {
		p := points.AppendEmpty()
		p.SetTimestamp(now)
		p.SetIntValue(int64(n))
		p.Attributes().PutInt("queue", int64(n))
	}
	// One series of the catalog's service that stays.
	rm = md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "checkout")
	m.CopyTo(rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty())

	bodies := map[string][]byte{}
	var err error
	bodies["/v1/traces"], err = s.traces.MarshalTraces(td)
	require.NoError(t, err)
	bodies["/v1/logs"], err = s.logs.MarshalLogs(ld)
	require.NoError(t, err)
	bodies["/v1/metrics"], err = s.metrics.MarshalMetrics(md)
	require.NoError(t, err)
	return bodies
}

// A footprint is what the process needs at a time, by name.
type footprint map[string]float64

var footprintNames = []string{"heap MB", "RSS MB", "goroutines", "descriptors", "series", "state MB", "store MB"}

func (c *collector) footprint(profile string) footprint {
	c.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	require.NoError(c.t, err)
	_, rss, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rss)[0], 64)
	require.NoError(c.t, err)
	descriptors, err := os.ReadDir(filepath.Join(proc, "fd"))
	require.NoError(c.t, err)
	// The heap is what is left after a garbage collection.
	heap := number(c.t, "http://"+profile+"/debug/pprof/heap?gc=1&debug=1", "# HeapAlloc = ")
	goroutines := number(c.t, "http://"+profile+"/debug/pprof/goroutine?debug=1", "goroutine profile: total ")
	series := 0
	for line := range bytes.Lines(c.exposition()) {
		if line[0] != '#' {
			series++
		}
	}
	return footprint{
		"heap MB": heap / 1e6, "RSS MB": kb / 1e3, "goroutines": goroutines, "descriptors": float64(len(descriptors)), "series": float64(series),
		"store MB": sizeOf(c.t, c.store, "") / 1e6,
	}
}

func mean(values []float64) (mean float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return mean
}

// number is the one that follows a text on a page.
func number(t *testing.T, url, before string) float64 {
	t.Helper()
	status, _, page := talk(t, http.MethodGet, url, "")
	require.Equal(t, http.StatusOK, status, url)
	_, after, found := strings.Cut(page, before)
	require.True(t, found, url)
	value, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	require.NoError(t, err, url)
	return value
}

// sizeOf is the size of the files below a folder, without those below another. Files come and go meanwhile.
func sizeOf(t *testing.T, folder, without string) (bytes float64) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		case path == without:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		info, err := entry.Info()
		if err == nil {
			bytes += float64(info.Size())
		}
		return nil
	}))
	return bytes
}

// A pace is how many requests a second keep a process at a share of one core.
type pace struct {
	pid      int
	requests float64 // a second
	from     time.Time
	used     time.Duration // processor time until from
}

// keep sets the requests a second so that the process needs that share of a core. It looks at the processor time since it last did.
func (p *pace) keep(t *testing.T, share float64) {
	t.Helper()
	now := time.Now()
	used, err := process.ProcessorTime(p.pid)
	require.NoError(t, err)
	if !p.from.IsZero() {
		was := (used - p.used).Seconds() / now.Sub(p.from).Seconds()
		p.requests = min(max(p.requests*min(max(share/max(was, 0.01), 0.8), 1.25), 5), 500)
	}
	p.from, p.used = now, used
}

// A collector at 60 % of one core with churn needs no more in the last third of the time than in the second. In the first, its limits fill up.
// The store is the exception: it keeps history until its retention ends, so its size is only shown.
func TestSoak(t *testing.T) {
	if os.Getenv("SOAK") == "" {
		t.Skip("set SOAK to a duration, or run make soak")
	}
	lasts, err := time.ParseDuration(os.Getenv("SOAK"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, lasts, 3*time.Minute, "limits fill up in a minute, which has to be in the first third")
	every := min(30*time.Second, lasts/18)
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	c := prepareCollector(t, "standalone", catalog, "OTELCOL_SRE_FLUSH_INTERVAL=5s", "GOMAXPROCS=1")
	profile := freeAddress(t)
	// What is remembered for a time is forgotten within the first third, or memory and journal would still fill up.
	c.args = append(c.args, "--config", fmt.Sprintf(`yaml:
extensions:
  pprof: {endpoint: %q}
  status_page: {search: {max_age: %[2]s}}
connectors:
  sli: {deduplicate: {window: %[2]s}}
service:
  extensions: [pprof]`, profile, lasts/12))
	c.start()

	var load soak
	var readings []footprint
	var state []float64 // since the last reading: the journal of sli grows until the next checkpoint, and is cut then
	rate := &pace{pid: c.cmd.Process.Pid, requests: 10}
	adjusted := time.Now()
	begin := time.Now()
	next := time.NewTimer(0)
	defer next.Stop()
	for time.Since(begin) < lasts {
		<-next.C
		next.Reset(time.Duration(float64(time.Second) / rate.requests))
		if time.Since(adjusted) > 5*time.Second {
			rate.keep(t, 0.6)
			adjusted = time.Now()
		}
		for path, body := range load.next(t) {
			response, err := http.Post("http://"+c.otlpHTTP+path, "application/x-protobuf", bytes.NewReader(body))
			require.NoError(t, err)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", path, text)
		}
		state = append(state, sizeOf(t, filepath.Dir(c.store), c.store)/1e6)
		if time.Since(begin) > time.Duration(len(readings)+1)*every {
			now := c.footprint(profile)
			now["state MB"] = mean(state)
			state = state[:0]
			readings = append(readings, now)
			line := fmt.Sprintf("%5s: %.0f requests/s,", time.Since(begin).Round(time.Second), rate.requests)
			for _, name := range footprintNames {
				line += fmt.Sprintf(" %s %.1f,", name, now[name])
			}
			t.Log(strings.TrimSuffix(line, ","))
		}
	}
	third := len(readings) / 3
	require.Positive(t, third)
	of := func(name string, readings []footprint) float64 {
		values := make([]float64, len(readings))
		for i, r := range readings {
			values[i] = r[name]
		}
		return mean(values)
	}
	for _, name := range footprintNames {
		second, last := of(name, readings[third:2*third]), of(name, readings[2*third:])
		t.Logf("%s: %.1f in the second third, %.1f in the last", name, second, last)
		if name != "store MB" {
			assert.LessOrEqual(t, last, second*1.1, "%s grow", name)
		}
	}
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		n, _ := sum(c.scrape(), "slo_events_total", "service_name", "checkout", "slo_name", "availability")
		assert.Equal(collect, load.known, n)
	}, patience, 100*time.Millisecond)
	c.stop()
}
