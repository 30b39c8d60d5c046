// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// stateVersion is the version of the records: "chunks" has how many there are, "chunk/N" the time of arrival (Unix nanoseconds, 8 bytes, big endian)
// and the spans that are held, as OTLP's TracesData; "decisions" has the traces that are decided.
const stateVersion = 1

const (
	keyChunks    = "chunks"
	keyDecisions = "decisions"
	idSize       = len(pcommon.TraceID{})
)

func keyChunk(n int) string { return fmt.Sprint("chunk/", n) }

// save writes what is held.
func (s *sampler) save(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := 0
	for _, c := range s.window.chunks {
		var spans []found
		for i := range c.spans {
			if !c.spans[i].taken {
				spans = append(spans, found{c, uint32(i)})
			}
		}
		if len(spans) == 0 {
			continue
		}
		td, err := decode(spans)
		if err != nil {
			return err
		}
		bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		if err != nil {
			return err
		}
		payload := append(binary.BigEndian.AppendUint64(nil, uint64(c.arrived)), bytes...)
		if err := s.store.Save(ctx, checkpoint.Record{Key: keyChunk(saved), Payload: payload}); err != nil {
			return err
		}
		saved++
	}
	var decided checkpoint.Writer
	decided.Length(len(s.decisions.old) + len(s.decisions.young))
	for _, generation := range []map[pcommon.TraceID]decision{s.decisions.old, s.decisions.young} {
		for id, d := range generation {
			decided.Bytes(id[:])
			decided.Uint(uint64(d.outcome))
			decided.Uint(d.threshold)
		}
	}
	var chunks checkpoint.Writer
	chunks.Length(saved)
	return s.store.Save(ctx, checkpoint.Record{Key: keyChunks, Payload: chunks}, checkpoint.Record{Key: keyDecisions, Payload: decided})
}

// load holds again what was held when the collector stopped, and forgets it in the storage.
func (s *sampler) load(ctx context.Context) error {
	chunks, err := s.store.Load(ctx, keyChunks)
	if err != nil || chunks == nil {
		return err
	}
	decided, err := s.store.Load(ctx, keyDecisions)
	errs := []error{err, s.loadDecisions(decided)}
	r := checkpoint.NewReader(chunks)
	n := int(r.Uint(1 << 30))
	errs = append(errs, r.End())
	for i := range n {
		payload, err := s.store.Load(ctx, keyChunk(i))
		if err == nil && len(payload) >= 8 {
			err = s.loadChunk(payload)
		}
		errs = append(errs, err, s.store.Save(ctx, checkpoint.Record{Key: keyChunk(i)}))
	}
	errs = append(errs, s.store.Save(ctx, checkpoint.Record{Key: keyChunks}, checkpoint.Record{Key: keyDecisions}))
	return errors.Join(errs...)
}

func (s *sampler) loadChunk(payload []byte) error {
	td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(payload[8:])
	if err != nil {
		return err
	}
	return s.hold(td, int64(binary.BigEndian.Uint64(payload)))
}

func (s *sampler) loadDecisions(payload []byte) error {
	if payload == nil {
		return nil
	}
	r := checkpoint.NewReader(payload)
	for range r.Length(idSize + 2) {
		var id pcommon.TraceID
		copy(id[:], r.Bytes(idSize))
		d := decision{outcome(r.Uint(uint64(bad))), r.Uint(1 << 56)}
		if r.Failed() {
			break
		}
		s.decisions.young[id] = d
	}
	return r.End()
}
