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
	took  time.Duration
	value any
	err   error
	// next is being asked to take its place; nil if nobody has asked yet.
	next *answer
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

// Ages are how old answers may be. Up to late, an answer that one waits for is given at once and asked for again for those that come later.
type ages struct{ usual, late time.Duration }

// get returns an answer that is young enough, or runs the query. The query continues if the first caller gives up: others wait
// for its answer.
func (a *answers) get(ctx context.Context, key string, oldest ages, question func(context.Context) (any, error)) (any, error) {
	asked := a.ask(key, oldest, question)
	select {
	case <-asked.done:
		return asked.value, asked.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *answers) ask(key string, oldest ages, question func(context.Context) (any, error)) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.recent.Get(key)
	if ok && known.next != nil && known.next.complete() {
		known = known.next
		a.recent.Add(key, known)
	}
	if ok && !known.stale(a.now(), oldest.usual) {
		return known
	}
	usable := ok && known.complete() && known.err == nil && known.took >= slow && !known.stale(a.now(), oldest.late)
	if ok && known.next != nil {
		if usable {
			return known
		}
		return known.next
	}
	asked := &answer{done: make(chan struct{}), at: a.now()}
	if err := a.context.Err(); err != nil {
		asked.err = err
		close(asked.done)
		return asked
	}
	if usable {
		known.next = asked
	} else {
		a.recent.Add(key, asked)
	}
	a.running.Go(func() {
		defer close(asked.done)
		asked.value, asked.err = question(a.context)
		asked.took = a.now().Sub(asked.at)
	})
	if usable {
		return known
	}
	return asked
}

func (a *answer) complete() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// stale reports whether the query has to run again. A running query is not stale.
func (a *answer) stale(now time.Time, age time.Duration) bool {
	if !a.complete() {
		return false
	}
	if a.err != nil {
		age = min(age, maxFailureAge)
	}
	return now.Sub(a.at) >= age
}

func (a *answers) close() {
	a.mu.Lock()
	a.end()
	a.mu.Unlock()
	a.running.Wait()
}
