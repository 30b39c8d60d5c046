// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// commandsOf are what the page tells to run in a shell.
func commandsOf(t *testing.T, page string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, c := range runbooks.Commands(text) {
		if c.Language == "sh" {
			all = append(all, c.Text)
		}
	}
	return all
}

// waiting writes into a queue.
func waiting(t *testing.T, folder string) {
	t.Helper()
	c, _ := open(t, folder)
	for i := range 100 {
		require.NoError(t, c.Set(t.Context(), strconv.Itoa(i), []byte("item "+strconv.Itoa(i))))
	}
}

// arrived is how much of it another process finds in a folder.
func arrived(t *testing.T, folder string) (items int) {
	t.Helper()
	c, _ := open(t, folder)
	for i := range 100 {
		value, err := c.Get(t.Context(), strconv.Itoa(i))
		require.NoError(t, err)
		if string(value) == "item "+strconv.Itoa(i) {
			items++
		}
	}
	return items
}

// The commands of each runbook about a queue bring everything that waits to another collector, and a mistake in one of them does not.
func TestRunbookMovesAQueue(t *testing.T) {
	pages, err := filepath.Glob("../../runbooks/examples/*/queue-replay.md")
	require.NoError(t, err)
	require.Greater(t, len(pages), 5)
	for _, page := range pages {
		commands := commandsOf(t, page)
		require.Len(t, commands, 2, page)
		from, to := t.TempDir(), filepath.Join(t.TempDir(), "queues")
		waiting(t, from)
		require.False(t, failed(t, commands, killed(t, from), to), page)
		require.Equal(t, 100, arrived(t, to), page)
	}
	commands := commandsOf(t, pages[0])
	for _, mistake := range [][2]string{{" -cf ", " -tf "}, {"queues.tar .", "queues.tar --exclude=* ."}, {" -xf ", " -tf "}, {"mkdir -p", "mkdir -x"}} {
		from, to := t.TempDir(), filepath.Join(t.TempDir(), "queues")
		waiting(t, from)
		wrong := strings.Split(strings.Replace(strings.Join(commands, "\x00"), mistake[0], mistake[1], 1), "\x00")
		require.NotEqual(t, commands, wrong, mistake[0])
		if failed(t, wrong, killed(t, from), to) {
			continue
		}
		require.Less(t, arrived(t, to), 100, "%s in place of %s is not seen", mistake[1], mistake[0])
	}
}

// failed runs the commands, the first where the queue is, the others where it is to be, and reports whether one of them fails.
func failed(t *testing.T, commands []string, from, to string) bool {
	t.Helper()
	dir := t.TempDir()
	for i, command := range commands {
		folder := []string{from, to}[min(i, 1)]
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", strings.ReplaceAll(command, "/var/lib/otelcol-sre/queues", folder))
		cmd.Dir = dir
		if cmd.Run() != nil {
			return true
		}
	}
	return false
}
