// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

var fileStorage = component.MustNewID("file_storage")

func stored() *Config {
	config := createDefaultConfig().(*Config)
	config.Storage = &fileStorage
	return config
}

func openStorage(t testing.TB, dir string) component.Component {
	t.Helper()
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = dir
	e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return e
}

// kill ends the processor as kill -9 does: nothing more is saved. (The file's lock goes with a process;
// here the store has to be closed.)
func (r *rig) kill() {
	require.NoError(r.t, r.store.Close(r.t.Context()))
	r.store, r.unsubscribe = nil, nil
}

// A processor that is killed at random times ends up with the same counts as one that runs through, and
// its windows agree with the events within a step and the time that was not saved.
func TestKilledProcessorLosesNothing(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 5))
		disk := openStorage(t, t.TempDir())
		r := newRigWith(t, stored(), noon, disk, checkout())
		reference := newRig(t, checkout())
		senders := []*counter{newCounter(noon), newCounter(noon)}
		senders[1].instance = "agent-2"
		var events exactHistory
		last, unsaved := noon, time.Duration(0)
		for range 1000 {
			r.pass(5 * time.Second)
			for _, c := range senders {
				n := [outcomes]float64{float64(random.IntN(50)), float64(random.IntN(3))}
				c.add(n[good], n[bad])
				events = append(events, exactIncrease{last.UnixNano(), r.clock.UnixNano(), n})
			}
			last = r.clock
			r.send(senders...)
			r.checkpoint(t.Context(), r.clock, false)
			r.flush(t.Context(), r.clock, true)
			reference.clock = r.clock
			reference.send(senders...)
			if random.IntN(60) == 0 {
				r.kill()
				outage := time.Duration(random.Int64N(int64(5 * minute)))
				r = newRigWith(t, stored(), r.clock.Add(outage), disk, checkout())
				unsaved = max(unsaved, outage+r.config.CheckpointInterval+r.config.FlushInterval)
			}
		}
		r.send(senders...)

		require.NotZero(t, unsaved)
		require.Equal(t, reference.total("production"), r.total("production"), "not one event lost, none twice")
		r.requireTotal(senders[0].good+senders[1].good, senders[0].bad+senders[1].bad)
		slo := (*r.slos.Load())[key{"shop", "checkout", "availability"}]
		h, o := slo.instances[0].history, slo.objective
		for w, window := range burnWindows {
			requireWithinOneStep(t, events, h.last(w, window.length), h.now-window.length, h.now, o.steps[w]+int64(unsaved), window.name)
		}
		g, want := r.flushed(), reference.flushed()
		require.InDelta(t, want.of(t, "slo.error_budget.remaining"), g.of(t, "slo.error_budget.remaining"), 1e-9, "the budget is the same")
	}
}

// What was emitted of maintenance never falls back, although its shard was not yet due.
func TestKilledInMaintenance(t *testing.T) {
	service := checkout(maintenance(catalog.Maintenance{Start: noon, End: noon.Add(hour)}))
	disk := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), noon, disk, service)
	c := newCounter(noon)
	var before float64
	for range 20 {
		r.pass(time.Second)
		r.send(c.add(10, 1))
		r.checkpoint(t.Context(), r.clock, false)
		g := r.flushed()
		require.Greater(t, g.of(t, "slo.maintenance.events", "good"), before)
		before = g.of(t, "slo.maintenance.events", "good")
		r.kill()
		r = newRigWith(t, stored(), r.clock, disk, service)
		require.Equal(t, before, r.flushed().of(t, "slo.maintenance.events", "good"))
	}
	require.Equal(t, 200.0, before)
}

