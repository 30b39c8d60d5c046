// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
)

// An sdk is a process that sends metrics once a minute, as an SDK of OpenTelemetry does.
type sdk struct {
	resource attributes
	from, to time.Duration // before now; to 0 is that it still runs
	metrics  func(s *sent, ran time.Duration)
}

type sent struct {
	metrics pmetric.MetricSlice
	at      time.Time
}

func (s *sent) add(name, unit string, kind pmetric.MetricType, monotonic bool, value float64, of ...string) {
	m := s.metrics.AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	var p pmetric.NumberDataPoint
	if kind == pmetric.MetricTypeGauge {
		p = m.SetEmptyGauge().DataPoints().AppendEmpty()
	} else {
		m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		m.Sum().SetIsMonotonic(monotonic)
		p = m.Sum().DataPoints().AppendEmpty()
	}
	p.SetTimestamp(pcommon.NewTimestampFromTime(s.at))
	p.SetDoubleValue(value)
	for i := 0; i < len(of); i += 2 {
		p.Attributes().PutStr(of[i], of[i+1])
	}
}

func (s *sent) gauge(name, unit string, value float64, of ...string) {
	s.add(name, unit, pmetric.MetricTypeGauge, false, value, of...)
}

func (s *sent) sum(name, unit string, value float64, of ...string) {
	s.add(name, unit, pmetric.MetricTypeSum, false, value, of...)
}

func (s *sent) counter(name, unit string, value float64, of ...string) {
	s.add(name, unit, pmetric.MetricTypeSum, true, value, of...)
}

// A golang uses a share of two processors, and of 1 GB.
func golang(cpu, memory float64) func(*sent, time.Duration) {
	return func(s *sent, ran time.Duration) {
		s.counter("process.cpu.time", "s", 2*0.75*cpu*ran.Seconds(), "cpu.mode", "user")
		s.counter("process.cpu.time", "s", 2*0.25*cpu*ran.Seconds(), "cpu.mode", "system")
		s.sum("go.processor.limit", "{thread}", 2)
		s.sum("go.memory.used", "By", 0.1*memory*1e9, "go.memory.type", "stack")
		s.sum("go.memory.used", "By", 0.9*memory*1e9, "go.memory.type", "other")
		s.sum("go.memory.limit", "By", 1e9)
	}
}

// A jvm has a limit for a part of its pools only, as G1 has.
func jvm(cpu, memory float64) func(*sent, time.Duration) {
	return func(s *sent, _ time.Duration) {
		s.gauge("jvm.cpu.recent_utilization", "1", cpu)
		s.sum("jvm.memory.used", "By", 0.5*memory*1e9, "jvm.memory.type", "heap", "jvm.memory.pool.name", "G1 Eden Space")
		s.sum("jvm.memory.used", "By", 0.5*memory*1e9, "jvm.memory.type", "heap", "jvm.memory.pool.name", "G1 Old Gen")
		s.sum("jvm.memory.limit", "By", 1e9, "jvm.memory.type", "heap", "jvm.memory.pool.name", "G1 Old Gen")
		s.sum("jvm.memory.used", "By", 5e9, "jvm.memory.type", "non_heap", "jvm.memory.pool.name", "Metaspace")
	}
}

func node(cpu, memory float64) func(*sent, time.Duration) {
	return func(s *sent, _ time.Duration) {
		s.gauge("nodejs.eventloop.utilization", "1", cpu)
		for _, space := range []string{"old_space", "new_space"} {
			s.sum("v8js.memory.heap.used", "By", memory*5e8, "v8js.heap.space.name", space)
			s.sum("v8js.memory.heap.limit", "By", 5e8, "v8js.heap.space.name", space)
		}
	}
}

func dotnet(cpu, memory float64) func(*sent, time.Duration) {
	return func(s *sent, ran time.Duration) {
		s.counter("dotnet.process.cpu.time", "s", 4*cpu*ran.Seconds(), "cpu.mode", "user")
		s.sum("dotnet.process.cpu.count", "{cpu}", 4)
		s.sum("dotnet.process.memory.working_set", "By", memory*1e9)
	}
}

