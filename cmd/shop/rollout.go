// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var (
	errOvertaken = errors.New("a later change of the service has taken over")
	errClosing   = errors.New("the shop shuts down")
)

// Change asks for what change makes of the present settings, and returns when the instances
// are as asked for. It does not stop when ctx is done: a rollout continues after its client
// has disconnected. The next Change stops it, and continues from there.
func (s *service) Change(ctx context.Context, change func(*Settings) error) (Settings, error) {
	ctx, overtake := context.WithCancelCause(context.WithoutCancel(ctx))
	defer overtake(nil)
	settings, err := s.ask(change, overtake)
	if err != nil {
		return settings, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := context.Cause(ctx); err != nil {
		return settings, err
	}
	return settings, s.reconcile(ctx, settings)
}

// ask puts new settings on record and stops the change before.
func (s *service) ask(change func(*Settings) error, overtake context.CancelCauseFunc) (Settings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return s.settings, errClosing
	}
	settings := s.settings.clone()
	if err := change(&settings); err != nil {
		return s.settings, err
	}
	if old, canary := s.settings.Canary, settings.Canary; old != nil && canary != nil &&
		canary.Version == old.Version && settings.Version == old.Version {
		settings.Canary = nil // promoted
	}
	if err := settings.Validate(); err != nil {
		return s.settings, err
	}
	if s.overtake != nil {
		s.overtake(errOvertaken)
	}
	s.settings, s.overtake = settings, overtake
	return settings, nil
}

// freeze stops the change under way and refuses others.
func (s *service) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	if s.overtake != nil {
		s.overtake(errClosing)
	}
}

// reconcile makes the instances what settings ask for: those too many go first, those of
// another version are replaced one after the other, and the canary comes or goes last.
func (s *service) reconcile(ctx context.Context, settings Settings) error {
	s.drain(s.keep(settings)...)
	replaced := false
	for i := range settings.Instances {
		replaces := i < len(s.instances)
		if replaces && s.instances[i].runs(settings) {
			continue
		}
		if replaces && replaced {
			if err := pause(ctx, time.Duration(settings.RolloutPause)); err != nil {
				return err
			}
		}
		in, err := s.newInstance(ctx, settings, s.faults)
		if err != nil {
			return err
		}
		s.drain(s.put(i, in)...)
		replaced = replaces
	}
	return s.reconcileCanary(ctx, settings)
}

// put hands work to in, in place of the i-th instance if there is one.
func (s *service) put(i int, in *instance) (old []*instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i == len(s.instances) {
		s.instances = append(s.instances, in)
		return nil
	}
	old = []*instance{s.instances[i]}
	s.instances[i] = in
	return old
}

func (s *service) reconcileCanary(ctx context.Context, settings Settings) error {
	var canary *instance
	if settings.Canary != nil {
		settings = settings.ofCanary()
		if s.canary != nil && s.canary.runs(settings) {
			return nil
		}
		var err error
		if canary, err = s.newInstance(ctx, settings, s.canaryFaults); err != nil {
			return err
		}
	}
	s.mu.Lock()
	old := s.canary
	s.canary = canary
	s.mu.Unlock()
	if old != nil {
		s.drain(old)
	}
	return nil
}

// keep puts settings in force in the instances that stay, and takes out those that are too many.
func (s *service) keep(settings Settings) (surplus []*instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := settings.Instances; n < len(s.instances) {
		s.instances, surplus = s.instances[:n:n], s.instances[n:]
	}
	for _, in := range s.instances {
		if in.runs(settings) {
			in.settings = settings
		}
	}
	if s.canary != nil && settings.Canary != nil && s.canary.runs(settings.ofCanary()) {
		s.canary.settings = settings.ofCanary()
	}
	return surplus
}

// drain waits for instances that take no new work: they finish their own and send their
// telemetry, or [drainTimeout] passes.
func (s *service) drain(instances ...*instance) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var shutdowns []func() error
	for _, in := range instances {
		shutdowns = append(shutdowns, func() error { return in.shutdown(ctx) })
	}
	if err := allOf(shutdowns...); err != nil {
		slog.Warn("telemetry of an old instance is lost", "service", s.name, "error", err)
	}
}

// pause waits between two steps of a rollout, unless it is stopped.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return context.Cause(ctx)
}
