// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package shutdownlimit

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/extensions/shutdown_limit/internal/metadata"
)

func create(t *testing.T, logger *zap.Logger, exited chan int) *limit {
	t.Helper()
	set := extensiontest.NewNopSettings(metadata.Type)
	set.Logger = logger
	e, err := NewFactory().Create(t.Context(), set, createDefaultConfig())
	require.NoError(t, err)
	l := e.(*limit)
	l.exit = func(code int) { exited <- code }
	return l
}

func TestShutdownThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.WarnLevel)
		exited := make(chan int, 1)
		l := create(t, zap.New(core), exited)
		l.running.Go(l.wait) // without the process' signals, which are not of the bubble
		time.Sleep(time.Hour)
		require.Empty(t, exited, "nobody has asked it to stop")
		l.signals <- os.Interrupt
		time.Sleep(15*time.Second - 1)
		require.Empty(t, exited)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, 0, <-exited)
		require.Equal(t, 1, logged.FilterMessageSnippet("still wait for their backends").Len())
		require.NoError(t, l.Shutdown(t.Context()))
	})
}

func TestShutdownInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exited := make(chan int, 1)
		l := create(t, zap.NewNop(), exited)
		l.running.Go(l.wait)
		l.signals <- os.Interrupt
		time.Sleep(5 * time.Second)
		require.NoError(t, l.Shutdown(t.Context()))
		require.NoError(t, l.Shutdown(t.Context()), "twice is as once")
		time.Sleep(time.Hour)
		require.Empty(t, exited)
	})
}

func TestLifecycle(t *testing.T) {
	l := create(t, zap.NewNop(), make(chan int, 1))
	require.NoError(t, l.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, l.Shutdown(t.Context()))
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(createDefaultConfig()))
	require.ErrorContains(t, confmap.Validate(&Config{}), "after: 0s is not positive")
}
