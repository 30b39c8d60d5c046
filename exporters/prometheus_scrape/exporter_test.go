// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-sre/otelcol-sre/exporters/prometheus_scrape/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// The formats that Prometheus asks for.
const (
	plain       = "text/plain;version=0.0.4"
	openMetrics = "application/openmetrics-text;version=1.0.0"
	protobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// random are metrics of all types with odd names and values.
func random(r *rand.Rand, at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for resource := range 3 {
		rm := md.ResourceMetrics().AppendEmpty()
		attributes := rm.Resource().Attributes()
		attributes.PutStr("service.name", "checkout")
		if resource > 0 {
			attributes.PutStr("service.namespace", "shop")
			attributes.PutStr("service.instance.id", fmt.Sprint("instance-", resource))
			attributes.PutStr("host.name", "a \"host\"\n")
			attributes.PutInt("process.pid", 12)
		}
		metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
		for n := range 12 {
			m := metrics.AppendEmpty()
			m.SetName([]string{"http.server.duration", "queue-size", "1st", "sum_total", "ünï"}[n%5] + strconv.Itoa(n))
			m.SetUnit([]string{"s", "By", "{request}", "1", ""}[n%5])
			m.SetDescription("What \"it\" is:\n\\ of 1.")
			fill(r, m, n, at)
		}
	}
	return md
}

func fill(r *rand.Rand, m pmetric.Metric, n int, at time.Time) {
	for series := range 3 {
		name := func(a pcommon.Map) {
			a.PutStr("http.route", fmt.Sprintf("/a\\b/%d\n\"x\"", series))
			a.PutInt("code", 200)
			a.PutBool("err", series == 1)
		}
		value := []float64{0, 1, -3, 0.1, 1e21, 5e-324, math.Inf(1), float64(r.IntN(1000)), r.Float64()}[r.IntN(9)]
		start, now := pcommon.NewTimestampFromTime(at.Add(-time.Hour)), pcommon.NewTimestampFromTime(at)
		example := func(all pmetric.ExemplarSlice) {
			e := all.AppendEmpty()
			e.SetDoubleValue(0.5)
			e.SetTimestamp(now)
			e.SetTraceID([16]byte{1, byte(series)})
			e.SetSpanID([8]byte{2})
		}
		number := func(p pmetric.NumberDataPoint) {
			name(p.Attributes())
			p.SetTimestamp(now)
			p.SetDoubleValue(value)
			if r.IntN(2) == 0 {
				p.SetIntValue(int64(r.IntN(100)))
			}
		}
		switch n % 6 {
		case 0:
			if series == 0 {
				m.SetEmptyGauge()
			}
			number(m.Gauge().DataPoints().AppendEmpty())
		case 1, 2:
			if series == 0 {
				m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
				m.Sum().SetIsMonotonic(n%6 == 1)
			}
			p := m.Sum().DataPoints().AppendEmpty()
			value = math.Abs(value)
			number(p)
			p.SetStartTimestamp(start)
			example(p.Exemplars())
		case 3:
			if series == 0 {
				m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			}
			p := m.Histogram().DataPoints().AppendEmpty()
			name(p.Attributes())
			p.SetTimestamp(now)
			p.SetStartTimestamp(start)
			p.ExplicitBounds().FromRaw([]float64{0.1, 1, 5})
			p.BucketCounts().FromRaw([]uint64{1, uint64(r.IntN(9)), 3, 4})
			p.SetCount(8 + p.BucketCounts().At(1))
			p.SetSum(12.5)
			example(p.Exemplars())
		case 4:
			if series == 0 {
				m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			}
			p := m.ExponentialHistogram().DataPoints().AppendEmpty()
			name(p.Attributes())
			p.SetTimestamp(now)
			p.SetScale(int32(r.IntN(14) - 4))
			p.Positive().SetOffset(int32(r.IntN(20) - 10))
			p.Positive().BucketCounts().FromRaw([]uint64{1, 0, 3, 4})
			p.Negative().BucketCounts().FromRaw([]uint64{2})
			p.SetZeroCount(3)
			p.SetCount(13)
			p.SetSum(1)
		default:
			if series == 0 {
				m.SetEmptySummary()
			}
			p := m.Summary().DataPoints().AppendEmpty()
			name(p.Attributes())
			p.SetTimestamp(now)
			p.SetCount(5)
			p.SetSum(7)
			q := p.QuantileValues().AppendEmpty()
			q.SetQuantile(0.9)
			q.SetValue(0.7)
		}
	}
}

func get(t testing.TB, url, accept string) (body, contentType string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request) // asks for gzip, and unpacks it
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text), response.Header.Get("Content-Type")
}

