// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// formerly lets the SLO take over what was counted under its former name, if that is not in the catalog any more. Senders that do not know the
// new name yet go on counting under the old one.
func (p *sloProcessor) formerly(slos map[key]*tracked, old key, t *tracked) {
	if slos[old] != nil {
		return
	}
	if t.succeed(p.shards[old.shard()].leave(old)) {
		p.logger.Info("The history of an SLO goes on under its new name", zap.String("service.namespace", cut(t.namespace)),
			zap.String(semconv.ServiceName, cut(t.service)), zap.String("from", cut(old.slo)), zap.String(semconv.SLOName, cut(t.slo)))
	}
	slos[old] = t
}

// leave removes the SLO from the shard, and returns it; nil if there is none.
func (s *shard) leave(k key) *tracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.slos[k]
	if t != nil {
		t.objective = nil // what is about to be counted in it comes again under the new name
		delete(s.slos, k)
		s.changed, s.due = true, 0 // with the next save, as the shard that it goes to
	}
	return t
}

// succeed takes the instances of the SLO that was, for environments that nothing has been counted in. What was emitted of it ends.
func (t *tracked) succeed(was *tracked) (taken bool) {
	if was == nil {
		return false
	}
	s := t.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range was.instances {
		if old.shown.objective != nil {
			s.ended = append(s.ended, old.end(was))
		}
		i := t.instance(old.place())
		if !t.objective.fits(old.group) || i != nil && i.received != 0 {
			s.drop(old)
			continue
		}
		if old.history != nil {
			old.history.fit(t.objective)
		}
		if i != nil {
			*i = *old
		} else {
			t.instances = append(t.instances, old)
		}
		taken = true
	}
	t.audited = max(t.audited, was.audited)
	s.changed, s.due = true, 0
	t.lookNow()
	return taken
}
