// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// records are what is saved.
func records(t *testing.T, tracker *Tracker, all bool) map[int][]byte {
	saved := map[int][]byte{}
	require.NoError(t, tracker.Save(all, func(n int, record []byte) error {
		saved[n] = slices.Clone(record)
		return nil
	}))
	return saved
}

// lived is a tracker that has seen something of everything.
func lived(t require.TestingT) *bench {
	b := newBench(Default())
	b.settle(checkout, "v1", "a")
	b.settle(checkout, "v2", "b")
	for range 3 {
		b.settle(checkout, "v2", "b")
	}
	b.settle(checkout, "v1", "a")
	require.NoError(t, b.Report(deployment.Deployment{Service: checkout, Version: "v1", ID: "ci-1", Revision: "abc", Committed: epoch, Status: deployment.Started}))
	require.NoError(t, b.Report(deployment.Deployment{Service: checkout, Version: "v3", ID: "ci-2", Actor: "ada", Status: deployment.Failed}))
	b.See(Sighting{checkout, "stranger", "x", b.at, 0})
	b.See(Sighting{Service: checkout, Time: b.at})
	return b
}

func TestSaveAndRestore(t *testing.T) {
	b := lived(t)
	saved := records(t, b.Tracker, true)
	require.Len(t, saved, Records)
	again := New(b.config, b.now)
	for n, record := range saved {
		require.NoError(t, again.Restore(n, record))
	}
	require.Equal(t, saved, records(t, again, true))
	require.Equal(t, b.Stats().Services, again.Stats().Services)
	require.Equal(t, b.Stats().Instances, again.Stats().Instances)
	for _, version := range []string{"v1", "v2", "v3"} {
		want, ok := b.Stamp(checkout, version)
		require.True(t, ok)
		got, ok := again.Stamp(checkout, version)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	inUTC := func(all []deployment.Deployment) []deployment.Deployment {
		for n := range all {
			all[n].Start, all[n].End, all[n].Committed = all[n].Start.UTC(), all[n].End.UTC(), all[n].Committed.UTC()
		}
		return all
	}
	due := inUTC(b.Due())
	require.NotEmpty(t, due)
	require.Equal(t, due, inUTC(again.Due()))
}

func TestOnlyWhatHasChangedIsSaved(t *testing.T) {
	b := newBench(Default())
	require.Empty(t, records(t, b.Tracker, false))
	b.settle(checkout, "v1", "a")
	require.Len(t, records(t, b.Tracker, false), 1)
	b.settle(checkout, "v1", "a")
	require.Empty(t, records(t, b.Tracker, false), "that it is seen again is nothing new")
	b.settle(checkout, "v2", "a")
	failure := errors.New("disk full")
	require.ErrorIs(t, b.Save(false, func(int, []byte) error { return failure }), failure)
	require.Len(t, records(t, b.Tracker, false), 1, "what could not be written is tried again")
}

func TestRestoreUnderLowerLimits(t *testing.T) {
	b := newBench(Default())
	for n := range 300 {
		b.See(Sighting{number(n), "v1", "a", b.at, 0})
		b.See(Sighting{number(n), "v1", "b", b.at, 0})
		b.See(Sighting{number(n), "v2", "c", b.at, 0})
	}
	config := Default()
	config.MaxServices, config.MaxInstances, config.MaxVersions, config.History = 50, 1, 1, 0
	again := New(config, b.now)
	for n, record := range records(t, b.Tracker, true) {
		require.NoError(t, again.Restore(n, record))
	}
	require.Equal(t, int64(50), again.Stats().Services)
	require.LessOrEqual(t, again.Stats().Instances, int64(50))
	for _, s := range again.all() {
		require.Len(t, s.versions, 1)
	}
}

func saved(t *testing.T, name string) []byte {
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	record, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	require.NoError(t, err)
	return record
}

// The files are what releases before this one wrote after lived, and after they had seen one version.
func TestOlderFormatsAreRead(t *testing.T) {
	second := saved(t, "format2-one.hex")
	committed := bytes.Index(second, []byte(deployment.NewID(checkout, "v1", 0))) - 2 // and the length of the ID
	require.Positive(t, committed)
	first := append([]byte{1}, slices.Delete(slices.Clone(second), committed, committed+1)[1:]...)
	for _, record := range [][]byte{first, second} {
		b := newBench(Default())
		require.NoError(t, b.Restore(shardOf(checkout), record))
		b.at = b.at.Add(time.Minute)
		b.settle(checkout, "v1", "a")
		require.Empty(t, b.Due())
		stamp, ok := b.Stamp(checkout, "v1")
		require.True(t, ok)
		require.Equal(t, deployment.NewID(checkout, "v1", 0), stamp.ID)
		b.settle(checkout, "v2", "b")
		b.Running(func(d *deployment.Deployment, _ int) {
			require.Contains(t, []string{"v1 completed", "v2 started"}, d.Version+" "+string(d.Status))
		})
	}

	b := lived(t)
	again := New(b.config, b.now)
	require.NoError(t, again.Restore(shardOf(checkout), saved(t, "format2.hex")))
	for _, version := range []string{"v1", "v2", "v3"} {
		want, _ := b.Stamp(checkout, version)
		got, ok := again.Stamp(checkout, version)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	due, same := b.Due(), again.Due()
	require.Len(t, same, len(due))
	for n := range due {
		require.Equal(t, due[n].ID+due[n].Version+string(due[n].Status), same[n].ID+same[n].Version+string(same[n].Status))
	}
}

func TestDamageIsSaid(t *testing.T) {
	saved := records(t, lived(t).Tracker, true)
	n := shardOf(checkout)
	record := saved[n]
	for cut := 1; cut < len(record); cut++ {
		require.ErrorContains(t, New(Default(), time.Now).Restore(n, record[:cut]), "does not make sense")
	}
	require.ErrorContains(t, New(Default(), time.Now).Restore(n, append(slices.Clone(record), 0)), "does not make sense")
	require.ErrorContains(t, New(Default(), time.Now).Restore((n+1)%Records, record), "does not belong there")
	require.EqualError(t, New(Default(), time.Now).Restore(n, binary.AppendUvarint(nil, 9)),
		"deployments: written in format 9, this release reads formats up to 5")
	require.NoError(t, New(Default(), time.Now).Restore(n, nil))
}
