// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// A question is a query, of now or of the last five minutes.
type question struct {
	promql string
	graph  bool
}

var questions = []question{
	{`load_metric1{job="service-7",http_route="/route/3"}`, false},
	{`sum by (job) (rate(load_metric0_total[2m]))`, false},
	{`sum by (job) (rate(load_metric0_total[2m]))`, true},
	{`quantile by (http_route) (0.99, load_metric1)`, true},
	{`count({__name__=~"load_.+"})`, false},
}

// A row is a number of each server.
type row struct {
	what   string
	format string
	values []float64
}

// report writes what each server needed, and how long its answers take.
func report(ctx context.Context, out io.Writer, servers []*server, samples int) error {
	var rows []row
	for _, one := range []struct {
		what, format string
		of           func(*server) (float64, error)
	}{
		{"processor time, s", "%.1f", func(s *server) (float64, error) {
			used, err := process.ProcessorTime(s.cmd.Process.Pid)
			return used.Seconds(), err
		}},
		{"most memory, MB", "%.0f", func(s *server) (float64, error) {
			_, most, err := process.Memory(s.cmd.Process.Pid)
			return float64(most) / 1e6, err
		}},
		{"disk, bytes a sample", "%.2f", func(s *server) (float64, error) { b, err := s.disk(); return b / float64(samples), err }},
	} {
		r := row{what: one.what, format: one.format}
		for _, s := range servers {
			value, err := one.of(s)
			if err != nil {
				return err
			}
			r.values = append(r.values, value)
		}
		rows = append(rows, r)
	}
	for _, q := range questions {
		r, err := q.ask(ctx, servers)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	if _, err := fmt.Fprintf(out, "| | %s | %s | ratio |\n| --- | --- | --- | --- |\n", servers[0].name, servers[1].name); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(out, "| %s | "+r.format+" | "+r.format+" | %.2f |\n", r.what, r.values[0], r.values[1], r.values[0]/r.values[1]); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the servers in turn, and gives the median time of each. They have to agree.
func (q question) ask(ctx context.Context, servers []*server) (row, error) {
	const times = 15
	taken := make([][]float64, len(servers))
	now := time.Now()
	for range times {
		answers := make([]string, len(servers))
		for i, s := range servers {
			client, err := api.NewClient(api.Config{Address: s.api})
			if err != nil {
				return row{}, err
			}
			began := time.Now()
			var value model.Value
			if q.graph {
				value, _, err = v1.NewAPI(client).QueryRange(ctx, q.promql, v1.Range{Start: now.Add(-5 * time.Minute), End: now, Step: 10 * time.Second})
			} else {
				value, _, err = v1.NewAPI(client).Query(ctx, q.promql, now)
			}
			if err != nil {
				return row{}, fmt.Errorf("%s: %s: %w", s.name, q.promql, err)
			}
			taken[i] = append(taken[i], float64(time.Since(began).Microseconds())/1000)
			answers[i] = value.String()
		}
		if answers[0] != answers[1] || answers[0] == "" {
			return row{}, fmt.Errorf("%s: the answers differ, or there are none:\n%.300s\n%.300s", q.promql, answers[0], answers[1])
		}
	}
	r := row{what: "`" + q.promql + "`, ms", format: "%.1f"}
	if q.graph {
		r.what = "over 5 min: " + r.what
	}
	for i := range servers {
		slices.Sort(taken[i])
		r.values = append(r.values, taken[i][times/2])
	}
	return r, nil
}
