// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/exporters/prometheus_scrape/internal/metadata"
)

func newTest(tb testing.TB) *scraped {
	tb.Helper()
	return newScraped(exportertest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config))
}

// gauge is one point of a gauge, with a label.
func gauge(name, label string, value float64, at int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
	dp.SetDoubleValue(value)
	dp.SetTimestamp(pcommon.Timestamp(at))
	if label != "" {
		dp.Attributes().PutStr("l", label)
	}
	return md
}

func (e *scraped) text(tb testing.TB, now int64) string {
	tb.Helper()
	var b strings.Builder
	w := bufio.NewWriter(&b)
	require.NoError(tb, e.write(w, expfmt.NewFormat(expfmt.TypeTextPlain), now))
	require.NoError(tb, w.Flush())
	return b.String()
}

func TestSeriesEnd(t *testing.T) {
	e := newTest(t)
	take := func(md pmetric.Metrics, now int64) { require.NoError(t, e.store.take(md, now)) }
	minute := int64(time.Minute)
	take(gauge("g", "a", 1, 1), 0)
	take(gauge("g", "b", 2, 1), minute)
	take(gauge("h", "b", 3, 1), minute)
	take(gauge("g", "b", 1, 0), 2*minute)
	require.Equal(t, "# TYPE g gauge\ng{l=\"a\"} 1\ng{l=\"b\"} 2\n# TYPE h gauge\nh{l=\"b\"} 3\n", e.text(t, 0), "an older point is left out")
	require.Equal(t, "# TYPE g gauge\ng{l=\"b\"} 2\n# TYPE h gauge\nh{l=\"b\"} 3\n", e.text(t, 5*minute+1))

	gone := gauge("g", "b", 0, 2)
	gone.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	take(gone, 2*minute)
	require.Equal(t, "# TYPE g gauge\ng{l=\"a\"} 1\n# TYPE h gauge\nh{l=\"b\"} 3\n", e.text(t, 2*minute))

	e.store.sweep(5*minute + 1)
	require.Len(t, e.store.sets, 1)
	require.Len(t, e.store.order, 1)
	take(gauge("g", "a", 4, 1), 6*minute)
	require.Contains(t, e.text(t, 6*minute), "g{l=\"a\"} 4\n", "it can come again")
	e.store.sweep(20 * minute)
	require.Empty(t, e.store.sets)
	require.Empty(t, e.store.families)
}

func TestNamesThatAreTaken(t *testing.T) {
	e := newTest(t)
	require.NoError(t, e.store.take(gauge("a_total", "", 1, 1), 0))
	md := gauge("a", "", 1, 1)
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	sum.DataPoints().AppendEmpty().SetDoubleValue(2)
	require.EqualError(t, e.store.take(md, 0), `"a" would be the COUNTER "a_total", and there is a GAUGE of that name`)
	require.NoError(t, e.store.take(md, 0), "said once")
	require.Equal(t, "# TYPE a_total gauge\na_total 1\n", e.text(t, 0))
}

func TestLabelsOfTheResource(t *testing.T) {
	e := newTest(t)
	for _, version := range []string{"1", "2"} {
		md := gauge("g", "", 1, 1)
		resource := md.ResourceMetrics().At(0).Resource().Attributes()
		resource.PutStr("service.name", "a")
		resource.PutStr("service.instance.id", "i")
		resource.PutStr("service.version", version)
		attributes := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).Attributes()
		attributes.PutStr("job", "j")
		attributes.PutStr("x.y", "1")
		attributes.PutStr("x_y", "2")
		require.NoError(t, e.store.take(md, 0))
	}
	require.Equal(t, "# TYPE g gauge\ng{exported_job=\"j\",x_y=\"1;2\",job=\"a\",instance=\"i\"} 1\n"+
		"# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{service_version=\"2\",job=\"a\",instance=\"i\"} 1\n",
		sortedFamilies(e.text(t, 0)))
}

// sortedFamilies puts target_info last.
func sortedFamilies(text string) string {
	if info, rest, ok := strings.Cut(text, "# TYPE g gauge"); ok && info != "" {
		return "# TYPE g gauge" + rest + info
	}
	return text
}

