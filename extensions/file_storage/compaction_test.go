// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package filestorage

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-sre/otelcol-sre/extensions/file_storage/internal/metadata"
)

const (
	savesIn = "FILE_STORAGE_SAVES_IN"
	// records are the keys of a flush. Each has the number of the flush, and is so long that the file grows above the threshold of compaction.
	records    = 40
	recordSize = 64 << 10
)

// compacting opens the extension so that it compacts when a file is opened, and, if it is to go on so, as often as it can.
func compacting(t testing.TB, directory string, on bool) storage.Extension {
	t.Helper()
	config := NewFactory().CreateDefaultConfig().(*upstream.Config)
	config.Directory, config.Compaction.Directory = directory, directory
	config.Compaction.OnStart, config.Compaction.OnRebound, config.Compaction.CleanupOnStart = true, on, true
	config.Compaction.ReboundNeededThresholdMiB, config.Compaction.ReboundTriggerThresholdMiB, config.Compaction.CheckInterval = 1, 1000, time.Millisecond
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return e.(storage.Extension)
}

func record(flush uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, recordSize-8), flush)
}

// TestSavesUntilKilled is the process that TestKilledInCompaction kills: it saves flush after flush, and says which are done.
func TestSavesUntilKilled(t *testing.T) {
	directory, ok := os.LookupEnv(savesIn)
	if !ok {
		t.Skip("is for TestKilledInCompaction")
	}
	c := clientOf(t, compacting(t, directory, true), component.KindProcessor, slo)
	for flush := lastFlush(t, c) + 1; ; flush++ {
		operations := make([]*storage.Operation, 0, records)
		for n := range records {
			operations = append(operations, storage.SetOperation(fmt.Sprint("shard-", n), record(flush)))
		}
		require.NoError(t, c.Batch(t.Context(), operations...))
		_, err := fmt.Fprintf(os.Stdout, "saved %d\n", flush)
		require.NoError(t, err)
	}
}

// lastFlush is the flush that all records are of; 0 if there is none.
func lastFlush(t testing.TB, c storage.Client) (flush uint64) {
	t.Helper()
	for n := range records {
		value, err := c.Get(t.Context(), fmt.Sprint("shard-", n))
		require.NoError(t, err)
		if value == nil {
			require.Zero(t, flush, "record %d is lost", n)
			continue
		}
		require.Len(t, value, recordSize)
		got := binary.BigEndian.Uint64(value[recordSize-8:])
		if n == 0 {
			flush = got
		}
		require.Equal(t, flush, got, "a flush is whole: record %d", n)
	}
	return flush
}

// A process that is killed while its file is compacted leaves the last flush that was done, or the one that it was about to do.
func TestKilledInCompaction(t *testing.T) {
	directory := t.TempDir()
	random := rand.New(rand.NewPCG(3, 7))
	self, err := os.Executable()
	require.NoError(t, err)
	rounds, within := 12, 0
	if testing.Short() {
		rounds = 6
	}
	for round := range rounds {
		command := exec.CommandContext(t.Context(), self, "-test.run", "^TestSavesUntilKilled$", "-test.timeout", "1m")
		command.Env = append(os.Environ(), savesIn+"="+directory)
		stdout, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		lines := bufio.NewScanner(stdout)
		saved := uint64(0)
		read := func() bool {
			if !lines.Scan() {
				return false
			}
			if n, ok := number(lines.Text()); ok {
				saved = n
			}
			return true
		}
		for range 1 + random.IntN(4) {
			require.True(t, read(), "round %d: the process saves", round)
		}
		temporary := func() []string {
			found, err := filepath.Glob(filepath.Join(directory, upstream.TempDbPrefix+"*"))
			require.NoError(t, err)
			return found
		}
		for until := time.Now().Add(10 * time.Second); len(temporary()) == 0 && time.Now().Before(until); {
			time.Sleep(50 * time.Microsecond) // until it compacts
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
		require.NoError(t, command.Process.Kill())
		for read() { // what it said before it died
		}
		require.Error(t, command.Wait(), "killed")
		if len(temporary()) > 0 {
			within++
		}
		c := clientOf(t, compacting(t, directory, false), component.KindProcessor, slo)
		got := lastFlush(t, c)
		require.Contains(t, []uint64{saved, saved + 1}, got, "round %d", round)
		require.NoError(t, c.Close(t.Context()))
		require.Zero(t, asideIn(t, directory), "nothing was damaged")
	}
	require.NotZero(t, within, "none was killed while it compacted")
	t.Logf("%d of %d were killed while they compacted", within, rounds)
}

func number(line string) (uint64, bool) {
	var n uint64
	_, err := fmt.Sscanf(line, "saved "+"%d", &n)
	return n, err == nil && strconv.FormatUint(n, 10) == line[len("saved "):]
}