// Whatever contrib's prometheus exporter serves of cumulative metrics, this one serves, in every format.
func TestServesWhatContribServes(t *testing.T) {
	strategies := []string{"UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes", "NoUTF8EscapingWithSuffixes", "NoTranslation"}
	for _, strategy := range strategies {
		t.Run(strategy, func(t *testing.T) {
			theirs := prometheusexporter.NewFactory()
			theirConfig := theirs.CreateDefaultConfig().(*prometheusexporter.Config)
			address, err := observed.FreeAddress()
			require.NoError(t, err)
			theirConfig.NetAddr.Endpoint, theirConfig.EnableOpenMetrics, theirConfig.WithoutScopeInfo = address, true, true
			setString(&theirConfig.TranslationStrategy, strategy)
			contrib, err := theirs.CreateMetrics(t.Context(), exportertest.NewNopSettings(theirs.Type()), theirConfig)
			require.NoError(t, err)
			require.NoError(t, contrib.Start(t.Context(), componenttest.NewNopHost()))
			defer func() { require.NoError(t, contrib.Shutdown(t.Context())) }()

			config := createDefaultConfig().(*Config)
			setString(&config.TranslationStrategy, strategy)
			e := newScraped(exportertest.NewNopSettings(metadata.Type), config)
			server := httptest.NewServer(e)
			defer server.Close()

			r := rand.New(rand.NewPCG(1, 17))
			for round := range 5 {
				md := random(r, time.Now().Add(time.Duration(round)*time.Second))
				copied := pmetric.NewMetrics()
				md.CopyTo(copied)
				require.NoError(t, e.push(t.Context(), md))
				require.NoError(t, contrib.ConsumeMetrics(t.Context(), copied))
				for _, accept := range []string{plain, openMetrics, protobuf} {
					want, wantType := get(t, "http://"+address+"/metrics", accept)
					got, gotType := get(t, server.URL, accept)
					require.Equal(t, wantType, gotType)
					require.Equal(t, parsed(t, want, wantType), parsed(t, got, gotType), accept)
				}
			}
		})
	}
}

func setString[T ~string](to *T, s string) { *to = T(s) }

func sortLabels(l []*dto.LabelPair) {
	slices.SortFunc(l, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
}

// parsed are the series of an answer as text, in order.
func parsed(t *testing.T, body, contentType string) (lines []string) {
	t.Helper()
	if strings.Contains(contentType, "protobuf") {
		decoder := expfmt.NewDecoder(strings.NewReader(body), expfmt.NewFormat(expfmt.TypeProtoDelim))
		for {
			var f dto.MetricFamily
			if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err)
			}
			for _, m := range f.GetMetric() {
				sortLabels(m.GetLabel())
				sortLabels(m.GetCounter().GetExemplar().GetLabel())
				for _, b := range m.GetHistogram().GetBucket() {
					sortLabels(b.GetExemplar().GetLabel())
				}
				for _, e := range m.GetHistogram().GetExemplars() {
					sortLabels(e.GetLabel())
				}
				b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
				require.NoError(t, err)
				var again dto.Metric
				require.NoError(t, proto.Unmarshal(b, &again))
				lines = append(lines, fmt.Sprint(f.GetName(), f.GetHelp(), f.GetType(), " ", strings.Join(strings.Fields(prototext.Format(&again)), " ")))
			}
		}
		slices.Sort(lines)
		return lines
	}
	p, err := textparse.New([]byte(body), contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	require.NoError(t, err)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, body)
		switch entry {
		case textparse.EntryHelp:
			name, help := p.Help()
			lines = append(lines, fmt.Sprintf("# HELP %s %s", name, help))
		case textparse.EntryType:
			name, kind := p.Type()
			lines = append(lines, fmt.Sprintf("# TYPE %s %s", name, kind))
		case textparse.EntrySeries:
			var l labels.Labels
			p.Labels(&l)
			_, _, v := p.Series()
			var e exemplar.Exemplar
			p.Exemplar(&e)
			lines = append(lines, fmt.Sprint(l, " ", v, " ", e))
		}
	}
	slices.Sort(lines)
	return lines
}
