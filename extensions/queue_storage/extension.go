// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/extensions/queue_storage/internal/metadata"
)

type queueStorage struct {
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder

	mu   sync.Mutex
	open map[string]bool // the folders in use
}

var _ storage.Extension = (*queueStorage)(nil)

// Start makes the folder.
func (q *queueStorage) Start(context.Context, component.Host) error {
	if err := os.MkdirAll(q.config.Directory, 0o700); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// Shutdown has nothing to write: clients have given everything to the kernel.
func (q *queueStorage) Shutdown(context.Context) error {
	q.telemetry.Shutdown()
	return nil
}

// GetClient opens the queue of the component. Each name can be open once.
func (q *queueStorage) GetClient(_ context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	folder := filepath.Join(q.config.Directory, folderName(kind, id, name))
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open[folder] {
		return nil, fmt.Errorf("queue_storage: %s is in use: name a component in one pipeline only, and give each collector a folder of its own", folder)
	}
	c, err := openClient(folder, q.config, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.open, folder)
	})
	if err != nil {
		return nil, fmt.Errorf("queue_storage: %w", err)
	}
	for _, problem := range c.problems {
		q.telemetry.ExtensionQueueStorageDamaged.Add(context.Background(), 1)
		q.logger.Error("A part of a queue cannot be read, and is lost", zap.String("file", problem.file), zap.Int64("offset", problem.offset))
	}
	c.problems = nil
	q.open[folder] = true
	return c, nil
}

// folderName is different for each component and name, and has no separator of paths.
func folderName(kind component.Kind, id component.ID, name string) string {
	parts := []string{strings.ToLower(kind.String()), id.Type().String(), id.Name(), name}
	for i, part := range parts {
		parts[i] = url.QueryEscape(part)
	}
	return strings.Join(parts, ",")
}
