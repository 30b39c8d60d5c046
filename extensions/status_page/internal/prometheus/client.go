// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package prometheus queries a Prometheus-compatible API and caches answers for a few seconds: a hundred open
// pages cost the Prometheus as much as one.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

const (
	// MaxAge is the maximum age of cached answers.
	MaxAge = 5 * time.Second
	// Late is the age up to which a prompt client gives an answer at once, while it asks again, if it was slow.
	Late = 30 * time.Second
	// slow is how long an answer takes that nobody should wait for each time.
	slow = 100 * time.Millisecond
	// maxFailureAge is the maximum age of a cached failure.
	maxFailureAge = time.Minute
	// maxConcurrent bounds the queries that are under way.
	maxConcurrent = 4
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 64 << 20
)

// A Client asks one Prometheus.
type Client struct {
	api     v1.API
	timeout time.Duration
	slots   chan struct{}
	answers *answers
	// late is how old an answer may be that is given while it is asked for again; 0 is none.
	late time.Duration
}

// Options are what a client needs.
type Options struct {
	// Endpoint is the base URL, without /api/v1.
	Endpoint string
	HTTP     *http.Client
	// Timeout bounds a query, the wait for its turn included.
	Timeout time.Duration
	// Now is the clock of the cache.
	Now func() time.Time
}

// New returns a client that lives until it is closed.
func New(o Options) (*Client, error) {
	bounded := *o.HTTP
	bounded.Transport = boundedTransport{bounded.Transport}
	client, err := api.NewClient(api.Config{Address: o.Endpoint, Client: &bounded})
	if err != nil {
		return nil, err
	}
	return &Client{
		api: v1.NewAPI(wire{client}), timeout: o.Timeout, slots: make(chan struct{}, maxConcurrent), answers: newAnswers(o.Now),
	}, nil
}

// Prompt is the same client for pages that rather show what was known some seconds ago than wait for a slow answer: see [Late].
func (c *Client) Prompt() *Client {
	prompt := *c
	prompt.late = Late
	return &prompt
}

// Close ends what is under way and waits for it.
func (c *Client) Close() { c.answers.close() }

// Instant is the current result of a query.
func (c *Client) Instant(ctx context.Context, query string) (model.Vector, error) {
	return c.Kept(ctx, query, MaxAge)
}

// Kept is a cached result of at most that age, or the current one: for expensive queries.
func (c *Client) Kept(ctx context.Context, query string, age time.Duration) (model.Vector, error) {
	return ask(ctx, c, query, age, func(ctx context.Context) (model.Vector, error) {
		value, err := c.query(ctx, query, time.Time{})
		if err != nil {
			return nil, err
		}
		vector, ok := value.(model.Vector)
		if !ok {
			return nil, fmt.Errorf("the answer is a %s, not a vector", value.Type())
		}
		return vector, nil
	})
}

// query is the result at a time, or now if that is zero.
func (c *Client) query(ctx context.Context, query string, at time.Time) (model.Value, error) {
	return read(ctx, func(ctx context.Context) (model.Value, error) {
		value, _, err := c.api.Query(ctx, query, at)
		return value, err
	})
}

func (c *Client) queryRange(ctx context.Context, query string, r v1.Range) (model.Value, error) {
	return read(ctx, func(ctx context.Context) (model.Value, error) {
		value, _, err := c.api.QueryRange(ctx, query, r)
		return value, err
	})
}

// A Period is the time range of a query.
type Period struct {
	Start, End time.Time
	Step       time.Duration
}

// LastOf is the period of that length until now, on steps of the clock: those who ask within one step ask the same.
func LastOf(length time.Duration, points int, now time.Time) Period {
	step := max(length/time.Duration(points), time.Second).Truncate(time.Second)
	end := now.Truncate(step).Add(step)
	return Period{end.Add(-length).Truncate(step), end, step}
}

