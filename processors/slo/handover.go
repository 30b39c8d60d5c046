// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/cumulative"
)

// peersHandler answers peers.
func (p *sloProcessor) peersHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathClaims, p.serveClaims)
	mux.HandleFunc("POST "+pathHistory, p.serveHistory)
	mux.HandleFunc("POST "+pathLegacy, p.serveLegacy)
	return mux
}

// serveClaims takes the claims of a peer and answers with those of this collector. A stronger claim silences this one at once.
func (p *sloProcessor) serveClaims(w http.ResponseWriter, r *http.Request) {
	var theirs message
	if err := json.NewDecoder(r.Body).Decode(&theirs); err != nil {
		http.Error(w, "the body is no list of claims", http.StatusBadRequest)
		return
	}
	p.peers.hear(theirs, "", p.now().UnixNano())
	p.settle()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(message{p.peers.name, p.claims()}) // the client's loss
}

// serveHistory answers with what this collector knows of the SLOs asked for, as a record of a checkpoint.
func (p *sloProcessor) serveHistory(w http.ResponseWriter, r *http.Request) {
	var wanted message
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || len(wanted.Claims) > maxInherited {
		http.Error(w, fmt.Sprintf("the body is no list of at most %d claims", maxInherited), http.StatusBadRequest)
		return
	}
	subjects := make([]subject, len(wanted.Claims))
	for i := range wanted.Claims {
		subjects[i] = wanted.Claims[i].subject()
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(p.record(subjects)) // the client's loss
}

// record is what this collector knows of the subjects, as a record of a checkpoint.
func (p *sloProcessor) record(subjects []subject) []byte {
	b := encoder{Writer: make(checkpoint.Writer, 0, 1<<16), chunks: true}
	b.time(0)
	b.Length(len(subjects))
	for _, s := range subjects {
		p.encodeHistory(&b, s)
	}
	return b.Writer
}

// encodeHistory writes the SLO with the one instance; without any if it is not known.
func (p *sloProcessor) encodeHistory(b *encoder, of subject) {
	s := &p.shards[of.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &tracked{key: of.key}
	if t := s.slos[of.key]; t != nil {
		if i := t.instance(of.environment); i != nil {
			one.instances = []*instance{i}
		}
	}
	b.slo(one)
}

// inherit fetches the history of SLOs whose counters have come here, from the peer that remembers most. Counters
// are cumulative, so what was counted here since they came is in their values.
func (p *sloProcessor) inherit(ctx context.Context) {
	for peer, wanted := range p.heritage() {
		for part := range slices.Chunk(wanted.Claims, inherited) {
			n, err := p.fetch(ctx, peer, part)
			if err != nil && ctx.Err() == nil {
				p.failedPeer(peer, err)
				break
			}
			p.stats.handovers.Add(int64(n))
			p.logger.Info("The history of SLOs whose counters have moved here was taken over", zap.String("from", cut(peer)), zap.Int("slos", n))
		}
	}
}

// memorySlack is how much longer a peer must remember an SLO for its memory to be worth having.
const memorySlack = time.Second

// heritage is what to ask for, by the peer's address: the subjects that this collector has the strongest claim on, and counters of, but a peer
// remembers longer.
func (p *sloProcessor) heritage() map[string]*message {
	wanted := make(map[string]*message)
	n := p.peers
	n.mu.Lock()
	defer n.mu.Unlock()
	p.each(func(t *tracked, i *instance, now int64) {
		mine := i.claim(t.key, now, release(p.config.FlushInterval))
		if _, beaten := n.strongest(mine, now, release(p.config.FlushInterval)); beaten || mine.Silence < 0 {
			return
		}
		address, longest := "", mine.Memory+memorySlack
		for _, r := range n.rivals {
			theirs, ok := r.claims[mine.subject()]
			if !ok || r.address == "" || theirs.Silence < 0 {
				continue
			}
			if memory := theirs.Memory + time.Duration(max(now-r.heard, 0)); memory > longest {
				address, longest = r.address, memory
			}
		}
		if address == "" {
			return
		}
		if wanted[address] == nil {
			wanted[address] = &message{Instance: n.name}
		}
		wanted[address].Claims = append(wanted[address].Claims, mine)
	})
	return wanted
}

// fetch asks a peer for histories and takes them over.
func (p *sloProcessor) fetch(ctx context.Context, address string, wanted []claim) (taken int, _ error) {
	body, err := json.Marshal(message{p.peers.name, wanted})
	if err != nil {
		return 0, err
	}
	record, err := p.post(ctx, address, pathHistory, body)
	if err != nil {
		return 0, err
	}
	return p.takeOver(record)
}

// bequeath gives what this collector remembers of its SLOs to the peers, before it stops: their counters will come to one of them.
func (p *sloProcessor) bequeath(ctx context.Context) {
	var owned []subject
	p.each(func(t *tracked, i *instance, _ int64) {
		if i.owned && i.received != 0 {
			owned = append(owned, subject{t.key, i.place()})
		}
	})
	var told sync.WaitGroup
	for _, address := range p.peers.known() {
		told.Go(func() {
			for part := range slices.Chunk(owned, inherited) {
				if _, err := p.post(ctx, address, pathLegacy, p.record(part)); err != nil {
					p.logger.Warn("A peer did not take the histories of SLOs", zap.String("peer", cut(address)), zap.Error(err))
					return
				}
			}
		})
	}
	told.Wait()
}

// serveLegacy takes the histories of a peer that stops, as a record of a checkpoint.
func (p *sloProcessor) serveLegacy(w http.ResponseWriter, r *http.Request) {
	record, err := io.ReadAll(r.Body)
	if err == nil {
		var n int
		n, err = p.takeOver(record)
		p.stats.handovers.Add(int64(n))
	}
	if err != nil {
		http.Error(w, "the body is no history", http.StatusBadRequest)
	}
}

// takeOver makes the histories in the record, of a checkpoint, the past of the SLOs that they remember longer.
func (p *sloProcessor) takeOver(record []byte) (taken int, _ error) {
	now := p.now().UnixNano()
	theirs, _, err := decodeSLOs(record, now)
	if err != nil {
		return 0, fmt.Errorf("the history cannot be read: %w", err)
	}
	for _, from := range theirs {
		taken += p.takeOverSLO(from, now)
	}
	if taken > 0 && p.archive != nil { // the minutes need not stay in memory
		p.checkpoint(context.Background(), p.now(), false)
	}
	return taken, nil
}

func (p *sloProcessor) takeOverSLO(from *tracked, now int64) (taken int) {
	s := &p.shards[from.key.shard()]
	if (*p.slos.Load())[from.key] == nil && len(from.instances) > 0 {
		p.hear(from.key, from.instances[0].environment, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.slos[from.key]
	if t == nil || t.objective == nil {
		return 0
	}
	for _, theirs := range from.instances {
		if !t.objective.wants(theirs.environment) || !t.objective.fits(theirs.group) ||
			t.instance(theirs.place()) == nil && !t.room(theirs.environment, theirs.group, p.config.MaxEnvironments) {
			continue
		}
		if i := t.ensure(theirs.place(), now); i.received == 0 || i.created-theirs.created > int64(memorySlack) {
			theirs.keepIn(p.archive)
			s.discard(i.history)
			i.inherit(theirs, now, t.objective, p.config.MaxStreamsPerSLO)
			s.changed, s.due = true, now
			t.lookNow()
			taken++
		}
	}
	return taken
}

// inherit makes theirs, which remembers longer, the past of the instance. The counters that arrive here go on from what
// the peer had seen of them; what it had not seen happened since.
func (i *instance) inherit(theirs *instance, now int64, o *objective, maxStreams int) {
	if theirs.history != nil {
		theirs.history.fit(o)
	}
	for _, s := range i.streams {
		at, known := theirs.streams.find(s.id)
		switch {
		case s.delta: // its value is not all that it counted
			if !known {
				theirs.streams = slices.Insert(theirs.streams, at, s)
			}
		case s.fresh:
			theirs.take(s.id, cumulative.Point{Start: s.Start, Time: s.Time, Value: s.Value}, s.outcome, s.past(), now, o, maxStreams)
		case !known: // since a restart, it has not sent anything
			theirs.streams = slices.Insert(theirs.streams, at, s)
		}
		if at, known = theirs.streams.find(s.id); known {
			t := &theirs.streams[at]
			t.outcome, t.fresh, t.delta, t.origin = s.outcome, s.fresh, s.delta, s.origin
		}
	}
	i.created, i.received = min(i.created, theirs.created), max(i.received, theirs.received)
	i.forgotten = max(i.forgotten, theirs.forgotten)
	for _, m := range i.measured {
		theirs.measured.cover(m.start, m.end, minuteLength)
	}
	i.maintenance, i.streams, i.history = theirs.maintenance, theirs.streams, theirs.history
	for _, l := range i.losses {
		theirs.losses.add(l.start, l.end, l.cause)
	}
	i.measured, i.losses, i.filled = theirs.measured, theirs.losses, theirs.filled
}
