// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// What is asked in two parts, of which one is seldom asked, is what the question about all of the time gives.
func TestWhatLastsIsAllThatWas(t *testing.T) {
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 2))
		r := newRecord(t)
		begin := now.Add(-6 * hour)
		for n := range 20 {
			from := begin.Add(time.Duration(random.IntN(6*60)) * minute)
			r.write(labels.FromStrings("__name__", "start", "version", strconv.Itoa(n)), from, from.Add(time.Duration(1+random.IntN(90))*minute), minute, func(t time.Time) (float64, bool) {
				return float64(t.Unix()), true
			})
		}
		clock := now
		b := bookOf(r, &clock)
		query := func(length string) string { return "max by (version) (last_over_time(start[" + length + "]))" }
		said := func(get func(at time.Time) (texts []string)) (all []string) {
			for at := begin.Add(hour); at.Before(now); at = at.Add(time.Duration(1+int(at.Unix())%17) * minute) {
				all = append(all, strings.Join(get(at), " "))
			}
			return all
		}
		want := said(func(at time.Time) (texts []string) {
			found, err := b.vector(t.Context(), query("30d"), at)
			require.NoError(t, err)
			for _, s := range found {
				texts = append(texts, fmt.Sprint(s.Metric, " ", s.Value))
			}
			slices.Sort(texts)
			return texts
		})
		r.asked = nil
		assert.Equal(t, want, said(func(at time.Time) (texts []string) {
			found, err := b.lasting(t.Context(), query, at)
			require.NoError(t, err)
			for _, s := range found {
				texts = append(texts, fmt.Sprint(s.Metric, " ", s.Value))
			}
			slices.Sort(texts)
			return texts
		}))
		whole := 0
		for _, asked := range r.asked {
			if strings.Contains(asked, "30d") {
				whole++
			}
		}
		assert.LessOrEqual(t, whole, 5, "once an hour")
		assert.Positive(t, whole)
	}
}

// nothing is a Prometheus in which nothing is recorded.
type nothing struct{}

func (nothing) At(_ context.Context, query string, _ time.Time) (model.Value, error) {
	if strings.HasSuffix(query, "]") {
		return model.Matrix{}, nil
	}
	return model.Vector{}, nil
}

func (nothing) Over(context.Context, string, v1.Range) (model.Matrix, error) { return nil, nil }

func (nothing) Examples(context.Context, string, time.Time, time.Time) ([]v1.ExemplarQueryResult, error) {
	return nil, nil
}

// A page gets what is known, and the book reads again; without anybody who follows it, or if what is known is too old, the page waits.
func TestPromptHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{Source: nothing{}, Catalog: func() *catalog.Catalog { return shop }, Names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes), Now: time.Now})
		look := func() time.Duration { return time.Since(b.Prompt(t.Context(), 5*time.Second, 30*time.Second).Read) }
		assert.Zero(t, look(), "nobody follows it: it is read")
		time.Sleep(10 * time.Second)
		assert.Zero(t, look())
		ctx, stop := context.WithCancel(t.Context())
		readings := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Follow(ctx, time.Hour, func(err error) {
				assert.NoError(t, err)
				readings++
			})
		}()
		synctest.Wait()
		b.setTook(slow)
		time.Sleep(4 * time.Second)
		assert.Equal(t, 4*time.Second, look())
		synctest.Wait()
		assert.Zero(t, readings, "it is young enough")
		time.Sleep(6 * time.Second)
		assert.Equal(t, 10*time.Second, look(), "at once")
		synctest.Wait()
		assert.Equal(t, 1, readings, "it is read then")
		assert.Zero(t, look())
		time.Sleep(30 * time.Second)
		assert.Zero(t, look(), "that is too old to be shown")
		time.Sleep(10 * time.Second)
		assert.Zero(t, look(), "a quick reading is waited for")
		stop()
		<-done
	})
}
