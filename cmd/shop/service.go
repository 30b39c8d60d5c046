// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A service is one of the shop's five: an HTTP server in front of instances that are replaced while it runs.
type service struct {
	name     string
	exporter ExporterConfig
	tally    *tally
	// The canary has faults of its own: however it takes turns with the others, they fail as they would without it.
	faults, canaryFaults *faults
	// routes adds what the service answers to a new instance.
	routes func(*instance) error

	listener net.Listener
	server   *http.Server

	changing sync.Mutex // held while instances are changed; they change under both locks
	mu       sync.Mutex // guards what follows, and the instances' settings
	settings Settings
	// overtake breaks off the change under way; nil before the first.
	overtake  context.CancelCauseFunc
	closing   bool
	instances []*instance
	canary    *instance // nil when there is none
	// Requests and messages each have turns of their own: where both alternate, one instance of two would get
	// all requests and the other all messages.
	requests, messages turn
}

// A turn counts the pieces of work that were handed out.
type turn uint64

// acquire is the instance whose turn it is; release it when the work is done.
func (s *service) acquire(t *turn) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.next(t)
	in.inFlight.Add(1)
	return in
}

// next gives the canary its share, as evenly as can be, and the rest to the others in turn.
func (s *service) next(t *turn) *instance {
	n := *t
	*t++
	if s.canary == nil {
		return s.instances[n%turn(len(s.instances))]
	}
	share := s.canary.settings.Canary.Share
	before := turn(share * float64(n)) // what the canary has had of n
	if turn(share*float64(n+1)) > before {
		return s.canary
	}
	return s.instances[(n-before)%turn(len(s.instances))]
}

// ServeHTTP hands a request to the instance whose turn it is.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := s.acquire(&s.requests)
	defer in.release()
	in.mux.ServeHTTP(w, r)
}

// take hands a message to the instance whose turn it is.
func (s *service) take(m message) {
	in := s.acquire(&s.messages)
	defer in.release()
	in.consume(m)
}

// Settings are those asked for last; a rollout may still be on its way to them.
func (s *service) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// all are the instances that take work.
func (s *service) all() []*instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.instances)
	if s.canary != nil {
		all = append(all, s.canary)
	}
	return all
}

func (s *service) url() string { return "http://" + s.listener.Addr().String() }

func (s *service) listen(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%s: %w (choose another --ports, or 0 for free ones)", s.name, err)
	}
	s.listener = listener
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: callTimeout}
	return nil
}

// close stops listening and waits for the answers under way, or breaks them off when ctx is done.
func (s *service) close(ctx context.Context) error {
	s.freeze()
	s.changing.Lock() // an instance that drains takes drainTimeout at most
	defer s.changing.Unlock()
	_ = s.listener.Close() // closed once: it is no error that Serve reports it
	var errs []error
	for _, in := range s.all() {
		errs = append(errs, in.idle(ctx))
		in.transport.CloseIdleConnections()
	}
	// The last answers leave at once. Shutdown would wait 5 s for connections that a client
	// has opened and never used.
	const farewell = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	_ = s.server.Shutdown(ctx)
	return errors.Join(append(errs, s.server.Close())...)
}

const (
	// callTimeout bounds one call from one service to another.
	callTimeout = 10 * time.Second
	// flushTimeout bounds what is still done when the shop ends: somebody waits at a terminal.
	flushTimeout = 5 * time.Second
	// drainTimeout bounds what an instance that a rollout replaces may take to end its work and send its telemetry.
	drainTimeout = 20 * time.Second
)