func TestLifecycle(t *testing.T) {
	config := createDefaultConfig().(*Config)
	config.NetAddr.Endpoint = "localhost:0"
	e := newScraped(exportertest.NewNopSettings(metadata.Type), config)
	require.NoError(t, e.shutdown(t.Context()), "without a start")
	require.NoError(t, e.start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.push(t.Context(), gauge("g", "", 1, 1)))
	require.NoError(t, e.shutdown(t.Context()))
	config.NetAddr.Endpoint = "localhost:-1"
	require.ErrorContains(t, e.start(t.Context(), componenttest.NewNopHost()), "endpoint: ")
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64][2]string{
		1: {"1", "1.0"}, 0.5: {"0.5", "0.5"}, 1e21: {"1e+21", "1e+21"}, math.Inf(1): {"+Inf", "+Inf"}, math.Inf(-1): {"-Inf", "-Inf"},
	} {
		require.Equal(t, want, [2]string{string(appendNumber(nil, v, false)), string(appendNumber(nil, v, true))})
	}
	require.Equal(t, "NaN", string(appendNumber(nil, math.NaN(), true)))
}

// Whatever comes, what is served can be read.
func FuzzText(f *testing.F) {
	f.Add("name", "label", "value", "help", 1.5)
	f.Add("", "", "\xff\"\\\n", "\n", math.NaN())
	f.Add("ü", "{}", "}", "\\", 0.0)
	f.Fuzz(func(t *testing.T, name, label, value, help string, number float64) {
		e := newTest(t)
		md := gauge(name, "", number, 1)
		m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		m.SetDescription(help)
		m.Gauge().DataPoints().At(0).Attributes().PutStr(label, value)
		err := e.store.take(md, 0)
		for _, family := range e.store.all() {
			require.NotPanics(t, func() { family.proto(e.store.rows(family, 0, nil)) })
		}
		if err == nil {
			require.NotEmpty(t, parsed(t, e.text(t, 0), plain))
		}
	})
}

// budgets are the gauges of n SLOs, as slo emits them.
func budgets(n int, r *rand.Rand) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "otelcol-sre")
	rm.Resource().Attributes().PutStr("service.instance.id", "6b0f3c1e-3f5e-4f0e-9d3c-1c3b6b6f0001")
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	for name, series := range map[string]int{"slo.burn_rate": 8, "slo.error_ratio": 8, "slo.objective": 1, "slo.error_budget.remaining": 1, "slo.error_budget.exhaustion": 1, "slo.state": 1} {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit("1")
		points := m.SetEmptyGauge().DataPoints()
		for i := range n {
			for w := range series {
				dp := points.AppendEmpty()
				dp.SetTimestamp(pcommon.Timestamp(1))
				dp.SetDoubleValue(r.Float64())
				dp.Attributes().PutStr("service.name", fmt.Sprintf("service-%05d", i))
				dp.Attributes().PutStr("service.namespace", "load")
				dp.Attributes().PutStr("deployment.environment.name", "production")
				dp.Attributes().PutStr("slo.name", "availability")
				if series > 1 {
					dp.Attributes().PutStr("slo.window", fmt.Sprint(w+1, "d"))
				}
			}
		}
	}
	return md
}

func BenchmarkTake(b *testing.B) {
	b.ReportAllocs()
	e, md := newTest(b), budgets(1000, rand.New(rand.NewPCG(1, 1)))
	for b.Loop() {
		_ = e.store.take(md, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*md.DataPointCount()), "ns/point")
}

func BenchmarkScrape(b *testing.B) {
	e := newTest(b)
	require.NoError(b, e.push(b.Context(), budgets(10_000, rand.New(rand.NewPCG(1, 1)))))
	for _, encoding := range []string{"gzip", "identity"} {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			var wire int64
			for b.Loop() {
				request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
				request.Header.Set("Accept", openMetrics)
				request.Header.Set("Accept-Encoding", encoding)
				answer := httptest.NewRecorder()
				e.ServeHTTP(answer, request)
				wire, _ = io.Copy(io.Discard, answer.Body)
			}
			b.ReportMetric(float64(wire)/1e6, "MB")
		})
	}
}

// The stated bound of a series of an SLO.
func TestMemoryPerSeries(t *testing.T) {
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	e := newTest(t)
	func() { require.NoError(t, e.push(t.Context(), budgets(5_000, rand.New(rand.NewPCG(1, 1))))) }()
	per := (heap() - before) / (20 * 5_000)
	t.Logf("%.0f bytes a series", per)
	require.Less(t, per, 256.0)
	runtime.KeepAlive(e)
}