// Between is the period from one time to another, with that many points or fewer.
func Between(from, to time.Time, points int) Period {
	step := max((to.Sub(from)+time.Duration(points)*time.Second-1)/time.Duration(points), time.Second).Truncate(time.Second)
	return Period{from, to, step}
}

// leastShown is the shortest period that a picture is drawn of.
const leastShown = 10 * time.Minute

// Since is the period without its beginning, if nothing was known then: a store that is minutes old fills its pictures.
func (p Period) Since(matrices ...model.Matrix) Period {
	earliest := p.End
	for _, matrix := range matrices {
		for _, series := range matrix {
			if len(series.Values) > 0 && series.Values[0].Timestamp.Time().Before(earliest) {
				earliest = series.Values[0].Timestamp.Time()
			}
		}
	}
	if from := earliest.Add(-p.Step); from.After(p.Start) {
		p.Start = from
	}
	if longest := p.End.Add(-leastShown); p.Start.After(longest) {
		p.Start = longest
	}
	return p
}

// Finer is a shorter period that holds all that is known, if what is known would be a few points only.
func (p Period) Finer(known Period, points int, now time.Time) (Period, bool) {
	for _, length := range []time.Duration{leastShown, time.Hour} {
		if known.End.Sub(known.Start) <= length && length*4 < p.End.Sub(p.Start) {
			return LastOf(length, points, now), true
		}
	}
	return p, false
}

// Range is the result of a query over a period.
func (c *Client) Range(ctx context.Context, query string, p Period) (model.Matrix, error) {
	key := fmt.Sprintf("%d %d %d %s", p.Start.Unix(), p.End.Unix(), p.Step, query)
	return ask(ctx, c, key, MaxAge, func(ctx context.Context) (model.Matrix, error) {
		value, err := c.queryRange(ctx, query, v1.Range(p))
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

// Exemplars are requests that the samples of a query's series name as examples, over a period. Its step is of no use.
func (c *Client) Exemplars(ctx context.Context, query string, p Period) ([]v1.ExemplarQueryResult, error) {
	key := fmt.Sprintf("exemplars %d %d %s", p.Start.Unix(), p.End.Unix(), query)
	return ask(ctx, c, key, MaxAge, func(ctx context.Context) ([]v1.ExemplarQueryResult, error) {
		return c.api.QueryExemplars(ctx, query, p.Start, p.End)
	})
}

// Alerts are those that fire or are about to.
func (c *Client) Alerts(ctx context.Context) ([]v1.Alert, error) {
	return ask(ctx, c, "/api/v1/alerts", MaxAge, func(ctx context.Context) ([]v1.Alert, error) {
		result, err := c.api.Alerts(ctx)
		return result.Alerts, err
	})
}

// ask gets an answer from the cache, or from Prometheus when a slot is free.
func ask[T any](ctx context.Context, c *Client, key string, usual time.Duration, question func(context.Context) (T, error)) (T, error) {
	value, err := c.answers.get(ctx, key, ages{usual, usual + c.late}, func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
			return question(ctx)
		case <-ctx.Done():
			return nil, errBusy
		}
	})
	if err != nil {
		var none T
		return none, err
	}
	return value.(T), nil
}

var errBusy = errors.New("too many queries are waiting")

// Hangs reports whether there was no answer in time, so that another query would hang too.
func Hangs(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errBusy)
}

// maxReason bounds quoted errors.
const maxReason = 240

// Reason says in a line why there is no answer, without details that do not help a reader.
func Reason(err error) string {
	var refused *v1.Error
	reason := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		reason = "no answer in time"
	case errors.As(err, &refused):
		reason = refused.Msg
	}
	if _, after, found := strings.Cut(reason, ": dial "); found {
		reason = "dial " + after
	}
	reason = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(reason, ""))
	if runes := []rune(reason); len(runes) > maxReason {
		reason = string(runes[:maxReason]) + "…"
	}
	return reason
}

// A boundedTransport does not read answers without end.
type boundedTransport struct{ http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	next := t.RoundTripper
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, maxAnswer}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
