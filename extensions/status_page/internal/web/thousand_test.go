// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// thousand is a page of a thousand services that have two versions and an SLO each, an hour long.
func thousand(t testing.TB) *visitor {
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	for ago := time.Hour; ago >= 0; ago -= time.Minute {
		b := newBatch(now.Add(-ago))
		for n := range 1000 {
			service := attributes{"service.name": fmt.Sprint("service-", n), "service.namespace": "shop", "deployment.environment.name": "production"}
			b.slo(service.and("slo.name", "availability"), 0.99, "ok", 0.75, 0.5)
			for v, status := range []string{"completed", "started"} {
				version := service.and("service.version", strconv.Itoa(v), "deployment.id", fmt.Sprint(n, v), "deployment.status", status)
				b.gauge("deployment.start_time", "s", float64(now.Add(-time.Hour+time.Duration(v)*30*time.Minute).Unix()), version)
				b.gauge("deployment.info", "", 1, version)
				b.gauge("deployment.instances", "{instance}", 3, version)
			}
		}
		b.push(t, s)
	}
	return open(t, s.client, &catalog.Catalog{}, "")
}

// BenchmarkDeployments is a look at the page, when the figures of the month are still computed and afterwards. The
// questions are asked anew each second.
func BenchmarkDeployments(b *testing.B) {
	v := thousand(b)
	look := func() time.Duration {
		began := time.Now()
		require.Contains(b, v.page("/deployments"), "500 more services are not shown")
		return time.Since(began)
	}
	b.ReportMetric(look().Seconds(), "s/first-look")
	for strings.Contains(v.page("/deployments"), "is still computing") {
		time.Sleep(100 * time.Millisecond)
	}
	var slowest time.Duration
	for b.Loop() {
		b.StopTimer()
		time.Sleep(1100 * time.Millisecond)
		b.StartTimer()
		slowest = max(slowest, look())
	}
	b.ReportMetric(slowest.Seconds(), "s/slowest-look")
}
