// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxAnswers bounds the cached answers. Most belong to the page of all SLOs.
const maxAnswers = 256

// answers caches recent answers, including failures: a Prometheus with problems gets no more queries than a healthy
// one. A request for a query that is already running waits for its answer.
type answers struct {
	now     func() time.Time
	context context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	recent *lru.Cache[string, *answer]
}

// An answer is complete when done is closed.
type answer struct {
	done  chan struct{}
	at    time.Time // of the question
	value any
	err   error
}

func newAnswers(now func() time.Time) *answers {
	recent, err := lru.New[string, *answer](maxAnswers)
	if err != nil {
		panic(err) // the size is positive
	}
	a := &answers{now: now, recent: recent}
	a.context, a.end = context.WithCancel(context.Background())
	return a
}

// get returns an answer that is no older than that, or runs the query. The query continues if the first caller gives up: others wait
// for its answer.
func (a *answers) get(ctx context.Context, key string, age time.Duration, question func(context.Context) (any, error)) (any, error) {
	asked := a.ask(key, age, question)
	select {
	case <-asked.done:
		return asked.value, asked.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *answers) ask(key string, age time.Duration, question func(context.Context) (any, error)) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.recent.Get(key); ok && !known.stale(a.now(), age) {
		return known
	}
	asked := &answer{done: make(chan struct{}), at: a.now()}
	if err := a.context.Err(); err != nil {
		asked.err = err
		close(asked.done)
		return asked
	}
	a.recent.Add(key, asked)
	a.running.Go(func() {
		defer close(asked.done)
		asked.value, asked.err = question(a.context)
	})
	return asked
}

// stale reports whether the query has to run again. A running query is not stale.
func (a *answer) stale(now time.Time, age time.Duration) bool {
	select {
	case <-a.done:
		if a.err != nil {
			age = min(age, maxFailureAge)
		}
		return now.Sub(a.at) >= age
	default:
		return false
	}
}

func (a *answers) close() {
	a.mu.Lock()
	a.end()
	a.mu.Unlock()
	a.running.Wait()
}
