// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
)

// The bounds of notes: characters of one, how many an incident may have, and the bytes of all together.
const (
	MaxNote      = 1000
	MaxAuthor    = 100
	MaxNotes     = 100
	maxNoteBytes = 1 << 20
)

// A Note is what somebody wrote about an incident.
type Note struct {
	At     time.Time `json:"time"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
}

func (n *Note) size() int { return len(n.Author) + len(n.Text) }

// ErrNote says that a note cannot be kept as it is; the message has the reason and the fix.
var ErrNote = errors.New("the note is not kept")

// NewNote is a note in one line, without characters that have an effect on terminals.
func NewNote(author, text string, at time.Time) (Note, error) {
	n := Note{at.UTC(), line(author), line(text)}
	switch {
	case n.Text == "":
		return Note{}, fmt.Errorf("%w: it is empty; write what you saw or did", ErrNote)
	case utf8.RuneCountInString(n.Text) > MaxNote:
		return Note{}, fmt.Errorf("%w: it has more than %d characters; write several", ErrNote, MaxNote)
	case n.Author == "":
		return Note{}, fmt.Errorf("%w: its author is missing; write a name", ErrNote)
	case utf8.RuneCountInString(n.Author) > MaxAuthor:
		return Note{}, fmt.Errorf("%w: its author has more than %d characters; write a name", ErrNote, MaxAuthor)
	}
	return n, nil
}

// line is text in one line.
func line(text string) string {
	return printable.Text(strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " "), MaxNote+1)
}

// Notes are those of an incident, the oldest first.
func (h History) Notes(of *incident.Incident) []Note {
	all := []Note{}
	for _, id := range append([]string{of.ID}, of.Formerly...) {
		all = append(all, h.notes[id]...)
	}
	slices.SortStableFunc(all, func(x, y Note) int { return x.At.Compare(y.At) })
	return all
}

// AddNote adds a note to an incident that the caller has found.
func (b *Book) AddNote(to *incident.Incident, n Note) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetNotes()
	count := 0
	for _, id := range append([]string{to.ID}, to.Formerly...) {
		count += len(b.notes[id])
	}
	if count >= MaxNotes {
		return fmt.Errorf("%w: the incident has %d notes already; write where there is room, and leave a link there", ErrNote, MaxNotes)
	}
	bytes := n.size()
	for _, all := range b.notes {
		for i := range all {
			bytes += all[i].size()
		}
	}
	if bytes > maxNoteBytes {
		return fmt.Errorf("%w: the notes of all incidents have %d KiB already; those that are older than 30 days are removed by themselves", ErrNote, maxNoteBytes>>10)
	}
	notes := maps.Clone(b.notes) // histories have the former
	if notes == nil {
		notes = map[string][]Note{}
	}
	notes[to.ID] = append(slices.Clip(notes[to.ID]), n)
	b.notes = notes
	return nil
}

// forgetNotes drops what is older than the book. The caller holds the lock.
func (b *Book) forgetNotes() {
	oldest := b.Now().Add(-Length - chunk)
	notes := maps.Clone(b.notes)
	maps.DeleteFunc(notes, func(_ string, all []Note) bool { return all[len(all)-1].At.Before(oldest) })
	b.notes = notes
}

// SaveNotes are the notes as bytes. Unlike the rest of the book, Prometheus does not have them.
func (b *Book) SaveNotes() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetNotes()
	return json.Marshal(b.notes)
}

// RestoreNotes takes what was saved into a book without notes. An error says that it makes no sense, and leaves the book as it is.
func (b *Book) RestoreNotes(payload []byte) error {
	var saved map[string][]Note
	if err := json.Unmarshal(payload, &saved); err != nil {
		return err
	}
	bytes := 0
	for _, all := range saved {
		if len(all) == 0 || len(all) > MaxNotes {
			return errors.New("an incident without notes, or with more than are kept")
		}
		for _, n := range all {
			again, err := NewNote(n.Author, n.Text, n.At)
			if err != nil || again.Text != n.Text || again.Author != n.Author {
				return errors.New("a note that nobody could have written")
			}
			bytes += n.size()
		}
	}
	if bytes > maxNoteBytes {
		return errors.New("more notes than are kept")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = saved
	return nil
}
