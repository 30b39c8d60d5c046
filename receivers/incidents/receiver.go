// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incidents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	statuspage "github.com/otelcol-sre/otelcol-sre/extensions/status_page"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
	"github.com/otelcol-sre/otelcol-sre/receivers/incidents/internal/metadata"
)

const (
	// version is that of the format in which it is saved what was announced.
	version      = 1
	announcedKey = "announced"
	// saveEvery is how often it is saved when it looked last, if there is nothing new.
	saveEvery = time.Minute
)

// An announcer sends the events of incidents. What the next component refuses is announced at the next look.
type announcer struct {
	config *Config
	id     component.ID
	logger *zap.Logger
	next   consumer.Logs
	report *receiverhelper.ObsReport
	health *flush.Health
	scope  pcommon.InstrumentationScope

	incidents statuspage.Incidents
	store     *checkpoint.Store
	announced event.Announced
	saved     time.Time
	loop      flush.Loop
}

func newAnnouncer(set receiver.Settings, config *Config, next consumer.Logs) (*announcer, error) {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	if err != nil {
		return nil, err
	}
	a := &announcer{config: config, id: set.ID, logger: set.Logger, next: next, report: report, health: flush.NewHealth(set.Logger), scope: pcommon.NewInstrumentationScope()}
	a.scope.SetName(metadata.ScopeName)
	a.scope.SetVersion(set.BuildInfo.Version)
	return a, nil
}

// Start finds the page, and begins to look. Without the default page there is nothing to announce.
func (a *announcer) Start(ctx context.Context, host component.Host) error {
	if _, ok := host.GetExtensions()[a.config.StatusPage]; !ok && a.config.StatusPage == defaultPage {
		a.logger.Info("No status_page extension runs: no incidents are announced")
		return nil
	}
	incidents, err := statuspage.FindIncidents(host, a.config.StatusPage)
	if err != nil {
		return err
	}
	return a.begin(ctx, host, incidents)
}

func (a *announcer) begin(ctx context.Context, host component.Host, incidents statuspage.Incidents) error {
	a.incidents = incidents
	store, err := checkpoint.Open(ctx, host, a.config.Storage, component.KindReceiver, a.id, version)
	if err != nil && !errors.Is(err, checkpoint.ErrDamaged) {
		return err
	}
	a.store = store
	a.health.Start(host)
	if err == nil {
		err = a.restore(ctx)
	}
	if err != nil {
		a.health.Failed(time.Now(), flush.Restore, "It cannot be read which incidents were announced; those that are open are announced again", err)
	}
	a.loop.Run(a.config.Interval, func(ctx context.Context) { a.look(ctx, time.Now()) })
	return nil
}

func (a *announcer) restore(ctx context.Context) error {
	payload, err := a.store.Load(ctx, announcedKey)
	if err != nil || payload == nil {
		return err
	}
	if failed := json.Unmarshal(payload, &a.announced); failed != nil {
		a.announced = event.Announced{}
		return errors.Join(checkpoint.ErrDamaged, failed, a.store.SetAside(ctx, announcedKey))
	}
	return nil
}

// look sends what is new, then saves that it did: what was not sent, or not saved, is sent again.
func (a *announcer) look(ctx context.Context, now time.Time) {
	history := a.incidents.History(ctx, a.config.Interval)
	if history.Err != nil || history.Read.IsZero() || history.Reading(now) {
		return // the page says why
	}
	events, next := a.announced.Next(history.Incidents, now)
	if len(events) > 0 {
		a.complete(events, history)
		if err := a.send(ctx, events, now); err != nil {
			a.health.Failed(now, flush.Emit, "Events of incidents were not accepted by the next component. They are sent again", err)
			return
		}
	}
	a.health.Succeeded(flush.Emit)
	a.announced = next
	if len(events) == 0 && now.Sub(a.saved) < saveEvery {
		return
	}
	payload, err := json.Marshal(next)
	if err == nil {
		err = a.save(ctx, payload)
	}
	if err != nil {
		a.health.Failed(now, flush.Save, "It was not saved which incidents were announced. After a restart, open ones are announced again", err)
		return
	}
	a.saved = now
	a.health.Succeeded(flush.Save, flush.Restore)
}

func (a *announcer) save(ctx context.Context, payload []byte) error {
	return a.store.Save(ctx, checkpoint.Record{Key: announcedKey, Payload: payload})
}

// complete adds what the page knows besides.
func (a *announcer) complete(events []event.Event, history book.History) {
	for i := range events {
		e := &events[i]
		e.URL = strings.TrimRight(a.config.PageURL, "/") + "/incidents/" + url.PathEscape(e.ID)
		if of := history.Find(e.ID); of != nil {
			e.Failed = failed(history, of)
		}
	}
}

// failed is how many events failed of the SLO of which most did.
func failed(history book.History, of *incident.Incident) (most float64) {
	for _, count := range history.Details(of).Failed {
		most = max(most, count.Failed)
	}
	return most
}

func (a *announcer) send(ctx context.Context, events []event.Event, now time.Time) error {
	reported := a.report.StartLogsOp(ctx)
	err := a.next.ConsumeLogs(reported, event.Logs(events, a.scope, now))
	a.report.EndLogsOp(reported, metadata.Type.String(), len(events), err)
	if err != nil {
		return fmt.Errorf("%d events: %w", len(events), err)
	}
	return nil
}

// Shutdown stops to look. What is new is announced after the next start.
func (a *announcer) Shutdown(ctx context.Context) error {
	a.loop.Stop()
	if a.store == nil {
		return nil
	}
	return a.store.Close(ctx)
}
