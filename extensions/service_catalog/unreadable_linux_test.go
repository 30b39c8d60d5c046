// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
)

// withoutRoot runs f on a thread that file permissions hold for, even if root runs the tests.
func withoutRoot(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		_ = syscall.Setfsuid(65534)
		f()
	}()
	<-done
}

func TestUnreadableFileIsAProblem(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	write(t, dir, "a.yaml", service("checkout"))
	require.NoError(t, os.Chmod(filepath.Join(dir, "a.yaml"), 0o644))
	write(t, dir, "b.yaml", service("payment"))
	require.NoError(t, os.Chmod(filepath.Join(dir, "b.yaml"), 0))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "closed"), 0))

	var unreadable fingerprint
	withoutRoot(t, func() {
		e := newEnvironment(t, byEvents, dir)
		e.reporter.host = e.host
		e.read()
		assert.Equal(t, []string{"checkout"}, e.names())
		assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, e.host.statuses())
		assert.EqualValues(t, 2, e.reporter.errors.Load(), "the file and the folder")
		unreadable, _ = takeFingerprint([]string{dir})
		assert.NoError(t, e.Shutdown(t.Context()))
	})
	readable, _ := takeFingerprint([]string{dir})
	assert.NotEqual(t, unreadable, readable, "becoming readable is a change")
}

func TestIrregularFilesAreProblems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", service("checkout"))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo.yaml"), 0o600))
	link(t, "/dev/zero", dir, "endless.yaml")
	link(t, "loop.yaml", dir, "loop.yaml")
	link(t, "..", dir, "parent")
	e := start(t, byBoth, dir)
	assert.Equal(t, []string{"checkout"}, e.names())
	e.assertGauges(t, 1, 1, 3, 0)
}
