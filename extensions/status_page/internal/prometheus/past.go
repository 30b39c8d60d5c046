// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// At is the result of a query at a time. Nothing is kept of it.
func (c *Client) At(ctx context.Context, query string, at time.Time) (model.Value, error) {
	return once(ctx, c, func(ctx context.Context) (model.Value, error) {
		return c.query(ctx, query, at)
	})
}

// Over is the result of a query over a time. Nothing is kept of it.
func (c *Client) Over(ctx context.Context, query string, r v1.Range) (model.Matrix, error) {
	return once(ctx, c, func(ctx context.Context) (model.Matrix, error) {
		value, err := c.queryRange(ctx, query, r)
		if err != nil {
			return nil, err
		}
		matrix, ok := value.(model.Matrix)
		if !ok {
			return nil, fmt.Errorf("the answer is a %s, not a matrix", value.Type())
		}
		return matrix, nil
	})
}

// Examples are the exemplars of series over a time. Nothing is kept of them.
func (c *Client) Examples(ctx context.Context, query string, from, to time.Time) ([]v1.ExemplarQueryResult, error) {
	return once(ctx, c, func(ctx context.Context) ([]v1.ExemplarQueryResult, error) {
		return c.api.QueryExemplars(ctx, query, from, to)
	})
}

// once asks when it is its turn.
func once[T any](ctx context.Context, c *Client, question func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
		return question(ctx)
	case <-ctx.Done():
		var none T
		return none, errBusy
	}
}