// A graceful restart changes nothing at all.
func TestRestart(t *testing.T) {
	disk := openStorage(t, t.TempDir())
	services := []*catalog.Service{
		checkout(environments(), windowOf(calendar(t, catalog.Month, "Europe/Madrid")),
			resets(catalog.Reset{At: noon.Add(minute), By: "ana", Reason: "x"}),
			maintenance(catalog.Maintenance{Start: noon.Add(5 * minute), End: noon.Add(6 * minute)})),
	}
	for n := range 50 {
		s := checkout()
		s.Name = fmt.Sprint("service-", n)
		services = append(services, s)
	}
	r := newRigWith(t, stored(), noon, disk, services...)
	var senders []*counter
	for n := range 50 {
		c := newCounter(noon)
		c.service = fmt.Sprint("service-", n)
		senders = append(senders, c)
	}
	for _, environment := range []string{"production", "staging", ""} {
		c := newCounter(noon)
		c.environment = environment
		senders = append(senders, c)
	}
	for range 100 {
		r.pass(7 * time.Second)
		for i, c := range senders {
			c.add(float64(i), 0.3)
		}
		r.send(senders...)
	}
	r.checkpoint(t.Context(), r.clock, false) // events in maintenance windows are saved before they are emitted
	before := r.flushed()
	require.NoError(t, r.shutdown(t.Context()))

	logs, logged := observer.New(zap.InfoLevel)
	again := newRigWith(t, stored(), r.clock, disk, services...)
	again.logger = zap.New(logs)
	require.Equal(t, before, again.flushed())
	require.Empty(t, logged.All(), "the reset is not logged again")
	again.send(senders...)
	require.Equal(t, 2*len(senders), again.points(duplicate))
	require.Equal(t, before, again.flushed())
	require.NoError(t, again.shutdown(t.Context()))

	// A removed SLO is kept in storage for a day.
	r = newRigWith(t, stored(), r.clock, disk)
	require.Empty(t, r.flushed())
	require.NoError(t, r.shutdown(t.Context()))
	r = newRigWith(t, stored(), r.clock.Add(23*hour), disk)
	r.catalog.swap(services...)
	require.Equal(t, before.of(t, "slo.error_ratio", "month"), r.flushed().of(t, "slo.error_ratio", "month"))
	require.NoError(t, r.shutdown(t.Context()))
	r = newRigWith(t, stored(), r.clock.Add(23*hour), disk) // gone again: the day starts again
	r.checkpoint(t.Context(), r.clock, true)
	r.catalog.swap(services...)
	require.Contains(t, r.flushed(), "slo.error_ratio{ shop service-1 production availability 30d }")
	require.NotZero(t, r.stats.streams.Load())
	r.catalog.swap()
	r.pass(25 * hour)
	require.NoError(t, r.shutdown(t.Context()))
	r = newRigWith(t, stored(), r.clock, disk)
	for i := range r.shards {
		require.Empty(t, r.shards[i].slos)
	}
}

// Days without this processor are no silence of the senders: what they counted meanwhile counts.
func TestLongOutage(t *testing.T) {
	disk := openStorage(t, t.TempDir())
	service := checkout(environments(), windowOf(catalog.Window{Rolling: 3 * day}))
	r := newRigWith(t, stored(), noon, disk, service)
	c := newCounter(noon)
	r.pass(minute)
	r.send(c.add(100, 0))
	require.NoError(t, r.shutdown(t.Context()))

	r = newRigWith(t, stored(), noon.Add(7*day), disk, service)
	r.checkpoint(t.Context(), r.clock, true)
	r.send(c.add(70000, 7))
	r.requireTotal(70100, 7)
	require.InDelta(t, 1e-4, r.flushed().of(t, "slo.error_ratio", "3d"), 1e-6)
	late := newCounter(noon.Add(day)) // began and was never heard of while it was away
	late.instance = "agent-2"
	r.send(late.add(60000, 6))
	r.requireTotal(130100, 13)
}

// Every SLO is saved at least once in the checkpoint interval, a share of them at each flush.
func TestCheckpointsAreSpread(t *testing.T) {
	services := append(catalogOf(1000), checkout())
	r := newRigWith(t, stored(), noon, openStorage(t, t.TempDir()), services...)
	var saves int64
	for range 12 {
		r.pass(5 * time.Second)
		r.checkpoint(t.Context(), r.clock, false)
		for i := range r.shards {
			require.Greater(t, r.shards[i].due, r.clock.Add(5*time.Second).UnixNano(), "no turn comes before the next flush")
		}
		n := r.stats.saves.Load() - saves
		saves += n
		require.LessOrEqual(t, n, int64(50))
	}
	for i := range r.shards {
		require.False(t, r.shards[i].changed)
	}
	for range 24 {
		r.pass(5 * time.Second)
		r.checkpoint(t.Context(), r.clock, false)
	}
	require.Equal(t, saves, r.stats.saves.Load(), "what has not changed is not saved")

	r.pass(1000 * hour) // the clock is ahead for a moment
	r.checkpoint(t.Context(), r.clock, false)
	r.pass(-1000 * hour)
	r.send(newCounter(noon))
	r.checkpoint(t.Context(), r.clock, false)
	require.Greater(t, r.stats.saves.Load(), saves)
}

// A record under another's key is damaged: its SLOs would never be found.
func TestRecordOfAnotherShard(t *testing.T) {
	sound, number := record(t)
	for n := range 3 {
		s := &shard{slos: make(map[key]*tracked)}
		err := s.decode(sound, (number+n)%shardCount, noon.UnixNano())
		if n == 0 {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "does not make sense")
	}
}

type statusHost struct {
	fakeHost
	events []*componentstatus.Event
}

func (h *statusHost) Report(e *componentstatus.Event) { h.events = append(h.events, e) }

