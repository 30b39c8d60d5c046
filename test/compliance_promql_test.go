// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// Every function, aggregation, operator and modifier of PromQL gives the same JSON from the store as from a Prometheus server on a
// copy of its folder, as an instant and as a range. The server is of the version that go.mod pins.
func TestCompliancePromQL(t *testing.T) {
	prometheus, err := gotool.Build("github.com/prometheus/prometheus/cmd/prometheus")
	require.NoError(t, err)
	c := newCollector(t, "standalone", "../examples/catalog")
	const samples, every = 80, 15 * time.Second
	end := time.Now().Truncate(every)
	for i := range samples {
		body, err := pmetricotlp.NewExportRequestFromMetrics(demo(end.Add(time.Duration(i+1-samples)*every), i)).MarshalProto()
		require.NoError(t, err)
		response, err := http.Post("http://"+c.otlpHTTP+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	require.Eventually(t, func() bool { return len(c.samples(`demo_memory_bytes{job="shop/demo",instance="a"}[30m]`)) == samples }, time.Minute, 100*time.Millisecond)
	c.stop()
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(folder, "data"), os.DirFS(c.store)))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "prometheus.yml"), nil, 0o600))
	c.start()
	reference := freeAddress(t)
	startServer(t, "http://"+reference, exec.Command(prometheus, "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+reference))

	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + reference + "/-/ready")
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond)

	at := strconv.FormatInt(end.Unix(), 10)
	kinds := map[string]url.Values{
		"query":       {"time": {at}},
		"query_range": {"start": {strconv.FormatInt(end.Add(-10*time.Minute).Unix(), 10)}, "end": {at}, "step": {"30"}},
	}
	asked, empty, refused := 0, 0, 0
	for _, query := range promQLQueries() {
		for kind, parameters := range kinds {
			parameters.Set("query", query)
			want, status := ask(t, reference, kind, parameters)
			got, gotStatus := ask(t, c.api, kind, parameters)
			asked++
			assert.Equal(t, status, gotStatus, "%s: %s", kind, query)
			assert.Equal(t, want, got, "%s: %s", kind, query)
			switch {
			case status != http.StatusOK:
				refused++
			case strings.Contains(want, `"result":[]`):
				empty++
			}
		}
	}
	t.Logf("%d answers: %d are empty, %d are refusals", asked, empty, refused)
	assert.Greater(t, asked, 600)
	assert.Less(t, empty+refused, asked/3, "these compare little: what is wrong, or experimental, or of the wrong type for a range")
}

