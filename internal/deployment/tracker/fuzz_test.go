// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Whatever a record holds, it is refused, or the tracker that took it works.
func FuzzRestore(f *testing.F) {
	b := lived(f)
	n := shardOf(checkout)
	_ = b.Save(true, func(at int, record []byte) error {
		if at == n {
			f.Add(record)
		}
		return nil
	})
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, record []byte) {
		b := newBench(Default())
		b.at = epoch.Add(time.Hour)
		if b.Restore(n, record) != nil {
			require.Empty(t, b.all())
			return
		}
		for range 5 {
			b.settle(checkout, "v1", "a")
			b.settle(checkout, "v4", "b")
			_ = b.Report(deployment.Deployment{Service: checkout, Status: deployment.Completed})
		}
		b.Due()
		b.Running(func(*deployment.Deployment, int) {})
		again := New(b.config, b.now)
		for n, record := range records(t, b.Tracker, true) {
			require.NoError(t, again.Restore(n, record))
		}
	})
}

// Whatever is seen and told in whatever order, statuses go forward and limits hold.
func FuzzTracker(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
	f.Fuzz(func(t *testing.T, script []byte) {
		config := Default()
		config.MaxServices, config.MaxVersions, config.MaxInstances, config.History = 3, 4, 6, 5
		b := newBench(config)
		var due []deployment.Deployment
		for len(script) >= 4 {
			op := binary.LittleEndian.Uint32(script)
			script = script[4:]
			pick := func(from int) int {
				n := int(op % uint32(from))
				op /= uint32(from)
				return n
			}
			kind, version := pick(8), string(rune('a'+pick(5)))
			key := deployment.Service{Name: string(rune('a' + pick(3)))}
			switch kind {
			case 0:
				b.at = b.at.Add(time.Duration(pick(1<<20)) * time.Millisecond)
			case 1:
				status := deployment.Statuses[pick(len(deployment.Statuses))]
				start := b.at.Add(time.Duration(pick(1<<12)-1<<11) * time.Second)
				_ = b.Report(deployment.Deployment{Service: key, Version: version, Status: status, Start: start, Revision: string(rune('a' + pick(3)))})
			case 2:
				due = append(due, b.Due()...)
			default:
				late := time.Duration(pick(1<<14)-1<<10) * 100 * time.Millisecond
				for n := range 4 {
					b.See(Sighting{key, version, string(rune('a' + pick(9))), b.at.Add(time.Duration(n)*5*time.Second - late), 0})
					b.at = b.at.Add(4 * time.Second)
				}
			}
		}
		checkDue(t, append(due, b.Due()...))
		require.LessOrEqual(t, b.Stats().Services, int64(3))
		instances := 0
		for _, s := range b.all() {
			require.LessOrEqual(t, len(s.versions), config.MaxVersions+config.History)
			require.LessOrEqual(t, len(s.instances), config.MaxInstances)
			instances += len(s.instances)
		}
		require.Equal(t, int64(instances), b.Stats().Instances)
	})
}
