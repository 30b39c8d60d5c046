// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// On a full disk a queue refuses what is new, and can be emptied all the same. Then it takes what is new.
func TestFullDisk(t *testing.T) {
	folder := os.Getenv("SMALL_DISK")
	if folder == "" {
		onSmallDisk(t)
		return
	}
	require.NoError(t, syscall.Mount("none", folder, "tmpfs", 0, "size=4m"))
	c, _ := open(t, folder, small)
	item := make([]byte, 20_000)
	n := 0
	for _, item := range [][]byte{item, item[:1000], item[:maxMark+1]} { // until nothing more fits
		for {
			err := c.Batch(t.Context(), storage.SetOperation(strconv.Itoa(n), item), storage.SetOperation("wi", []byte{byte(n)}))
			if err != nil {
				require.ErrorIs(t, err, syscall.ENOSPC)
				break
			}
			n++
		}
	}
	require.True(t, c.reserve, "it is not for what is new")
	for i := range n {
		get := storage.GetOperation(strconv.Itoa(i))
		require.NoError(t, c.Batch(t.Context(), get, storage.SetOperation("di", make([]byte, 200)), storage.DeleteOperation(get.Key)), "%d of %d", i, n)
		require.NotEmpty(t, get.Value)
	}
	require.NoError(t, c.Set(t.Context(), "new", item))
	require.NoError(t, c.Close(t.Context()))
	again, _ := open(t, folder, small)
	got, err := again.Get(t.Context(), "new")
	require.NoError(t, err)
	require.Len(t, got, len(item))
	require.Len(t, again.index, 3, "wi, di and new")
	require.True(t, again.reserve, "there is room again")
	require.NoError(t, again.Close(t.Context()))
}

// onSmallDisk runs the test in a process whose mounts are its own.
func onSmallDisk(t *testing.T) {
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), "SMALL_DISK="+t.TempDir())
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	out, err := again.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this machine lets no process have mounts of its own")
	}
	require.NoError(t, err, "%s", out)
}
