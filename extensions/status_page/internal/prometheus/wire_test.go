// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A said is a Prometheus that says the same to every question.
type said string

func (s said) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}

// readings are what the usual client and this one make of an answer.
func readings(t *testing.T, body string) (usual, own string) {
	t.Helper()
	client, err := api.NewClient(api.Config{Address: "http://prometheus.test", RoundTripper: said(body)})
	require.NoError(t, err)
	value, _, usualErr := v1.NewAPI(client).Query(t.Context(), "q", time.Time{})
	asked := v1.NewAPI(wire{client})
	read, ownErr := read(t.Context(), func(ctx context.Context) (model.Value, error) {
		v, _, err := asked.Query(ctx, "q", time.Time{})
		return v, err
	})
	if ownErr != nil {
		assert.Nil(t, read)
	}
	if usualErr != nil {
		value = nil
	}
	return fmt.Sprintf("%T %v %v", value, value, usualErr), fmt.Sprintf("%T %v %v", read, read, ownErr)
}

// Answers are those that the API's own client reads.
func TestAnswersAreReadAsUsual(t *testing.T) {
	texts := []string{"", "a", "a\"b", `\`, "é", "\u202e", "\x00", "</script>", "service_name", "日本", "\U0001f600", "x"}
	numbers := []string{"1", "0.5", "NaN", "+Inf", "-Inf", "1e-9", "-0", "12345678901234567890"}
	times := []string{"1", "1435781451.781", "1435781451", "0", "-1.5"}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		one := func(of []string) string { return of[random.IntN(len(of))] }
		quoted := func(text string) string {
			q, err := json.Marshal(text)
			require.NoError(t, err)
			return string(q)
		}
		pair := func() string { return "[" + one(times) + `,"` + one(numbers) + `"]` }
		kind, field := "vector", "value"
		if random.IntN(2) == 0 {
			kind, field = "matrix", "values"
		}
		var series []string
		for range random.IntN(4) {
			set := map[string]string{}
			for range random.IntN(4) {
				set[quoted("l"+one(texts))] = quoted(one(texts))
			}
			var pairs, labels []string
			for name, value := range set {
				labels = append(labels, name+" : "+value)
			}
			for range 1 + random.IntN(3) {
				pairs = append(pairs, pair())
			}
			values := pairs[0]
			if kind == "matrix" {
				values = "[" + strings.Join(pairs, ",") + "]"
			}
			series = append(series, `{"metric":{`+strings.Join(labels, ",")+`}, "`+field+`":`+values+"}")
		}
		usual, own := readings(t, `{"status":"success","data":{"resultType":"`+kind+`","result":[`+strings.Join(series, ",")+`]},"warnings":["slow"]}`)
		assert.Equal(t, usual, own, seed)
	}
	for _, body := range []string{
		`{"status":"error","errorType":"execution","error":"too many"}`, `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`, `{"status":"success"}`, `[]`, ``, `{`,
		`{"status":"success","data":{"result":[{"metric":{},"value":[1,"2"]}],"resultType":"vector"}}`, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}`, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2",3]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"3","sum":"4","buckets":[[0,"0","1","3"]]}]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]}}`, `{"status":"success","data":{"resultType":"vector","result":null}}`, `{"status":"success","data":null}`,
	} {
		usual, own := readings(t, body)
		assert.Equal(t, usual, own, body)
	}
}

// BenchmarkAnswer is an answer about 5,000 SLOs, read by the API's own client and by this one.
func BenchmarkAnswer(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"status":"success","data":{"resultType":"vector","result":[`)
	for i := range 5000 {
		if i > 0 {
			text.WriteByte(',')
		}
		_, _ = fmt.Fprintf(&text, `{"metric":{"deployment_environment_name":"production","service_name":"service-%d","service_namespace":"shop","slo_name":"availability"},"value":[1435781451.781,"0.999"]}`, i)
	}
	text.WriteString("]}}")
	client, err := api.NewClient(api.Config{Address: "http://prometheus.test", RoundTripper: said(text.String())})
	require.NoError(b, err)
	for name, asked := range map[string]v1.API{"usual": v1.NewAPI(client), "own": v1.NewAPI(wire{client})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got, err := read(b.Context(), func(ctx context.Context) (model.Value, error) {
					v, _, err := asked.Query(ctx, "q", time.Time{})
					return v, err
				})
				require.NoError(b, err)
				require.Len(b, got, 5000)
			}
		})
	}
}
