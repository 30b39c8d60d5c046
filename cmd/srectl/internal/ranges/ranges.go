// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package ranges asks a server with Prometheus' API about long times, in pieces that it can answer.
package ranges

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"golang.org/x/sync/errgroup"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

const (
	// stepsAtOnce is how many steps a request asks for: a day of minutes, far below the 11,000 that Prometheus answers.
	stepsAtOnce = 1440
	// fewestSteps is the smallest piece into which a request is divided that the server finds too large.
	fewestSteps = 45
	// together is how many requests are under way at a time.
	together = 4
	// timeout ends a request.
	timeout = 2 * time.Minute
	// maxAnswer bounds the bytes of an answer.
	maxAnswer = 64 << 20
	// MaxSamples is how many samples a server's answers may have before [Server.Forget]: 480 MB of memory.
	MaxSamples = 30_000_000
)

// A Server has Prometheus' HTTP API. It remembers its answers until [Server.Forget]: two catalogs have many queries in common.
type Server struct {
	api     v1.API
	address string
	// asked is called after each answer, one call at a time, with the number of answers so far.
	asked func(answers int)

	mu      sync.Mutex
	answers int
	samples int
	known   map[piece]promql.Matrix
}

// A piece is a part of a range that is asked in one request, in milliseconds.
type piece struct {
	query             string
	first, last, step int64
}

// New is the server at an address, the value of the flag: host:port, or an HTTP URL without /api/v1.
func New(flag, address string) (*Server, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--%s %q is not an address: write one such as http://localhost:9090", flag, terminal.Printable(address, terminal.MaxMessage))
	}
	client, err := api.NewClient(api.Config{Address: full, Client: &http.Client{Timeout: timeout, Transport: bounded{http.DefaultTransport}}})
	if err != nil {
		return nil, err
	}
	return &Server{api: v1.NewAPI(client), address: u.Redacted(), known: map[piece]promql.Matrix{}}, nil
}

// Asks is Source's.
func (*Server) Asks() bool { return true }

// Needs is Source's.
func (*Server) Needs() string {
	return "slo_events_total of the collector, and what the SLIs' queries read"
}

func (s *Server) onAnswer(asked func(answers int)) { s.asked = asked }

// Address is the server's, without a password.
func (s *Server) Address() string { return s.address }

// Forget frees the memory of all answers.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.known)
	s.samples = 0
}

// Files are the rule files of the groups that the server has loaded, by group: on the file depends when Prometheus evaluates
// a group. It is empty if the server does not say.
func (s *Server) Files(ctx context.Context) map[string]string {
	files := map[string]string{}
	loaded, err := s.api.Rules(ctx)
	if err != nil { // a server without rules has the same samples
		return files
	}
	for _, g := range loaded.Groups {
		files[g.Name] = g.File
	}
	return files
}