func python(cpu, memory float64) func(*sent, time.Duration) {
	return func(s *sent, _ time.Duration) {
		s.gauge("process.cpu.utilization", "1", 0.5*cpu, "cpu.mode", "user")
		s.gauge("process.cpu.utilization", "1", 0.5*cpu, "cpu.mode", "system")
		s.sum("process.memory.usage", "By", memory*1e9)
	}
}

// A pod is what kubelet_stats says of one, with its limits or without.
func pod(limits bool) func(cpu, memory float64) func(*sent, time.Duration) {
	return func(cpu, memory float64) func(*sent, time.Duration) {
		return func(s *sent, _ time.Duration) {
			s.gauge("k8s.pod.cpu.usage", "{cpu}", 2*cpu)
			s.gauge("k8s.pod.memory.working_set", "By", memory*1e9)
			if limits {
				s.gauge("k8s.pod.cpu_limit_utilization", "1", cpu)
				s.gauge("k8s.pod.memory_limit_utilization", "1", memory)
			}
		}
	}
}

// resourceOf is one that the SDK of an instance has.
func resourceOf(version, instance string) attributes {
	of := attributes{"service.name": "checkout", "service.namespace": "shop", "service.instance.id": instance, "deployment.environment.name": "production", "k8s.pod.name": "pod-" + instance}
	if version != "" {
		of["service.version"] = version
	}
	return of
}

// saturated is a shop whose checkout has a good canary since ten minutes, with processes that say how much they use.
func saturated(t *testing.T, strategy otlptranslator.TranslationStrategyOption, processes ...sdk) *visitor {
	t.Helper()
	s := startStoreWith(t, "groups: []", strategy)
	now := time.Now().Truncate(time.Second)
	for ago := 30 * time.Minute; ago >= 0; ago -= 15 * time.Second {
		b := newBatch(now.Add(-ago))
		count := func(version string, perSecond float64, ran time.Duration) {
			if ran > 0 {
				of := attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "service.version": version, "slo.name": "availability"}
				b.counter("slo.events", "{event}", perSecond*ran.Seconds(), of.and("slo.outcome", "good"))
				b.counter("slo.events", "{event}", 0.0001*perSecond*ran.Seconds(), of.and("slo.outcome", "bad"))
			}
		}
		count("1", 100, 31*time.Minute-ago)
		count("2", 20, 10*time.Minute-ago)
		b.push(t, s)
		for i := range processes {
			if p := &processes[i]; ago%time.Minute == 0 && ago <= p.from && ago >= p.to {
				md := pmetric.NewMetrics()
				rm := md.ResourceMetrics().AppendEmpty()
				for _, k := range slices.Sorted(maps.Keys(p.resource)) {
					rm.Resource().Attributes().PutStr(k, p.resource[k])
				}
				p.metrics(&sent{rm.ScopeMetrics().AppendEmpty().Metrics(), now.Add(-ago)}, p.from-ago)
				require.NoError(t, s.ConsumeMetrics(context.Background(), md))
			}
		}
	}
	return openWith(t, s.client, Options{Source: loaded{catalog: parse(t, document("checkout", "payments-team", 1, checkoutSLOs)+document("payment", "payments-team", 2, paymentSLOs))}, Names: names.New(strategy), Translation: strategy, Now: time.Now})
}

// canary are two instances of the version before, of which one is busier, and one of the new version.
func canary(of func(cpu, memory float64) func(*sent, time.Duration)) []sdk {
	return []sdk{
		{resourceOf("1", "a"), 30 * time.Minute, 0, of(0.30, 0.40)},
		{resourceOf("1", "b"), 30 * time.Minute, 0, of(0.32, 0.44)},
		{resourceOf("2", "c"), 10 * time.Minute, 0, of(0.88, 0.42)},
	}
}

