// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"net"

	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

const notesKey = "notes"

// writable reports whether clients of a server at an address may add notes: they have authenticated, or are on this machine.
func (c *Config) writable(at net.Addr) bool {
	if c.ServerConfig.Auth.HasValue() {
		return true
	}
	tcp, ok := at.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// readNotes takes the notes that were saved.
func (s *statusPage) readNotes(ctx context.Context) {
	payload, err := s.store.Load(ctx, notesKey)
	if err == nil && payload != nil {
		if failed := s.book.RestoreNotes(payload); failed != nil {
			err = errors.Join(checkpoint.ErrDamaged, failed, s.store.SetAside(ctx, notesKey))
		}
	}
	if err != nil {
		s.telemetry.Logger.Warn("The notes on incidents cannot be read, and are lost", zap.Error(err))
	}
}

// keepNotes saves the notes, one after the other: the last has all of them. A client that leaves does not end it.
func (s *statusPage) keepNotes(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	s.noting.Lock()
	defer s.noting.Unlock()
	payload, err := s.book.SaveNotes()
	if err == nil {
		err = s.store.Save(ctx, checkpoint.Record{Key: notesKey, Payload: payload})
	}
	if err != nil {
		s.telemetry.Logger.Warn("The notes on incidents cannot be saved", zap.Error(err))
	}
	return err
}
