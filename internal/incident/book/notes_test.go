// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func noted(now *time.Time) *Book { return New(Options{Now: func() time.Time { return *now }}) }

// texts are the notes that a book has of an incident, without asking Prometheus.
func (b *Book) texts(of *incident.Incident) (all []string) {
	b.mu.Lock()
	h := History{notes: b.notes}
	b.mu.Unlock()
	for _, n := range h.Notes(of) {
		all = append(all, n.Author+": "+n.Text)
	}
	return all
}

func add(t *testing.T, b *Book, to *incident.Incident, author, text string, at time.Time) {
	t.Helper()
	n, err := NewNote(author, text, at)
	require.NoError(t, err)
	require.NoError(t, b.AddNote(to, n))
}

// Notes are one line, and nothing in them has an effect on terminals.
func TestNote(t *testing.T) {
	n, err := NewNote(" Ada\n", "rolled\r\nback \x1b[31m\u202e<b>\xff", noon)
	require.NoError(t, err)
	assert.Equal(t, Note{noon, "Ada", "rolled back \ufffd[31m\ufffd<b>\ufffd"}, n)
	for want, wrong := range map[string][2]string{
		"it is empty":         {"Ada", " \n"},
		"its author is":       {"", "x"},
		"more than 1000 char": {"Ada", strings.Repeat("é", MaxNote+1)},
		"more than 100 char":  {strings.Repeat("é", MaxAuthor+1), "x"},
	} {
		_, err := NewNote(wrong[0], wrong[1], noon)
		require.ErrorIs(t, err, ErrNote)
		require.ErrorContains(t, err, want)
	}
	_, err = NewNote("Ada", strings.Repeat("é", MaxNote), noon)
	require.NoError(t, err)
	_, err = NewNote("Ada", strings.Repeat("x", 1<<20), noon)
	require.ErrorIs(t, err, ErrNote)
}

// An incident keeps the notes of those that were found to be a part of it.
func TestNotesOfAnIncident(t *testing.T) {
	now := noon
	b := noted(&now)
	part, other := &incident.Incident{ID: "part"}, &incident.Incident{ID: "other"}
	add(t, b, part, "Ada", "second", noon.Add(time.Minute))
	add(t, b, other, "Bob", "elsewhere", noon)
	whole := &incident.Incident{ID: "whole", Formerly: []string{"part"}}
	add(t, b, whole, "Cy", "first", noon)
	assert.Equal(t, []string{"Cy: first", "Ada: second"}, b.texts(whole))
	assert.Equal(t, []string{"Bob: elsewhere"}, b.texts(other))

	payload, err := b.SaveNotes()
	require.NoError(t, err)
	again := noted(&now)
	require.NoError(t, again.RestoreNotes(payload))
	assert.Equal(t, []string{"Cy: first", "Ada: second"}, again.texts(whole))
}

// A history that was given out does not change.
func TestNotesAreCopied(t *testing.T) {
	now := noon
	b := noted(&now)
	one := &incident.Incident{ID: "one"}
	add(t, b, one, "Ada", "first", noon)
	before := History{notes: b.notes}
	add(t, b, one, "Ada", "second", noon)
	assert.Len(t, before.Notes(one), 1)
	assert.Len(t, b.texts(one), 2)
}

func TestNotesAreBounded(t *testing.T) {
	now := noon
	b := noted(&now)
	one := &incident.Incident{ID: "one"}
	for range MaxNotes {
		add(t, b, one, "Ada", "x", now)
	}
	n, err := NewNote("Ada", "one more", now)
	require.NoError(t, err)
	require.ErrorContains(t, b.AddNote(one, n), "has 100 notes already")
	require.ErrorContains(t, b.AddNote(&incident.Incident{ID: "whole", Formerly: []string{"one"}}, n), "has 100 notes already")

	long, err := NewNote("Ada", strings.Repeat("é", MaxNote), now)
	require.NoError(t, err)
	kept := 0
	for ; err == nil && kept < 10_000; kept++ {
		err = b.AddNote(&incident.Incident{ID: strconv.Itoa(kept / MaxNotes)}, long)
	}
	require.ErrorIs(t, err, ErrNote)
	require.ErrorContains(t, err, "1024 KiB already")
	payload, err := b.SaveNotes()
	require.NoError(t, err)
	assert.Less(t, len(payload), 2*maxNoteBytes)
	require.NoError(t, noted(&now).RestoreNotes(payload))

	now = now.Add(Length + chunk + time.Minute) // those of then are forgotten
	add(t, b, one, "Ada", "later", now)
	assert.Equal(t, []string{"Ada: later"}, b.texts(one))
}

// What was saved and makes no sense is refused whole.
func TestRestoreOfDamagedNotes(t *testing.T) {
	now := noon
	for _, payload := range []string{
		`{`, `{"one": []}`, `{"one": [{"author": "Ada", "text": ""}]}`, `{"one": [{"author": "Ada", "text": "two\nlines"}]}`,
		`{"one": [` + strings.Repeat(`{"author": "Ada", "text": "x"},`, MaxNotes) + `{"author": "Ada", "text": "x"}]}`,
	} {
		b := noted(&now)
		add(t, b, &incident.Incident{ID: "one"}, "Ada", "kept", noon)
		require.Error(t, b.RestoreNotes([]byte(payload)), payload)
		assert.Equal(t, []string{"Ada: kept"}, b.texts(&incident.Incident{ID: "one"}))
	}
	require.NoError(t, noted(&now).RestoreNotes([]byte(`null`)), "of a book without notes")
}

// Notes do not wait for a reading of Prometheus that hangs.
func TestNotesDoNotWait(t *testing.T) {
	now := noon
	b := noted(&now)
	b.reading <- struct{}{}
	add(t, b, &incident.Incident{ID: "one"}, "Ada", "x", noon)
	_, err := b.SaveNotes()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Len(t, b.History(ctx, 0).Notes(&incident.Incident{ID: "one"}), 1)
}