const askAboutTwo = "/gate/checkout?version=2&slo=availability"

// Each runtime says in its own way how much it uses. What the store makes of that is read.
func TestSaturationOfRuntimes(t *testing.T) {
	for name, test := range map[string]struct {
		of       func(cpu, memory float64) func(*sent, time.Duration)
		strategy otlptranslator.TranslationStrategyOption
		metrics  [2]string
		share    [2]string // of what; "" is a number of processors, or of bytes
		factors  [2]float64
	}{
		"Go":           {golang, otlptranslator.UnderscoreEscapingWithSuffixes, [2]string{"process.cpu.time", "go.memory.used"}, [2]string{"Go's processors", "Go's limit"}, [2]float64{1, 1}},
		"Go, as is":    {golang, otlptranslator.NoTranslation, [2]string{"process.cpu.time", "go.memory.used"}, [2]string{"Go's processors", "Go's limit"}, [2]float64{1, 1}},
		"JVM":          {jvm, otlptranslator.UnderscoreEscapingWithSuffixes, [2]string{"jvm.cpu.recent_utilization", "jvm.memory.used"}, [2]string{"the JVM's processors", "the JVM's heap"}, [2]float64{1, 1}},
		"Node.js":      {node, otlptranslator.UnderscoreEscapingWithoutSuffixes, [2]string{"nodejs.eventloop.utilization", "v8js.memory.heap.used"}, [2]string{"the event loop's time", "the heap of Node.js"}, [2]float64{1, 1}},
		".NET":         {dotnet, otlptranslator.NoUTF8EscapingWithSuffixes, [2]string{"dotnet.process.cpu.time", "dotnet.process.memory.working_set"}, [2]string{".NET's processors", ""}, [2]float64{1, 1e9}},
		"Python":       {python, otlptranslator.UnderscoreEscapingWithSuffixes, [2]string{"process.cpu.utilization", "process.memory.usage"}, [2]string{"the process's processors", ""}, [2]float64{1, 1e9}},
		"a pod":        {pod(true), otlptranslator.UnderscoreEscapingWithSuffixes, [2]string{"k8s.pod.cpu_limit_utilization", "k8s.pod.memory_limit_utilization"}, [2]string{"the pod's limit", "the pod's limit"}, [2]float64{1, 1}},
		"no limit set": {pod(false), otlptranslator.UnderscoreEscapingWithSuffixes, [2]string{"k8s.pod.cpu.usage", "k8s.pod.memory.working_set"}, [2]string{"", ""}, [2]float64{2, 1e9}},
	} {
		t.Run(name, func(t *testing.T) {
			var got gate.Result
			require.Nil(t, saturated(t, test.strategy, canary(test.of)...).answer(askAboutTwo, "/gate/{slug}", &got))
			assert.Equal(t, gate.Pass, got.Verdict, got.Reason)
			assert.Empty(t, got.Unmeasured)
			require.Len(t, got.Saturation, 2)
			for i, want := range [][6]float64{{1, 0.88, 0.88, 2, 0.31, 0.32}, {1, 0.42, 0.42, 2, 0.42, 0.44}} {
				row := got.Saturation[i]
				assert.Equal(t, []string{"cpu", "memory"}[i], row.Resource)
				assert.Equal(t, "production", row.Environment)
				assert.Equal(t, test.metrics[i], row.Metric)
				assert.Equal(t, test.share[i], row.Of)
				assert.Equal(t, gate.Beside, row.Compared)
				f := test.factors[i]
				for n, value := range []gate.Number{gate.Number(row.Instances) * gate.Number(f), row.Mean, row.Peak, gate.Number(row.OtherInstances) * gate.Number(f), row.OtherMean, row.OtherPeak} {
					assert.InDelta(t, want[n]*f, float64(value), 0.02*f, "%s: number %d", row.Resource, n)
				}
				assert.Equal(t, []string{gate.Risen, gate.Usual}[i], row.State)
			}
			require.Len(t, got.Warnings, 1)
			assert.Contains(t, got.Reason, got.Warnings[0])
			if test.share[0] != "" {
				assert.Equal(t, "CPU (production) rose from 31 % to 88 % of "+test.share[0]+": means of 2 instances of the versions beside it, and of 1 of this one.", got.Warnings[0])
			} else {
				assert.Contains(t, got.Warnings[0], "CPU (production) rose from 0.62 processors to 1.76 processors: means")
			}
		})
	}
}