// A damaged record is set aside and reported; its SLOs are rebuilt from the senders' counters, and the
// others are as they were.
func TestDamagedCheckpoint(t *testing.T) {
	for name, damage := range map[string][]byte{
		"cut short":         []byte("osre\x01abc"),
		"garbage":           []byte("this is no checkpoint"),
		"checksum":          []byte("osre\x01abcdefgh"),
		"another format":    []byte("osre\x63abcdefgh"),
		"sound but foolish": nil,
	} {
		t.Run(name, func(t *testing.T) {
			disk := openStorage(t, t.TempDir())
			payment := checkout()
			payment.Name = "payment"
			r := newRigWith(t, stored(), noon, disk, checkout(), payment)
			c, p := newCounter(noon), newCounter(noon)
			p.service = "payment"
			r.pass(minute)
			r.send(c.add(99, 1), p.add(50, 50))
			want := r.flushed()
			require.NoError(t, r.shutdown(t.Context()))

			shard := key{"shop", "checkout", "availability"}.shard()
			require.NotEqual(t, shard, key{"shop", "payment", "availability"}.shard())
			record := recordKey(shard)
			if damage == nil {
				store, err := checkpoint.Open(t.Context(), r.host, &fileStorage, component.KindProcessor, r.id, checkpointVersion)
				require.NoError(t, err)
				require.NoError(t, store.Save(t.Context(), checkpoint.Record{Key: record, Payload: []byte{0, 1, 255, 255, 255, 255, 15}}))
				require.NoError(t, store.Close(t.Context()))
			} else {
				client := rawClient(t, disk, r.id)
				require.NoError(t, client.Set(t.Context(), record, damage))
				require.NoError(t, client.Close(t.Context()))
			}

			logs, logged := observer.New(zap.WarnLevel)
			again, err := newProcessor(settings(zap.New(logs)), stored(), r.sink)
			require.NoError(t, err)
			host := &statusHost{fakeHost: r.host}
			again.now = func() time.Time { return r.clock }
			require.NoError(t, again.open(t.Context(), host))
			r.sloProcessor = again

			require.EqualValues(t, 1, r.stats.damaged.Load())
			require.Equal(t, 1, logged.Len())
			require.Len(t, host.events, 1)
			require.Equal(t, componentstatus.StatusRecoverableError, host.events[0].Status())
			require.ErrorIs(t, host.events[0].Err(), checkpoint.ErrDamaged)
			g := r.flushed()
			require.Equal(t, "no_data", g.state(t))
			require.Equal(t, 0.5, g["slo.error_ratio{ shop payment production availability 1h }"])
			r.send(c, p)
			require.Equal(t, want, r.flushed(), "rebuilt from the counters")

			r.checkpoint(t.Context(), r.clock, true)
			require.Equal(t, componentstatus.StatusOK, host.events[1].Status())
			require.NoError(t, r.shutdown(t.Context()))
			client := rawClient(t, disk, r.id)
			aside, err := client.Get(t.Context(), "damaged/"+record)
			require.NoError(t, err)
			require.NotEmpty(t, aside)
			require.NoError(t, client.Close(t.Context()))
		})
	}
}

func rawClient(t *testing.T, disk component.Component, id component.ID) storage.Client {
	t.Helper()
	client, err := disk.(storage.Extension).GetClient(t.Context(), component.KindProcessor, id, "")
	require.NoError(t, err)
	return client
}

// A brokenDisk refuses what the test sets.
type brokenDisk struct {
	component.StartFunc
	component.ShutdownFunc
	storage.Client
	broken bool
	reads  bool
}

func (d *brokenDisk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *brokenDisk) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if d.broken {
		return errors.New("disk full")
	}
	return d.Client.Batch(ctx, ops...)
}

func (d *brokenDisk) Get(ctx context.Context, key string) ([]byte, error) {
	if d.reads {
		return nil, errors.New("input/output error")
	}
	return d.Client.Get(ctx, key)
}

func TestFailingStorage(t *testing.T) {
	disk := &brokenDisk{Client: storage.NewNopClient(), broken: true}
	r := newRigWith(t, stored(), noon, disk, checkout())
	host := &statusHost{fakeHost: r.host}
	r.health.Start(host)
	r.checkpoint(t.Context(), r.clock, true)
	require.EqualValues(t, 1, r.stats.saveFailures.Load())
	require.Len(t, host.events, 1)
	disk.broken = false
	r.pass(5 * time.Second)
	r.checkpoint(t.Context(), r.clock, false)
	require.EqualValues(t, 1, r.stats.saves.Load(), "tried again at once")
	require.Len(t, host.events, 2)

	disk.reads = true
	p, err := newProcessor(settings(zap.NewNop()), stored(), r.sink)
	require.NoError(t, err)
	require.ErrorContains(t, p.start(t.Context(), r.host), "input/output error", "what could not be read is not overwritten")
	require.NoError(t, p.shutdown(t.Context()))
}
