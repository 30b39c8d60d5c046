// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
)

// BenchmarkQueue is the time for one request of 100 KB through a queue, with the calls that the queue of an exporter makes: it is written, taken a
// few requests later, and deleted.
func BenchmarkQueue(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) storage.Client{
		"queue_storage": func(b *testing.B) storage.Client {
			c, _ := open(b, b.TempDir())
			return c
		},
		"file_storage": func(b *testing.B) storage.Client {
			factory := filestorage.NewFactory()
			config := factory.CreateDefaultConfig().(*filestorage.Config)
			config.Directory = b.TempDir()
			e, err := factory.Create(b.Context(), extensiontest.NewNopSettings(factory.Type()), config)
			require.NoError(b, err)
			require.NoError(b, e.Start(b.Context(), componenttest.NewNopHost()))
			c, err := e.(storage.Extension).GetClient(b.Context(), component.KindExporter, component.MustNewID("otlp"), "traces")
			require.NoError(b, err)
			return c
		},
	} {
		b.Run(name, func(b *testing.B) {
			const behind = 5
			c := open(b)
			request := make([]byte, 100_000)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				written := []*storage.Operation{storage.SetOperation("wi", []byte{byte(n)}), storage.SetOperation(strconv.Itoa(n), request)}
				require.NoError(b, c.Batch(b.Context(), written...))
				if n >= behind {
					key := strconv.Itoa(n - behind)
					item := storage.GetOperation(key)
					require.NoError(b, c.Batch(b.Context(), storage.SetOperation("ri", []byte{byte(n)}), storage.SetOperation("di", []byte{1, byte(n)}), item))
					require.Len(b, item.Value, len(request))
					require.NoError(b, c.Batch(b.Context(), storage.SetOperation("di", nil), storage.DeleteOperation(key)))
				}
				n++
			}
			require.NoError(b, c.Close(context.Background()))
		})
	}
}