// A limit fails what is above it for minutes on end, and no other version is.
func TestLimitsOfSaturation(t *testing.T) {
	busy := func(from, to time.Duration, cpu float64, version, instance string) sdk {
		return sdk{resourceOf(version, instance), from, to, golang(cpu, 0.2)}
	}
	quiet := busy(30*time.Minute, 0, 0.3, "1", "a")
	start := busy(10*time.Minute, 0, 0, "2", "c")
	start.metrics = func(s *sent, ran time.Duration) { // it is busy for its first two minutes
		s.counter("process.cpu.time", "s", 2*(0.99*min(ran, 2*time.Minute).Seconds()+0.3*max(0, ran-2*time.Minute).Seconds()))
		s.sum("go.processor.limit", "{thread}", 2)
	}
	for name, test := range map[string]struct {
		processes []sdk
		limit     string
		verdict   gate.Verdict
		reason    string
	}{
		"above it":                 {[]sdk{quiet, busy(10*time.Minute, 0, 0.97, "2", "c")}, "90%25", gate.Fail, `^CPU \(production\) of an instance was above 90 % of Go's processors for \d+m\d+s on end, and up to 97 %; the mean of 1 instance is 97 %\. Of the versions beside it, the mean of 1 instance is 30 %, and the highest 30 %\.`},
		"as a share":               {[]sdk{quiet, busy(10*time.Minute, 0, 0.97, "2", "c")}, "0.9", gate.Fail, `^CPU`},
		"one of two instances":     {[]sdk{quiet, busy(10*time.Minute, 0, 0.3, "2", "b"), busy(10*time.Minute, 0, 0.97, "2", "c")}, "90%25", gate.Fail, `mean of 2 instances is 6\d %`},
		"without a limit it warns": {[]sdk{quiet, busy(10*time.Minute, 0, 0.97, "2", "c")}, "", gate.Pass, `Warning: CPU \(production\) of an instance was above 90 % of Go's processors for`},
		"below it":                 {[]sdk{quiet, busy(10*time.Minute, 0, 0.88, "2", "c")}, "90%25", gate.Pass, `Warning: CPU \(production\) rose from 30 % to 88 %`},
		"as the others":            {[]sdk{busy(30*time.Minute, 0, 0.97, "1", "a"), busy(10*time.Minute, 0, 0.97, "2", "c")}, "90%25", gate.Pass, `Warning: .*, as one of the versions beside it\.`},
		"as those before":          {[]sdk{busy(30*time.Minute, 11*time.Minute, 0.97, "1", "a"), busy(10*time.Minute, 0, 0.97, "2", "c")}, "90%25", gate.Pass, `as one of the versions before it`},
		"when it starts":           {[]sdk{quiet, start}, "90%25", gate.Pass, ``},
		"gone after two minutes":   {[]sdk{quiet, busy(10*time.Minute, 8*time.Minute, 0.97, "2", "c"), busy(7*time.Minute, 0, 0.3, "2", "d")}, "90%25", gate.Pass, ``},
		"one instance after another": {[]sdk{quiet, busy(10*time.Minute, 6*time.Minute, 0.97, "2", "c"), busy(5*time.Minute, 3*time.Minute, 0.97, "2", "d"), busy(2*time.Minute, 0, 0.3, "2", "e")},
			"90%25", gate.Inconclusive, `^CPU \(production\) has been measured for \S+ of the 5m0s that a limit takes\.`},
		"measured for too short":     {[]sdk{quiet, busy(3*time.Minute, 0, 0.2, "2", "c")}, "90%25", gate.Inconclusive, `^CPU \(production\) has been measured for \S+ of the 5m0s that a limit takes\.|^Memory`},
		"not measured":               {nil, "90%25", gate.Inconclusive, `^Nothing measures CPU or memory\. So it is not known whether the limit is kept\. Of 1 SLO,`},
		"measured without a version": {[]sdk{{resourceOf("", "a"), 30 * time.Minute, 0, golang(0.3, 0.3)}}, "90%25", gate.Inconclusive, `^The metrics of CPU and memory do not say their version: set service\.version`},
		"another version measured":   {[]sdk{quiet}, "90%25", gate.Inconclusive, `^No metric of CPU or memory is of version 2 yet\.`},
		"without limits":             {[]sdk{{resourceOf("2", "c"), 10 * time.Minute, 0, pod(false)(0.9, 0.9)}}, "90%25", gate.Inconclusive, `^CPU and memory are measured, but not their limits\.`},
	} {
		t.Run(name, func(t *testing.T) {
			url := askAboutTwo
			if test.limit != "" {
				url += "&max_saturation=" + test.limit
			}
			v := saturated(t, otlptranslator.UnderscoreEscapingWithSuffixes, test.processes...)
			var got gate.Result
			require.Nil(t, v.answer(url, "/gate/{slug}", &got))
			assert.Equal(t, test.verdict, got.Verdict, got.Reason)
			assert.Regexp(t, test.reason, got.Reason)
			page := v.page(url, "Accept", "text/html")
			harmless(t, "gate", page)
			assert.Contains(t, page, got.Unmeasured)
			for _, row := range got.Saturation {
				assert.Contains(t, page, cmp.Or(strings.ReplaceAll(row.Of, "'", "&#39;"), "no limit is known"))
			}
		})
	}
}

