// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/probe"
)

const text = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  environments: [production]
  checks:
    - {name: home, interval: 10s, http: {url: "https://shop.example.com/"}}
    - {name: db, interval: 30s, environment: staging, from: [eu, us], tcp: {address: "db:5432"}}
    - {name: far, from: [asia], tcp: {address: "db:5432"}}
`

func parse(t *testing.T, text string) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Parse("a.yaml", []byte(text))
	require.NoError(t, problems.Err())
	return c
}

// A bench is a checker that makes no request: asked are the names of checks that were made, by the answer of which the result is.
type bench struct {
	*checker
	spans  *consumertest.TracesSink
	points *consumertest.MetricsSink

	mu    sync.Mutex
	asked []string
	at    []time.Time
	fails map[string]string // steps, by name of the check
	takes time.Duration
	most  int
	now   int
}

func newBench(t *testing.T, config *Config) *bench {
	t.Helper()
	c, err := newChecker(receivertest.NewNopSettings(metadata.Type), config)
	require.NoError(t, err)
	b := &bench{checker: c, spans: &consumertest.TracesSink{}, points: &consumertest.MetricsSink{}, fails: map[string]string{}}
	c.traces, c.metrics = b.spans, b.points
	c.probe = func(ctx context.Context, q *probe.Question) probe.Result {
		b.mu.Lock()
		b.asked, b.at = append(b.asked, q.Check.Name), append(b.at, time.Now())
		b.now++
		b.most = max(b.most, b.now)
		step := b.fails[q.Check.Name]
		b.mu.Unlock()
		start := time.Now()
		select {
		case <-time.After(b.takes):
		case <-ctx.Done():
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now--
		r := probe.Result{Step: step, Start: start, End: time.Now(), Host: "shop.example.com", URL: "https://shop.example.com/", Status: 200, Steps: []probe.Step{{Name: "connect", At: start}}}
		if step != "" {
			r.Why = "because"
		}
		return r
	}
	return b
}

func defaults(change func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	change(c)
	return c
}

// A check is made each interval, at the same times after another catalog, from its locations only.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, defaults(func(c *Config) { c.Location = "eu" }))
		b.follow(parse(t, text))
		time.Sleep(time.Minute)
		synctest.Wait()
		count := func(name string) (n int) {
			for _, one := range b.asked {
				if one == name {
					n++
				}
			}
			return n
		}
		assert.Equal(t, []int{6, 2, 0}, []int{count("home"), count("db"), count("far")})
		first := b.at[slices.Index(b.asked, "home")]
		for i, name := range b.asked {
			if name == "home" {
				assert.Zero(t, b.at[i].Sub(first)%(10*time.Second))
			}
		}
		b.asked, b.at = nil, nil
		b.follow(parse(t, strings.Replace(text, "description", "", 1)))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, []int{6, 2, 0}, []int{count("home"), count("db"), count("far")})
		assert.Zero(t, b.at[slices.Index(b.asked, "home")].Sub(first)%(10*time.Second), "another catalog does not change the times")

		b.asked = nil
		b.follow(&catalog.Catalog{})
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, b.asked)
		b.stop()
		b.follow(parse(t, text))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, b.asked, "it has ended")
	})
}

// What runs when it ends has no result, and the end does not wait for it.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, defaults(func(*Config) {}))
		b.takes = 4 * time.Second
		b.follow(parse(t, text))
		for running := false; !running; {
			time.Sleep(time.Second)
			synctest.Wait()
			b.mu.Lock()
			running = b.now > 0
			b.mu.Unlock()
		}
		before, results := time.Now(), b.spans.SpanCount()
		b.stop()
		assert.Less(t, time.Since(before), b.takes)
		assert.Equal(t, results, b.spans.SpanCount())
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var many strings.Builder
		for i := range 20 {
			fmt.Fprintf(&many, "    - {name: c%d, interval: 10s, tcp: {address: \"a:1\"}}\n", i)
		}
		c := parse(t, "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: a}\nspec:\n  checks:\n"+many.String())
		b := newBench(t, defaults(func(c *Config) { c.MaxChecks, c.MaxConcurrent = 10, 2 }))
		all, more := b.tasks(c)
		assert.Len(t, all, 10)
		assert.Equal(t, 10, more)
		b.takes = 4 * time.Second
		b.follow(c)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, b.most)
		b.stop()
	})
}

func TestResults(t *testing.T) {
	b := newBench(t, defaults(func(c *Config) { c.Location = "eu" }))
	b.fails["home"] = "status"
	all, _ := b.tasks(parse(t, text))
	b.run(t.Context(), &all[0])
	b.run(t.Context(), &all[1])
	require.Equal(t, 2, b.spans.SpanCount())
	resource := b.spans.AllTraces()[0].ResourceSpans().At(0).Resource().Attributes().AsRaw()
	assert.Equal(t, map[string]any{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "user_agent.synthetic.type": "test"}, resource)
	span := b.spans.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	assert.Equal(t, map[string]any{
		"check.name": "home", "check.kind": "http", "check.location": "eu", "check.step": "status", "error.type": "status", "user_agent.synthetic.type": "test",
		"server.address": "shop.example.com", "url.full": "https://shop.example.com/", "http.request.method": "GET", "http.response.status_code": int64(200),
	}, span.Attributes().AsRaw())
	assert.Equal(t, "check home", span.Name())
	assert.Equal(t, ptrace.SpanKindClient, span.Kind())
	assert.Equal(t, ptrace.StatusCodeError, span.Status().Code())
	assert.Equal(t, "status: because", span.Status().Message())
	assert.Equal(t, "connect", span.Events().At(0).Name())
	assert.False(t, span.TraceID().IsEmpty())
	assert.False(t, span.SpanID().IsEmpty())
	passed := b.spans.AllTraces()[1].ResourceSpans().At(0)
	assert.Equal(t, ptrace.StatusCodeUnset, passed.ScopeSpans().At(0).Spans().At(0).Status().Code())
	environment, _ := passed.Resource().Attributes().Get("deployment.environment.name")
	assert.Equal(t, "staging", environment.Str())

	point := func(n int) pmetric.NumberDataPoint {
		m := b.points.AllMetrics()[n].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		assert.Equal(t, "check.time", m.Name())
		return m.Gauge().DataPoints().At(0)
	}
	assert.Equal(t, map[string]any{
		"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "check.name": "home", "check.kind": "http", "check.location": "eu",
		"check.outcome": "failed", "check.step": "status",
	}, point(0).Attributes().AsRaw())
	assert.InDelta(t, float64(time.Now().Unix()), point(0).DoubleValue(), 60)
	outcome, _ := point(1).Attributes().Get("check.outcome")
	assert.Equal(t, "passed", outcome.Str())

	b.traces, b.metrics = nil, nil
	b.run(t.Context(), &all[0])
	assert.Equal(t, 2, b.spans.SpanCount(), "there is no pipeline")
	assert.NotEqual(t, newQuestion(&task{service: deployment.Service{}}).TraceID, newQuestion(&task{}).TraceID)
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"":                       func(*Config) {},
		"catalog: is empty":      func(c *Config) { c.Catalog = component.ID{} },
		"location: has 65 bytes": func(c *Config) { c.Location = strings.Repeat("x", 65) },
		"max_checks: is 0":       func(c *Config) { c.MaxChecks = 0 },
		"max_concurrent: is -1":  func(c *Config) { c.MaxConcurrent = -1 },
	} {
		err := defaults(change).Validate()
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

// The example in the README loads, and the table has each key.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(page), "```yaml\nreceivers:\n")
	example, _, _ := strings.Cut("receivers:\n"+rest, "```")
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(example))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	keys, err := conf.Sub("receivers::checks")
	require.NoError(t, err)
	config := createDefaultConfig().(*Config)
	require.NoError(t, keys.Unmarshal(config))
	require.NoError(t, config.Validate())
	assert.Equal(t, "eu-1", config.Location)
	for _, key := range []string{"catalog", "location", "max_checks", "max_concurrent", "secrets_directory", "ca_file"} {
		assert.Contains(t, string(page), "| `"+key+"` |")
	}
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		document, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(document, "apiVersion:") {
			parse(t, document)
		}
	}
}

func TestStart(t *testing.T) {
	host := componenttest.NewNopHost()
	c, err := newChecker(receivertest.NewNopSettings(metadata.Type), defaults(func(*Config) {}))
	require.NoError(t, err)
	require.NoError(t, c.start(host), "without a catalog there is nothing to do")
	c.stop()
	c.stop()
	missing, err := newChecker(receivertest.NewNopSettings(metadata.Type), defaults(func(c *Config) { c.Catalog = component.MustNewIDWithName("service_catalog", "other") }))
	require.NoError(t, err)
	require.ErrorContains(t, missing.start(host), "service_catalog/other")
	wrong, err := newChecker(receivertest.NewNopSettings(metadata.Type), defaults(func(c *Config) { c.CAFile = filepath.Join(t.TempDir(), "none") }))
	require.NoError(t, err)
	require.ErrorContains(t, wrong.start(host), "ca_file")
}
