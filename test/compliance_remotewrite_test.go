// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// A writeReceiver judges what a sender of remote write sends, and answers the first requests as it is told.
type writeReceiver struct {
	mu      sync.Mutex
	answers []int // then 204
	// findings are what the specification forbids.
	findings []string
	bodies   []seenBody
	// samples of the requests that were accepted, by the series' labels.
	samples map[string][]prompb.Sample
	native  map[string]int
}

type seenBody struct {
	hash   [32]byte
	at     time.Time
	answer int
}

func (w *writeReceiver) find(what string) {
	if !slices.Contains(w.findings, what) {
		w.findings = append(w.findings, what)
	}
}

func (w *writeReceiver) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.find("a body that ends early")
	}
	answer := http.StatusNoContent
	if len(w.answers) > 0 {
		answer, w.answers = w.answers[0], w.answers[1:]
	}
	w.bodies = append(w.bodies, seenBody{sha256.Sum256(body), time.Now(), answer})
	for name, want := range map[string]string{
		"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0",
	} {
		if got := r.Header.Get(name); got != want {
			w.find("header " + name + ": " + got)
		}
	}
	if !strings.Contains(r.UserAgent(), "/") {
		w.find("header User-Agent: " + r.UserAgent())
	}
	if raw, err := snappy.Decode(nil, body); err != nil { // the block format
		w.find(err.Error())
	} else {
		w.judge(raw, answer/100 == 2)
	}
	out.WriteHeader(answer)
}

// judge reads a request. Only what was accepted counts as written.
func (w *writeReceiver) judge(raw []byte, accepted bool) {
	var request prompb.WriteRequest
	if err := request.Unmarshal(raw); err != nil {
		w.find(err.Error())
		return
	}
	for _, series := range request.Timeseries {
		var last prompb.Label
		name := ""
		var key strings.Builder
		for i, l := range series.Labels {
			if i > 0 && l.Name <= last.Name {
				w.find("labels out of order, or twice: " + last.Name + ", " + l.Name)
			}
			if l.Value == "" {
				w.find("an empty label: " + l.Name)
			}
			if !model.LegacyValidation.IsValidLabelName(l.Name) {
				w.find("a label's name: " + l.Name)
			}
			if last = l; l.Name == model.MetricNameLabel {
				name = l.Value
			}
			key.WriteString(l.Name + "=" + l.Value + ",")
		}
		if !model.LegacyValidation.IsValidMetricName(name) {
			w.find("a metric's name: " + name)
		}
		if len(series.Samples)+len(series.Histograms) == 0 {
			w.find("a series without samples: " + key.String())
		}
		if !accepted {
			continue
		}
		w.native[name] += len(series.Histograms)
		for _, s := range series.Samples {
			if before := w.samples[key.String()]; len(before) > 0 && before[len(before)-1].Timestamp >= s.Timestamp {
				w.find("a sample that is not newer than the one before: " + key.String())
			}
			w.samples[key.String()] = append(w.samples[key.String()], s)
		}
	}
}

// of are the accepted samples of the series whose labels contain all of these.
func (w *writeReceiver) of(labels ...string) (found []prompb.Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, samples := range w.samples {
		if !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(key, l+",") }) {
			found = append(found, samples...)
		}
	}
	return found
}

