// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

const (
	// followEvery is how often the record of alerts is read when nobody looks at a page, saveEvery how often the history is saved.
	followEvery = 15 * time.Second
	saveEvery   = time.Minute

	historyKey = "history"
)

// follow keeps the history of alerts and incidents, from what was saved on.
func (s *statusPage) follow(ctx context.Context, host component.Host, services func() *catalog.Catalog) error {
	s.book = book.New(book.Options{Source: s.client, Catalog: services, Names: promname.New(s.config.TranslationStrategy), Now: time.Now})
	store, err := checkpoint.Open(ctx, host, s.config.Storage, component.KindExtension, s.id, book.Version)
	if errors.Is(err, checkpoint.ErrDamaged) {
		s.telemetry.Logger.Warn("The history of alerts cannot be read; it is read from Prometheus again", zap.Error(err))
		err = nil
	}
	if err != nil {
		return err
	}
	s.store = store
	payload, err := store.Load(ctx, historyKey)
	if err == nil && payload != nil {
		if failed := s.book.Restore(payload); failed != nil {
			err = errors.Join(checkpoint.ErrDamaged, failed, store.SetAside(ctx, historyKey))
		}
	}
	if err != nil { // Prometheus has the record
		s.telemetry.Logger.Warn("The history of alerts cannot be read; it is read from Prometheus again", zap.Error(err))
	}
	s.readNotes(ctx)
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.following.Go(func() {
		var saved time.Time
		s.book.Follow(running, followEvery, func(err error) {
			if err == nil && time.Since(saved) >= saveEvery { // pages show the error
				s.save(running)
				saved = time.Now()
			}
		})
	})
	return nil
}

func (s *statusPage) save(ctx context.Context) {
	payload, err := s.book.Save()
	if err == nil {
		err = s.store.Save(ctx, checkpoint.Record{Key: historyKey, Payload: payload})
	}
	if err != nil {
		s.telemetry.Logger.Warn("The history of alerts cannot be saved", zap.Error(err))
	}
}

// unfollow saves the history for the last time.
func (s *statusPage) unfollow(ctx context.Context) error {
	if s.stopJudging != nil {
		s.stopJudging()
	}
	if s.store == nil {
		return nil
	}
	if s.stop != nil {
		s.stop()
		s.following.Wait()
		s.save(ctx)
	}
	return s.store.Close(ctx)
}

// Incidents are those that the page knows. A reading that is older than age is repeated first, for as long as the context allows.
type Incidents interface {
	History(ctx context.Context, age time.Duration) book.History
}

// FindIncidents returns those of the status_page extension which the receiver's key `status_page` names.
func FindIncidents(host component.Host, id component.ID) (Incidents, error) {
	page, err := find(host, id, "status_page")
	if err != nil {
		return nil, err
	}
	return page.book, nil
}
