// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/alerts/backtest"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger/query"
)

// What a backtest may cost the collector. srectl does the same elsewhere, without these bounds.
const (
	// maxReplayed is the longest time, and maxReplayedSLOs how many SLOs are replayed over it.
	maxReplayed     = 31 * 24 * time.Hour
	maxReplayedSLOs = 20
	// maxReplayedSamples are those of a service: 64 MB of memory. A year of minutes has a million for each environment and group.
	maxReplayedSamples = 4_000_000
	// maxReplaying is how long a backtest may take: less than the minute after which the server stops reading from a client, and takes it for gone.
	maxReplaying = 50 * time.Second
)

// backtests answers programs: there is no page for people, as `srectl backtest` prints tables.
func (s *site) backtests(w http.ResponseWriter, r *http.Request) {
	r.Header.Set("Accept", "application/json")
	s.show(s.backtest).ServeHTTP(w, r)
}

// backtest replays the rules of the collector's catalog over its minute history, as `srectl backtest --url` does.
func (s *site) backtest(r *http.Request) (*page, error) {
	refused := func(what string) error {
		return &failure{http.StatusBadRequest, problem{"The backtest cannot be asked: " + what + ".", "Change the parameters of the URL."}}
	}
	q := r.URL.Query()
	for key, values := range q {
		for _, value := range values {
			if len(value) > maxParameter || !utf8.ValidString(value) {
				return nil, refused(fmt.Sprintf("%s is longer than %d bytes, or no UTF-8", words.Bounded(key, maxCell), maxParameter))
			}
		}
	}
	times := backtest.Times{From: q.Get("from"), To: q.Get("to"), Last: q.Get("last")}
	from, to, err := times.Bounds("", s.Now(), maxReplayed)
	if err != nil {
		return nil, refused(err.Error())
	}
	suggest := q.Get("suggest") == "true"
	if value := q.Get("suggest"); !suggest && value != "" && value != "false" {
		return nil, refused("suggest is neither true nor false")
	}
	selected := backtest.Select(s.Catalog(), q["service"], q["slo"])
	n := 0
	for _, one := range selected {
		n += len(one.Service.SLOs)
	}
	switch {
	case n == 0:
		return nil, notFound("The catalog has no SLO that service and slo name.", "Name a service of the catalog as SERVICE or NAMESPACE/SERVICE, and its SLO.")
	case n > maxReplayedSLOs:
		return nil, refused(fmt.Sprintf("it is about %d SLOs, and %d are the most: name a service and an SLO, or use srectl backtest", n, maxReplayedSLOs))
	}
	select {
	case s.replaying <- struct{}{}:
		defer func() { <-s.replaying }()
	default:
		return nil, &failure{http.StatusServiceUnavailable, problem{"Another backtest is running.", "Try again when it has ended, in a minute at most; or use srectl backtest, which runs elsewhere."}}
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxReplaying)
	defer cancel()
	result, err := s.replay(ctx, backtest.Question{From: from, To: to, Suggest: suggest}, selected)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &failure{http.StatusServiceUnavailable, problem{fmt.Sprintf("The backtest took longer than %s.", catalog.FormatDuration(maxReplaying)), "Ask about one SLO or a shorter time, or use srectl backtest, which runs elsewhere."}}
	case errors.Is(err, errBusy):
		return nil, errBusy
	case err != nil:
		return nil, &failure{http.StatusInternalServerError, problem{"The backtest failed: " + prometheus.Reason(err) + ".", "Ask about fewer SLOs or a shorter time, or use srectl backtest with a Prometheus."}}
	case !result.Measured():
		return nil, notFound("No events of these SLOs are known in this time.", "Ask about a later time, or the collector that owns the SLOs if there are several. SLIs by PromQL need srectl backtest --prometheus.")
	}
	return &page{Title: "Backtest", Body: result}, nil
}

// replay replays one service after the other, which bounds the memory.
func (s *site) replay(ctx context.Context, q backtest.Question, selected []backtest.Selection) (*backtest.Result, error) {
	q.Options = alerts.DefaultOptions()
	q.Options.Translation = s.Translation
	history := query.New(s.readHistory, s.Translation, maxReplayedSamples, s.Now)
	defer history.Forget()
	q.Server = history
	r := &backtest.Result{From: q.From, To: q.To, Outcome: backtest.Outcome{Alerts: []backtest.AlertResult{}}}
	for _, one := range selected {
		answer, err := q.Answer(ctx, one)
		if err != nil {
			return nil, err
		}
		r.Add(answer)
		history.Forget()
	}
	r.Sum(q.To.Sub(q.From))
	return r, nil
}

// readHistory is query.Read: what the keepers of this collector have.
func (s *site) readHistory(ctx context.Context, of ledger.SLO, begin func(string, ledger.Place) error, day func([]ledger.Minute) error) error {
	k, places := s.keeper(of)
	if k == nil {
		return nil
	}
	done, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	now := s.Now()
	for _, at := range places {
		if err := begin(of.Name, at); err != nil {
			return err
		}
		for date := now.Add(-ledger.Reach).UTC().Truncate(ledger.Day); !date.After(now); date = date.Add(ledger.Day) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if minutes := k.Minutes(of, at, date, false); len(minutes) > 0 {
				if err := day(minutes); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