// Range is the result of a query at first and every step after it until last. It is an error if the server does not answer, or
// with more than [MaxSamples].
func (s *Server) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (promql.Matrix, error) {
	size := step.Milliseconds() * stepsAtOnce
	begin := first.UnixMilli() % step.Milliseconds() // the step's place in its interval
	begin += (first.UnixMilli() - begin) / size * size
	var pieces []piece
	for at := begin; at <= last.UnixMilli(); at += size {
		pieces = append(pieces, piece{query, at, min(at+size-step.Milliseconds(), last.UnixMilli()), step.Milliseconds()})
	}
	results := make([]promql.Matrix, len(pieces))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	for i, p := range pieces {
		group.Go(func() (err error) {
			results[i], err = s.ask(ctx, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return join(results, first.UnixMilli()), nil
}

// join makes one matrix of those of consecutive pieces, without points before first.
func join(pieces []promql.Matrix, first int64) promql.Matrix {
	all := map[string]*promql.Series{}
	for _, matrix := range pieces {
		for _, series := range matrix {
			key := series.Metric.String()
			if all[key] == nil {
				all[key] = &promql.Series{Metric: series.Metric}
			}
			points := series.Floats
			from, _ := slices.BinarySearchFunc(points, first, func(p promql.FPoint, t int64) int { return cmp.Compare(p.T, t) })
			all[key].Floats = append(all[key].Floats, points[from:]...)
		}
	}
	joined := make(promql.Matrix, 0, len(all))
	for _, series := range all {
		if len(series.Floats) > 0 {
			joined = append(joined, *series)
		}
	}
	slices.SortFunc(joined, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return joined
}

// ask asks for a piece, unless the answer is known.
func (s *Server) ask(ctx context.Context, p piece) (promql.Matrix, error) {
	s.mu.Lock()
	matrix, ok := s.known[p]
	s.mu.Unlock()
	if ok {
		return matrix, nil
	}
	matrix, err := s.request(ctx, p)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, series := range matrix {
		s.samples += len(series.Floats)
	}
	if s.samples > MaxSamples {
		return nil, fmt.Errorf("%s answers with more than %d samples of one service: ask for a shorter time, or with --service and --slo for fewer SLOs", s.address, MaxSamples)
	}
	s.known[p] = matrix
	s.answers++
	if s.asked != nil {
		s.asked(s.answers)
	}
	return matrix, nil
}

// request asks for a piece in one request, or in several if the server finds it too large.
func (s *Server) request(ctx context.Context, p piece) (promql.Matrix, error) {
	value, _, err := s.api.QueryRange(ctx, p.query, v1.Range{Start: time.UnixMilli(p.first), End: time.UnixMilli(p.last), Step: time.Duration(p.step) * time.Millisecond})
	if steps := (p.last-p.first)/p.step + 1; err != nil && steps > fewestSteps && tooLarge(err) && ctx.Err() == nil {
		middle := p.first + steps/2*p.step
		left, err := s.request(ctx, piece{p.query, p.first, middle - p.step, p.step})
		if err != nil {
			return nil, err
		}
		right, err := s.request(ctx, piece{p.query, middle, p.last, p.step})
		return join([]promql.Matrix{left, right}, p.first), err
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %s; the query was %s; name a server with Prometheus' API with --prometheus", s.address, reason(err), terminal.Printable(p.query, terminal.MaxMessage))
	}
	found, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s answers a range query with a %s", s.address, value.Type())
	}
	matrix := make(promql.Matrix, 0, len(found))
	for _, stream := range found {
		if len(stream.Histograms) > 0 {
			return nil, fmt.Errorf("%s answers %s with native histograms: only numbers can be replayed", s.address, terminal.Printable(p.query, terminal.MaxMessage))
		}
		series := promql.Series{Metric: labelsOf(stream.Metric), Floats: make([]promql.FPoint, 0, len(stream.Values))}
		for _, v := range stream.Values {
			series.Floats = append(series.Floats, promql.FPoint{T: int64(v.Timestamp), F: float64(v.Value)})
		}
		matrix = append(matrix, series)
	}
	return matrix, nil
}

func labelsOf(metric model.Metric) labels.Labels {
	b := labels.NewScratchBuilder(len(metric))
	for name, value := range metric {
		b.Add(string(name), string(value))
	}
	b.Sort()
	return b.Labels()
}

// tooLarge reports errors of a query that may succeed over a shorter time.
func tooLarge(err error) bool {
	var failed *v1.Error
	return errors.As(err, &failed) && (failed.Type == v1.ErrTimeout || failed.Type == v1.ErrExec || failed.Type == v1.ErrBadData && strings.Contains(failed.Msg, "resolution")) ||
		errors.Is(err, errTooLong)
}

// reason is an error without the address, which the message names, and safe to print.
func reason(err error) string {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return terminal.Printable(err.Error(), terminal.MaxMessage)
}

var errTooLong = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)

// bounded ends answers that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip is http.RoundTripper's.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = &limited{response.Body, maxAnswer}
	}
	return response, err
}

type limited struct {
	io.ReadCloser
	left int
}

// Read is io.Reader's.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