// ask returns the answer without what differs from run to run.
func ask(t *testing.T, address, kind string, parameters url.Values) (string, int) {
	t.Helper()
	response, err := http.PostForm("http://"+address+"/api/v1/"+kind, parameters)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var answer struct {
		Data struct {
			ResultType string            `json:"resultType"`
			Result     json.RawMessage   `json:"result"`
			Series     []json.RawMessage `json:"-"`
		} `json:"data"`
	}
	if json.Unmarshal(text, &answer) == nil && json.Unmarshal(answer.Data.Result, &answer.Data.Series) == nil && answer.Data.ResultType == "vector" {
		// The order of an instant's series is that of memory addresses, unless the query sorts.
		slices.SortFunc(answer.Data.Series, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
		sorted, err := json.Marshal(answer.Data.Series)
		require.NoError(t, err)
		return strings.Replace(string(text), string(answer.Data.Result), string(sorted), 1), response.StatusCode
	}
	return string(text), response.StatusCode
}

// demo are some metrics of three instances at a moment: a gauge, a counter that begins anew, two kinds of histograms, and what is
// no number, infinite, or ends.
func demo(at time.Time, step int) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	now, start := pcommon.NewTimestampFromTime(at), pcommon.NewTimestampFromTime(at.Add(-time.Hour))
	for i, instance := range []string{"a", "b", "c"} {
		rm := metrics.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("service.namespace", "shop")
		rm.Resource().Attributes().PutStr("service.name", "demo")
		rm.Resource().Attributes().PutStr("service.instance.id", instance)
		all := rm.ScopeMetrics().AppendEmpty().Metrics()
		gauge := func(name, unit string, value float64, attributes ...string) pmetric.NumberDataPoint {
			m := all.AppendEmpty()
			m.SetName(name)
			m.SetUnit(unit)
			p := m.SetEmptyGauge().DataPoints().AppendEmpty()
			p.SetTimestamp(now)
			p.SetDoubleValue(value)
			for j := 0; j+1 < len(attributes); j += 2 {
				p.Attributes().PutStr(attributes[j], attributes[j+1])
			}
			return p
		}
		gauge("demo.memory", "By", 1e6*(2+math.Sin(float64(step)/7))*float64(i+1))
		gauge("demo.items", "", float64(step%11*(i+1)), "shelf", "upper")
		gauge("demo.odd", "", []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[i])
		gauge("demo.capacity", "", float64(10*(i+1)), "kind", "all")
		if gone := gauge("demo.ending", "", 1); step > 60 {
			gone.SetFlags(gone.Flags().WithNoRecordedValue(true))
		}
		gauge("demo.build", "", 1, "version", "v"+strconv.Itoa(i))

		counter := all.AppendEmpty()
		counter.SetName("demo.requests")
		sum := counter.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for j, method := range []string{"GET", "POST"} {
			p := sum.DataPoints().AppendEmpty()
			p.SetTimestamp(now)
			p.SetStartTimestamp(start)
			p.SetDoubleValue(float64((step % 50) * (i + 1) * (3 + j)))
			p.Attributes().PutStr("method", method)
		}

		classic := all.AppendEmpty()
		classic.SetName("demo.duration")
		classic.SetUnit("s")
		h := classic.SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		hp := h.DataPoints().AppendEmpty()
		hp.SetTimestamp(now)
		hp.SetStartTimestamp(start)
		hp.ExplicitBounds().FromRaw([]float64{0.1, 0.5, 1, 5})
		n := uint64((step + 1) * (i + 1))
		hp.BucketCounts().FromRaw([]uint64{5 * n, 3 * n, 2 * n, n, n})
		hp.SetCount(12 * n)
		hp.SetSum(6.5 * float64(n))

		native := all.AppendEmpty()
		native.SetName("demo.size")
		native.SetUnit("By")
		e := native.SetEmptyExponentialHistogram()
		e.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		ep := e.DataPoints().AppendEmpty()
		ep.SetTimestamp(now)
		ep.SetStartTimestamp(start)
		ep.SetScale(2)
		ep.Positive().SetOffset(3)
		ep.Positive().BucketCounts().FromRaw([]uint64{n, 2 * n, 0, 3 * n})
		ep.SetZeroCount(n)
		ep.SetCount(7 * n)
		ep.SetSum(20 * float64(n))
	}
	return metrics
}

// arguments of each type, those that a function most likely makes something of first.
var arguments = map[parser.ValueType][]string{
	parser.ValueTypeVector: {"demo_memory_bytes", "demo_odd", "demo_size_bytes", "demo_requests_total"},
	parser.ValueTypeMatrix: {"demo_requests_total[5m]", "demo_memory_bytes[3m]", "demo_size_bytes[5m]", "demo_odd[5m]"},
	parser.ValueTypeScalar: {"0.9", "3", "-1", "scalar(demo_build{version=\"v1\"})"},
}

// special are the arguments of functions that need certain ones.
var special = map[string][]string{
	"histogram_quantile":  {"0.9, demo_duration_seconds_bucket", "0.9, demo_size_bytes", "0.5, sum by (le) (rate(demo_duration_seconds_bucket[5m]))"},
	"histogram_quantiles": {`demo_size_bytes, "q", 0.5, 0.9`},
	"histogram_fraction":  {"0, 8, demo_size_bytes", "0, 0.5, demo_duration_seconds_bucket"},
	"label_replace":       {`demo_requests_total, "verb", "$1", "method", "(G.*)"`},
	"label_join":          {`demo_requests_total, "both", "-", "method", "instance"`},
	"absent":              {"demo_memory_bytes", `nothing{job="x"}`},
	"absent_over_time":    {"demo_memory_bytes[5m]", `nothing{job="x"}[5m]`, "demo_ending[1m]"},
	"quantile_over_time":  {"0.5, demo_memory_bytes[5m]"},
	"predict_linear":      {"demo_memory_bytes[5m], 600"},
	"scalar":              {`demo_memory_bytes{instance="a"}`, "demo_memory_bytes"},
	"vector":              {"1", "time()"},
	"info":                {"demo_memory_bytes"},
	"sort_by_label":       {`demo_requests_total, "method"`},
	"sort_by_label_desc":  {`demo_requests_total, "method"`},
	"clamp":               {"demo_memory_bytes, 1.5e6, 4e6", "demo_memory_bytes, 4, 1"},
	"round":               {"demo_memory_bytes, 1000", "demo_memory_bytes"},
}

