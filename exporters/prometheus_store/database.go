// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/prometheus/prometheus/util/compression"
)

// damagedFolder is where parts of the storage go that cannot be read.
const damagedFolder = "damaged"

// lockFile is what Prometheus calls it.
const lockFile = "lock"

// A database opens the storage in a folder.
type database struct {
	directory string
	options   *tsdb.Options
	logger    *slog.Logger
	registry  prometheus.Registerer
	now       func() time.Time
	// report is called for each part that was set aside.
	report func(reason string, because error)
}

func databaseOptions(c *Config) *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.NoLockfile = true // see open
	o.RetentionDuration = time.Duration(c.Retention).Milliseconds()
	o.MaxBytes = int64(c.RetentionSize)
	o.OutOfOrderTimeWindow = time.Duration(c.OutOfOrderWindow).Milliseconds()
	o.WALCompression = compression.Snappy
	o.EnableExemplarStorage = true
	o.MaxExemplars = 100_000
	o.EnableMemorySnapshotOnShutdown = true
	// Blocks are merged up to a tenth of the retention, as Prometheus does, and 31 days at most.
	o.MaxBlockDuration = max(o.MinBlockDuration, min(o.RetentionDuration/10, (31*24*time.Hour).Milliseconds()))
	return o
}

// A locked storage is this process' alone until it is closed.
type locked struct {
	*tsdb.DB
	locker *tsdbutil.DirLocker
}

// Close closes the storage, and lets others have the folder.
func (l *locked) Close() error { return errors.Join(l.DB.Close(), l.locker.Release()) }

// open opens the storage whatever state it is in. Prometheus repairs a write-ahead log that was cut off; what it cannot
// read is moved to the folder damaged, reported, and the rest is opened without it. An error is one that a person has
// to fix: the folder is not writable, or another process uses it.
func (d database) open() (_ *locked, err error) {
	if err := os.MkdirAll(d.directory, 0o750); err != nil {
		return nil, fmt.Errorf("directory: %w; make it writable, or name another", err)
	}
	// Prometheus keeps its own lock when it cannot open the storage, so that there would be no second try.
	locker, err := tsdbutil.NewDirLocker(d.directory, "prometheus_store", d.logger, d.registry)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if err := locker.Lock(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("directory: %w; make it writable, or name another", err)
		}
		return nil, fmt.Errorf("directory: %s is in use by another process; name another folder, or end that process", d.directory)
	}
	db, err := d.repaired()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("directory: %w", err), locker.Release())
	}
	return &locked{db, locker}, nil
}

// repaired opens the storage with less and less of the folder's content.
func (d database) repaired() (*tsdb.DB, error) {
	for _, block := range d.damagedBlocks() {
		if err := d.setAside("block", block.err, block.name); err != nil {
			return nil, err
		}
	}
	db, err := d.try()
	for _, p := range []struct {
		reason string
		names  []string
	}{{"wal", []string{"wal", "wbl", "chunks_head", "chunk_snapshot.*"}}, {"all", []string{"*"}}} {
		if err == nil || errors.Is(err, fs.ErrPermission) {
			break
		}
		if err := d.setAside(p.reason, err, p.names...); err != nil {
			return nil, err
		}
		db, err = d.try()
	}
	return db, err
}

// try opens the storage with metrics of its own: a registry takes each once, and a try that fails leaves some.
func (d database) try() (*tsdb.DB, error) {
	metrics := prometheus.NewRegistry()
	db, err := tsdb.Open(d.directory, d.logger, metrics, d.options, nil)
	if err != nil {
		return nil, err
	}
	return db, d.registry.Register(metrics)
}

type damagedBlock struct {
	name string
	err  error
}

// damagedBlocks are those that cannot be opened.
func (d database) damagedBlocks() []damagedBlock {
	entries, err := os.ReadDir(d.directory)
	if err != nil {
		return nil // opening it says why
	}
	var damaged []damagedBlock
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil || !e.IsDir() {
			continue
		}
		block, err := tsdb.OpenBlock(d.logger, filepath.Join(d.directory, e.Name()), nil, nil)
		if err != nil {
			damaged = append(damaged, damagedBlock{e.Name(), err})
			continue
		}
		_ = block.Close() // was only tried
	}
	return damaged
}

// setAside moves what the patterns match into a folder below damaged that is named by the time.
func (d database) setAside(reason string, because error, patterns ...string) error {
	to := filepath.Join(d.directory, damagedFolder, d.now().UTC().Format("20060102T150405.000000000"))
	if err := os.MkdirAll(to, 0o750); err != nil {
		return err
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(d.directory, pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if name := filepath.Base(path); name != damagedFolder && name != lockFile {
				if err := os.Rename(path, filepath.Join(to, name)); err != nil {
					return err
				}
			}
		}
	}
	d.report(reason, because)
	return nil
}

func milliseconds(d model.Duration) int64 { return time.Duration(d).Milliseconds() }