// An instance whose name is kept by the next version is of the version that began last; one of another namespace is not of the service.
func TestInstancesOfSaturation(t *testing.T) {
	foreign := resourceOf("2", "z")
	foreign["service.namespace"] = "bank"
	bare := resourceOf("2", "d")
	delete(bare, "service.namespace")
	processes := []sdk{
		{resourceOf("1", "host"), 30 * time.Minute, 10 * time.Minute, jvm(0.2, 0.5)},
		{resourceOf("2", "host"), 9 * time.Minute, 0, jvm(0.6, 0.5)},
		{foreign, 9 * time.Minute, 0, jvm(0.99, 0.99)},
		{bare, 9 * time.Minute, 0, jvm(0.6, 0.5)},
	}
	var got gate.Result
	require.Nil(t, saturated(t, otlptranslator.UnderscoreEscapingWithSuffixes, processes...).answer(askAboutTwo, "/gate/{slug}", &got))
	require.Len(t, got.Saturation, 2)
	assert.Equal(t, 2, got.Saturation[0].Instances)
	assert.InDelta(t, 0.6, float64(got.Saturation[0].Mean), 0.03)
	assert.InDelta(t, 0.2, float64(got.Saturation[0].OtherMean), 0.01)
	assert.Equal(t, gate.Before, got.Saturation[0].Compared)
}

func TestBadLimitsOfSaturation(t *testing.T) {
	v := saturated(t, otlptranslator.UnderscoreEscapingWithSuffixes)
	for _, limit := range []string{"much", "-1", "101%25", "NaN", "inf", "1.5", "%25"} {
		assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, askAboutTwo+"&max_saturation="+limit).StatusCode, limit)
	}
	assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, "/gate/checkout?flag=dark&since=10m&max_saturation=0.9").StatusCode)
	assert.Equal(t, http.StatusOK, v.do(http.MethodGet, strings.Replace(askAboutTwo, "version=2", "version=9", 1)).StatusCode)
}
