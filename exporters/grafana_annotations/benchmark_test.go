// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

func detailed(id string) deployment.Deployment {
	d := deploy(id, "1.2.3", 0)
	d.Previous, d.Revision, d.Branch = "1.2.2", "0123456789abcdef0123456789abcdef01234567", "main"
	d.Repository, d.Compare = "https://git.example.com/shop/checkout", "https://git.example.com/shop/checkout/compare/1.2.2...1.2.3"
	d.Pipeline, d.RunID, d.RunURL, d.Actor = "build", "77", "https://ci.example.com/runs/77", "alice"
	return d
}

// BenchmarkExport is a record that comes again, one that changes the status of a deployment that is known, and the first of one.
func BenchmarkExport(b *testing.B) {
	for _, name := range []string{"unchanged", "updated", "created"} {
		b.Run(name, func(b *testing.B) {
			grafana := grafanatest.New(token)
			e, _ := started(b, configFor(serve(b, grafana)))
			require.NoError(b, e.push(b.Context(), reported(detailed("one"), deployment.Completed, 5)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d, end := detailed("one"), noon.Add(5*time.Minute)
				switch name {
				case "updated":
					end = end.Add(time.Duration(i+1) * time.Second)
				case "created":
					d.ID = fmt.Sprintf("created-%d", i)
				}
				d.Status = deployment.Completed
				logs := plog.NewLogs()
				d.Write(logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty(), end)
				if err := e.push(b.Context(), logs); err != nil {
					b.Fatal(err)
				}
				if name == "created" {
					grafana.Delete(int64(i + 2)) // the imitation searches them all
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	d := detailed("one")
	d.Status, d.End = deployment.Completed, noon.Add(time.Minute)
	config := &Config{Links: Links{Dashboard: "https://grafana.example.com/d/slo?var-service={service}"}}
	b.ReportAllocs()
	for b.Loop() {
		ofDeployment(&d, nil, config)
	}
}

// BenchmarkOther is a log record that is no event.
func BenchmarkOther(b *testing.B) {
	config := configFor(serve(b, grafanatest.New(token)))
	config.Events = []Event{{Condition: `event_name == "feature_flag.changed"`}}
	e, _ := started(b, config)
	logs := happened("", 1, map[string]any{"http.route": "/"})
	b.ReportAllocs()
	for b.Loop() {
		if err := e.push(b.Context(), logs); err != nil {
			b.Fatal(err)
		}
	}
}