// What the gateway's exporter sends, by the list of the remote write specification (1.0) for senders: headers, labels, values, order,
// and what it does after a refusal.
func TestComplianceRemoteWriteSender(t *testing.T) {
	receiver := &writeReceiver{answers: []int{500, 503, 204, 400}, samples: map[string][]prompb.Sample{}, native: map[string]int{}}
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	catalog := writeCatalog(t, map[string]string{"demo": service("demo", "{name: availability, objective: 99, sli: {availability: {}}}")})
	c := prepareCollector(t, "gateway", catalog, "OTELCOL_SRE_REMOTE_WRITE="+server.URL+"/api/v1/write")
	c.args = append(c.args, "--config", "builtin:prometheus-remote-write")
	c.start()

	const steps = 20
	began := time.Now().Add(-steps * time.Second)
	for i := range steps {
		metrics := demo(began.Add(time.Duration(i)*time.Second), 50+i)
		odd(metrics, began.Add(time.Duration(i)*time.Second), i == steps-1)
		body, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
		require.NoError(t, err)
		response, err := http.Post("http://"+c.otlpHTTP+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	memory := []string{"__name__=demo_memory_bytes", "instance=a", "job=shop/demo"}
	require.Eventually(t, func() bool {
		return len(receiver.of("__name__=demo_last")) > 0
	}, 2*time.Minute, 100*time.Millisecond, "the last step did not arrive")
	c.stop()

	receiver.mu.Lock()
	assert.Empty(t, receiver.findings)
	// 500 and 503 are tried again, later each time; 400 is not.
	bodies := receiver.bodies
	require.Greater(t, len(bodies), 4)
	assert.Equal(t, bodies[0].hash, bodies[1].hash)
	assert.Equal(t, bodies[0].hash, bodies[2].hash)
	assert.Greater(t, bodies[1].at.Sub(bodies[0].at), time.Second, "no pause before it tries again")
	refused := slices.IndexFunc(bodies, func(b seenBody) bool { return b.answer == http.StatusBadRequest })
	for _, b := range bodies[refused+1:] {
		assert.NotEqual(t, bodies[refused].hash, b.hash, "what was refused with 400 is sent again")
	}
	assert.Positive(t, receiver.native["demo_size_bytes"], "no native histogram")
	receiver.mu.Unlock()

	assert.NotEmpty(t, receiver.of(memory...))
	assert.NotEmpty(t, receiver.of("__name__=demo_duration_seconds_bucket", "le=+Inf"))
	assert.NotEmpty(t, receiver.of("__name__=demo_duration_seconds_count"))
	assert.NotEmpty(t, receiver.of("__name__=demo_duration_seconds_sum"))
	assert.NotEmpty(t, receiver.of("__name__=demo_requests_total", "method=GET"))
	assert.NotEmpty(t, receiver.of("__name__=demo_strange_name", "a_b=first;second", "_1st=leading digit", "text=ü \"quoted\" \\ \n"))
	for instance, is := range map[string]func(float64) bool{
		"a": math.IsNaN, "b": func(f float64) bool { return math.IsInf(f, 1) }, "c": func(f float64) bool { return math.IsInf(f, -1) },
	} {
		samples := receiver.of("__name__=demo_odd", "instance="+instance)
		if assert.NotEmpty(t, samples) {
			assert.True(t, is(samples[0].Value), "%s: %v", instance, samples[0].Value)
		}
	}
	ending := receiver.of("__name__=demo_ending", "instance=a")
	if assert.NotEmpty(t, ending) {
		assert.True(t, value.IsStaleNaN(ending[len(ending)-1].Value), "a series that ends has no stale marker")
	}
}

// odd adds names and values that need care, and, at last, a metric that says so.
func odd(metrics pmetric.Metrics, at time.Time, last bool) {
	all := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	add := func(name string) pcommon.Map {
		m := all.AppendEmpty()
		m.SetName(name)
		p := m.SetEmptyGauge().DataPoints().AppendEmpty()
		p.SetTimestamp(pcommon.NewTimestampFromTime(at))
		p.SetDoubleValue(1)
		return p.Attributes()
	}
	attributes := add("demo.strange/name")
	attributes.PutStr("a.b", "first")
	attributes.PutStr("a_b", "second") // the same label
	attributes.PutStr("1st", "leading digit")
	attributes.PutStr("empty", "")
	attributes.PutStr("text", "ü \"quoted\" \\ \n")
	attributes.PutStr("__reserved__", "x")
	if last {
		add("demo.last")
	}
}
