// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v7"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// A gateway is one of the list: its queue, and the client that empties it.
type gateway struct {
	endpoint string
	room     int // of its queue on disk
	retry    configretry.BackOffConfig
	logger   *zap.Logger
	queue    encoded.Queue
	export   func(context.Context, []encoded.Chunk) error
	// reroute gives chunks to the gateways that are left. It returns those that have no room now.
	reroute func(context.Context, []encoded.Chunk) ([]encoded.Chunk, error)
	// keep saves chunks for the next start; nil if the queue is on disk, or there is no storage.
	keep func(context.Context, []encoded.Chunk) error

	mu      sync.Mutex // for leaving
	leaving bool
	sending sync.WaitGroup // calls of send

	left    chan struct{} // is closed when it is not in the list any more
	stopped chan struct{} // is closed when the exporter ends
	failing atomic.Bool   // the last attempt failed

	mark   []byte        // is in the queue behind everything else, if it is on disk and the gateway has left
	marked chan struct{} // is closed when the mark has come out
}

func newGateway(endpoint string, room int, retry configretry.BackOffConfig, logger *zap.Logger) *gateway {
	return &gateway{
		endpoint: endpoint, room: room, retry: retry, logger: logger,
		left: make(chan struct{}), stopped: make(chan struct{}), marked: make(chan struct{}), mark: newMark(),
	}
}

// errLeft says that the gateway is not in the list any more.
var errLeft = errors.New("the gateway has left")

// send puts the request into the queue.
func (g *gateway) send(ctx context.Context, r *encoded.Request) error {
	g.mu.Lock()
	if g.leaving {
		g.mu.Unlock()
		return errLeft
	}
	g.sending.Add(1)
	g.mu.Unlock()
	defer g.sending.Done()
	return g.queue.Send(ctx, r)
}

// push is called by the queue for each batch, and returns when nothing more can be done for it.
//
// Its retries are not upstream's, which wait for up to max_interval whatever happens: when the gateway leaves, what waits for it goes to others at once.
// But upstream's are around it, because only they can say to a queue on disk that it keeps a batch when the collector ends.
func (g *gateway) push(ctx context.Context, r xexporterhelper.Request) error {
	chunks, marked := withoutMarks(r.(*encoded.Request).Chunks, g.mark)
	waits := backoff.ExponentialBackOff{
		InitialInterval: g.retry.InitialInterval, RandomizationFactor: g.retry.RandomizationFactor, Multiplier: g.retry.Multiplier, MaxInterval: g.retry.MaxInterval,
	}
	waits.Reset()
	begun, left := time.Now(), g.left
	for len(chunks) > 0 {
		if g.keep != nil && g.failing.Load() && g.isStopped() { // it would take the time that others need
			return g.keep(ctx, chunks)
		}
		var err error
		select {
		case <-g.left:
			left = nil // no need to wake up again
			chunks, err = g.reroute(ctx, chunks)
		default:
			err = g.export(ctx, chunks)
			g.report(err)
		}
		if err == nil {
			break
		}
		if consumererror.IsPermanent(err) || !g.retry.Enabled {
			return err
		}
		wait := waits.NextBackOff()
		if paused, ok := errors.AsType[*encoded.PausedError](err); ok {
			wait = max(wait, paused.Delay)
		}
		if most := g.retry.MaxElapsedTime; most > 0 && time.Since(begun)+wait > most {
			return consumererror.NewPermanent(fmt.Errorf("no more retries left after %s (retry_on_failure::max_elapsed_time): %w", most, err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-left:
			timer.Stop()
		case <-g.stopped:
			timer.Stop()
			if g.keep != nil {
				return g.keep(ctx, chunks)
			}
			return err
		}
	}
	if marked {
		close(g.marked)
	}
	return nil
}

// report logs when the gateway begins to fail, and when it takes data again.
func (g *gateway) report(err error) {
	failing := err != nil && !consumererror.IsPermanent(err)
	if g.failing.Swap(failing) == failing {
		return
	}
	if failing {
		g.logger.Warn("A gateway does not take data. What is for it waits in its queue", zap.Error(err))
	} else {
		g.logger.Info("The gateway takes data again")
	}
}

// leave makes everything that is in the queue go to other gateways, and nothing new come into it.
func (g *gateway) leave() {
	g.mu.Lock()
	g.leaving = true
	g.mu.Unlock()
	close(g.left)
	g.sending.Wait()
}

// emptied waits until nothing is left in a queue on disk, or the exporter ends. It reports which.
func (g *gateway) emptied(ctx context.Context) bool {
	for {
		err := g.queue.Send(ctx, encoded.NewRequest(0, encoded.Chunk{Data: g.mark}))
		if err == nil {
			break
		}
		select { // the queue is full, and has room soon
		case <-time.After(max(g.retry.InitialInterval, 10*time.Millisecond)):
		case <-g.stopped:
			return false
		}
	}
	select {
	case <-g.marked:
		return true
	case <-g.stopped:
		return false
	}
}

// stop makes attempts the last ones.
func (g *gateway) stop() { close(g.stopped) }

func (g *gateway) isStopped() bool {
	select {
	case <-g.stopped:
		return true
	default:
		return false
	}
}

// shutdown empties a queue in memory, and closes one on disk.
func (g *gateway) shutdown(ctx context.Context) error { return g.queue.Shutdown(ctx) }

func (g *gateway) start(ctx context.Context, host component.Host) error {
	return g.queue.Start(ctx, host)
}

// markField is a field that OTLP's requests do not have.
const markField protowire.Number = 15

// newMark returns a request without items, which no other one equals: a queue on disk may have old ones.
func newMark() []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, markField, protowire.BytesType), []byte(rand.Text()))
}

// withoutMarks returns the chunks that are not marks, and whether that mark was one of the others.
func withoutMarks(chunks []encoded.Chunk, mark []byte) (_ []encoded.Chunk, found bool) {
	isMark := func(c encoded.Chunk) bool { return c.Items == 0 && len(c.Data) == len(mark) && c.Data[0] == mark[0] }
	for i, c := range chunks {
		if !isMark(c) {
			continue
		}
		kept := append([]encoded.Chunk(nil), chunks[:i]...)
		for _, c := range chunks[i:] {
			if !isMark(c) {
				kept = append(kept, c)
			} else if bytes.Equal(c.Data, mark) {
				found = true
			}
		}
		return kept, found
	}
	return chunks, false
}
