// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// A Server is one that runs elsewhere and has Prometheus' HTTP API. It cannot hide a metric.
type Server struct {
	api       v1.API
	forgetful bool
	// there are the selections of which there were samples: many queries have the same.
	there map[string]bool
}

// NewServer is the server at the URL. One that is forgetful keeps no exemplars, and is not asked for any.
func NewServer(url string, forgetful bool) (*Server, error) {
	client, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		return nil, err
	}
	return &Server{v1.NewAPI(client), forgetful, map[string]bool{}}, nil
}

// Now is the time.
func (*Server) Now() time.Time { return time.Now() }

func (s *Server) answer(ctx context.Context, c Check, query string, over Range) (values []number, remarks, err error) {
	var result model.Value
	var warnings v1.Warnings
	if over.Length == 0 {
		result, warnings, err = s.api.Query(ctx, query, c.At)
	} else {
		steps := over.Length / over.Step // the last one is now
		result, warnings, err = s.api.QueryRange(ctx, query, v1.Range{Start: c.At.Add(-steps * over.Step), End: c.At, Step: over.Step})
	}
	if err != nil {
		return nil, nil, err
	}
	switch v := result.(type) {
	case *model.Scalar:
		values = append(values, number{v, float64(v.Value)})
	case model.Vector:
		for _, sample := range v {
			values = append(values, number{sample.Metric, float64(sample.Value)})
		}
	case model.Matrix:
		for _, series := range v {
			for _, p := range series.Values {
				values = append(values, number{series.Metric, float64(p.Value)})
			}
		}
	}
	for _, warning := range warnings {
		remarks = errors.Join(remarks, errors.New(warning))
	}
	return values, remarks, nil
}

func (s *Server) has(ctx context.Context, c Check, of selection) (bool, error) {
	series := *of.VectorSelector
	series.OriginalOffset = 0
	query := fmt.Sprintf("last_over_time(%s[%s])", &series, model.Duration(of.from-of.to))
	key := query + of.to.String()
	if s.there[key] {
		return true, nil
	}
	values, _, err := s.answer(ctx, Check{At: c.At.Add(-of.to)}, query, Range{})
	s.there[key] = len(values) > 0
	return s.there[key], err
}

func (s *Server) traced(ctx context.Context, c Check, expr parser.Expr) (bool, error) {
	if s.forgetful {
		return true, nil
	}
	const month = 31 * 24 * time.Hour
	found, err := s.api.QueryExemplars(ctx, expr.String(), c.At.Add(-month), c.At)
	if err != nil {
		return false, err
	}
	for _, series := range found {
		for _, exemplar := range series.Exemplars {
			if exemplar.Labels["trace_id"] != "" {
				return true, nil
			}
		}
	}
	return false, nil
}
