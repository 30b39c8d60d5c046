// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package filestorage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/extensions/file_storage/internal/metadata"
)

// aside is how the name of a file ends that was set aside, after the time.
const aside = ".damaged"

// fileStorage is contrib's extension behind a check of its files.
type fileStorage struct {
	storage.Extension
	directory string
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
}

// Start sets damaged files aside: components open theirs afterwards.
func (f *fileStorage) Start(ctx context.Context, host component.Host) error {
	entries, err := os.ReadDir(f.directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("directory: %w; create it, or let the collector's user read it", err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && isComponents(entry.Name()) {
			f.check(ctx, filepath.Join(f.directory, entry.Name()))
		}
	}
	return f.Extension.Start(ctx, host)
}

// isComponents reports whether a component has a file of that name: its kind, type and name (and of a very long name, the hash).
// What contrib or this extension has set aside has an ending.
func isComponents(name string) bool {
	if strings.HasSuffix(name, aside) || strings.HasSuffix(name, ".backup") {
		return false
	}
	for _, kind := range [...]string{"receiver_", "processor_", "exporter_", "extension_", "connector_", "other_"} {
		if strings.HasPrefix(name, kind) {
			return true
		}
	}
	const sha256 = 64
	return len(name) == sha256 && strings.Trim(name, "0123456789abcdef") == ""
}

// check sets the file aside if it is damaged.
func (f *fileStorage) check(ctx context.Context, path string) {
	damage, err := damageOf(path)
	if err != nil {
		f.logger.Warn("A state file cannot be read; if its component cannot open it either, the collector says so", zap.String("file", path), zap.Error(err))
		return
	}
	if damage == "" {
		return
	}
	renamed := path + "." + time.Now().UTC().Format("20060102T150405.000") + aside
	if err := os.Rename(path, renamed); err != nil {
		f.logger.Error("A state file is damaged and cannot be renamed; remove it", zap.String("file", path), zap.String("damage", damage), zap.Error(err))
		return
	}
	f.telemetry.ExtensionFileStorageSetAside.Add(ctx, 1)
	f.logger.Error("A state file was damaged and is set aside; its component starts without it. Remove the renamed file when you do not need it any more",
		zap.String("file", path), zap.String("renamed", renamed), zap.String("damage", damage))
}

// Shutdown ends contrib's extension.
func (f *fileStorage) Shutdown(ctx context.Context) error {
	defer f.telemetry.Shutdown()
	return f.Extension.Shutdown(ctx)
}

// GetClient returns the component's client. Damage is an error of its calls.
func (f *fileStorage) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	var inner storage.Client
	err := guarded(func() (err error) {
		inner, err = f.Extension.GetClient(ctx, kind, id, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := &client{inner: inner, component: fmt.Sprintf("%s %s", kind, id), logger: f.logger, telemetry: f.telemetry}
	if walker, ok := inner.(storage.Walker); ok {
		return walkingClient{c, walker}, nil
	}
	return c, nil
}
