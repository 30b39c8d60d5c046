// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// workers bound the requests under way.
const workers = 64

// maxRate is what the pacer can still tell apart.
const maxRate = 10_000

// A Load sends requests to the shop, each with an X-Request-Id of its own. It is a closed
// loop: at most [workers] requests are under way, and what a slow shop held up is not made up for.
type Load struct {
	url          string
	mu           sync.Mutex
	rate         float64
	changed      chan struct{} // closed when rate has changed
	sent, failed atomic.Int64
}

// NewLoad sends to url. rate is in requests a second, 0 is none.
func NewLoad(url string, rate float64) *Load {
	return &Load{url: url, rate: rate, changed: make(chan struct{})}
}

// SetRate changes the rate at once.
func (l *Load) SetRate(rate float64) error {
	if err := within("rate", rate, 0, maxRate); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// Rate is in requests a second.
func (l *Load) Rate() float64 {
	rate, _ := l.present()
	return rate
}

func (l *Load) present() (float64, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate, l.changed
}

// Requests counts those that have been answered.
func (l *Load) Requests() Requests {
	return Requests{Sent: l.sent.Load(), Failed: l.failed.Load()}
}

// Run sends until ctx is done, then waits a little for the answers still to come.
func (l *Load) Run(ctx context.Context) {
	const patience = 2 * time.Second
	sending, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: callTimeout}

	due := make(chan struct{})
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range due {
				l.send(sending, client)
			}
		})
	}
	l.pace(ctx, due)
	close(due)
	defer time.AfterFunc(patience, giveUp).Stop()
	wg.Wait()
}

func (l *Load) send(ctx context.Context, client *http.Client) {
	if err := post(ctx, client, l.url, uuid.NewString()); err != nil {
		l.failed.Add(1)
	}
	l.sent.Add(1)
}

// pace says when a request is due. It catches up on at most a tenth of a second.
func (l *Load) pace(ctx context.Context, due chan<- struct{}) {
	const slack = 100 * time.Millisecond
	next := time.Now()
	for {
		rate, changed := l.present()
		var wait <-chan time.Time // none at rate 0: only a change or the end goes on
		if rate > 0 {
			wait = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
			next = time.Now()
			continue
		case <-wait:
		}
		select {
		case <-ctx.Done():
			return
		case due <- struct{}{}:
		}
		next = next.Add(time.Duration(float64(time.Second) / rate))
		if earliest := time.Now().Add(-slack); next.Before(earliest) {
			next = earliest
		}
	}
}