// promQLQueries are made from the tables of the parser, so that what is new in PromQL is asked for, too.
func promQLQueries() []string {
	queries := []string{
		"demo_memory_bytes", `demo_memory_bytes{instance="a"}`, `demo_memory_bytes{instance!="a"}`, `demo_memory_bytes{instance=~"a|b"}`, `demo_memory_bytes{instance!~"a|b"}`,
		`{__name__=~"demo_.*",instance="a"}`, "nothing", `"text"`, "1.5e3", "0x1f", "time()", "-demo_items", "demo_ending", "demo_odd", "demo_size_bytes", "target_info",
		"demo_memory_bytes offset 5m", "demo_memory_bytes offset -1m", "demo_memory_bytes @ end()", "demo_memory_bytes @ start()", "rate(demo_requests_total[5m] offset 3m)",
		"max_over_time(rate(demo_requests_total[1m])[5m:30s])", "avg_over_time(demo_items[5m:] offset 1m)", "quantile_over_time(0.5, (demo_items * 2)[4m:15s])", "sum(rate(demo_requests_total[5m] @ end()))",
		"demo_items == bool 4", "1 < bool 2", "demo_items > 4 < 9", "2 ^ 3 ^ 2", "1 + 2 * 3 % 4",
		"demo_memory_bytes / on (instance) group_left (version) demo_build", "demo_build * on (instance) group_right (version) demo_requests_total",
		"demo_memory_bytes / ignoring (kind) demo_capacity", "demo_requests_total / on (job) demo_build", "demo_memory_bytes[5m]", "1 / 0", "sum(nothing)", "rate(demo_memory_bytes)", "demo_items{", "sum by (instance (x)",
	}
	for _, name := range slices.Sorted(maps.Keys(parser.Functions)) {
		function := parser.Functions[name]
		if name == "time" {
			continue
		}
		if given, is := special[name]; is {
			for _, arguments := range given {
				queries = append(queries, name+"("+arguments+")")
			}
			continue
		}
		if len(function.ArgTypes) == 0 || function.Variadic != 0 {
			queries = append(queries, name+"()")
		}
		for i := range 4 {
			var given []string
			for _, argument := range function.ArgTypes {
				if all := arguments[argument]; i < len(all) {
					given = append(given, all[i])
				}
			}
			if len(given) == len(function.ArgTypes) && len(given) > 0 {
				queries = append(queries, name+"("+strings.Join(given, ", ")+")")
			}
		}
	}
	for item, text := range parser.ItemTypeStr {
		switch {
		case item.IsComparisonOperator():
			queries = append(queries, "demo_items "+text+" 4", "demo_items "+text+" bool on (instance) demo_capacity", "4 "+text+" demo_items")
		case item.IsSetOperator():
			queries = append(queries, "demo_items "+text+" on (instance) demo_requests_total", "demo_memory_bytes "+text+` demo_memory_bytes{instance="b"}`)
		case slices.Contains([]parser.ItemType{parser.ADD, parser.SUB, parser.MUL, parser.DIV, parser.MOD, parser.POW, parser.ATAN2}, item):
			queries = append(queries, "demo_items "+text+" on (instance) demo_capacity", "demo_items "+text+" 3", "3 "+text+" demo_items", "demo_size_bytes "+text+" demo_size_bytes", "demo_odd "+text+" 0")
		}
	}
	for item, name := range parser.ItemTypeStr {
		if !item.IsAggregator() {
			continue
		}
		parameter := ""
		if item.IsAggregatorWithParam() {
			parameter = map[parser.ItemType]string{parser.COUNT_VALUES: `"value", `, parser.QUANTILE: "0.8, ", parser.LIMIT_RATIO: "0.5, "}[item]
			if parameter == "" {
				parameter = "2, "
			}
		}
		for _, vector := range []string{"demo_requests_total", "demo_odd", "demo_size_bytes"} {
			queries = append(queries, fmt.Sprintf("%s(%s%s)", name, parameter, vector), fmt.Sprintf("%s by (instance) (%s%s)", name, parameter, vector),
				fmt.Sprintf("%s without (instance, method) (%s%s)", name, parameter, vector))
		}
	}
	slices.Sort(queries)
	return slices.Compact(queries)
}
