// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Notes are what people wrote into a page between two markers, each on a line of its own:
//
//	<!-- notes:begin known-causes -->
//	The card processor's certificate ran out in May.
//	<!-- notes:end -->
//
// Everything between the two lines is theirs, byte for byte.
type note struct {
	name    string
	content []byte
	line    int
}

const (
	notesBegin = "<!-- notes:begin %s -->\n"
	notesEnd   = "<!-- notes:end -->"
)

var (
	beginLine  = regexp.MustCompile(`^<!-- notes:begin ([a-z0-9][-a-z0-9]{0,62}) -->[ \t]*\r?\n?$`)
	endLine    = regexp.MustCompile(`^<!-- notes:end -->[ \t]*\r?\n?$`)
	likeMarker = regexp.MustCompile(`(?i)<!--\s*notes\s*:`)
)

// notesOf finds the blocks of a page. A page with a problem is not to be written again: what is
// between broken markers cannot be separated from generated text.
func notesOf(path string, page []byte) ([]note, []Report) {
	var (
		notes   []note
		reports []Report
		open    *note
		seen    = map[string]int{}
		line    int
	)
	broken := func(message, fix string) {
		reports = append(reports, problem(catalog.Error, path, line, message, fix))
	}
	for text := range bytes.Lines(page) {
		line++
		if !bytes.Contains(text, []byte("<!--")) { // no marker, nor anything like one
			if open != nil {
				open.content = append(open.content, text...)
			}
			continue
		}
		begin := beginLine.FindSubmatch(text)
		switch {
		case begin != nil && open != nil:
			broken(fmt.Sprintf("notes:begin inside the block that began on line %d", open.line), "write <!-- notes:end --> before it")
		case begin != nil:
			open = &note{name: string(begin[1]), line: line, content: []byte{}}
			if first, twice := seen[open.name]; twice {
				broken(fmt.Sprintf("the block %q exists twice, first on line %d", open.name, first), "give one of them another name")
			}
			seen[open.name] = line
		case endLine.Match(text) && open == nil:
			broken("notes:end without notes:begin", "write <!-- notes:begin NAME --> before the notes, or delete it")
		case endLine.Match(text):
			notes = append(notes, *open)
			open = nil
		case likeMarker.Match(text):
			broken("is not a valid marker", "write <!-- notes:begin NAME --> (lower-case letters, digits, -) or <!-- notes:end -->, alone on its line")
		case open != nil:
			open.content = append(open.content, text...)
		}
	}
	if open != nil {
		line = open.line
		broken(fmt.Sprintf("the block %q does not end", open.name), "write <!-- notes:end --> after the notes, alone on its line")
	}
	return notes, reports
}

// hints are the texts of blocks without notes.
var hints = map[string]string{
	knownCauses:  "_No notes yet. After the alert, write here: date, cause, and the steps that helped. This block is kept._",
	serviceNotes: "_Write here what everyone on call should know about the service. This block is kept._",
}

// The blocks of pages.
const (
	knownCauses  = "known-causes"
	serviceNotes = "notes"
)

// A notebook carries the notes of the previous page to the new one.
type notebook struct {
	notes []note
	used  map[string]bool
}

func newNotebook(notes []note) *notebook {
	return &notebook{notes: notes, used: map[string]bool{}}
}

// block is the named block with the notes that people wrote, or with the hint of what to write.
func (n *notebook) block(name string) markdown {
	n.used[name] = true
	content := []byte(hints[name] + "\n")
	for _, old := range n.notes {
		if old.name == name {
			content = old.content
		}
	}
	return marked(name, content)
}

// rest are the blocks that no section asked for.
func (n *notebook) rest() []note {
	var rest []note
	for _, old := range n.notes {
		if !n.used[old.name] {
			rest = append(rest, old)
		}
	}
	return rest
}

func marked(name string, content []byte) markdown {
	return markdown(fmt.Sprintf(notesBegin, name)) + markdown(content) + notesEnd + "\n"
}
