// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/client"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

const (
	// notesOf is the path of the notes of an incident, and notesEnd its end.
	notesOf  = "/incidents/{id}/notes"
	notesEnd = "/notes"
	// maxForm bounds what a form sends, in bytes: a note of the longest kind has four bytes a character, each written as three.
	maxForm = 16 << 10
)

// notes takes notes. A web page of another origin cannot send one.
func (s *site) notes() http.Handler {
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(s.show(s.note), maxForm))
}

// note adds a note to an incident, and leads back to its page.
func (s *site) note(r *http.Request) (*page, error) {
	if !s.Writable {
		return nil, &failure{http.StatusForbidden, problem{"Notes are not taken here: everybody who reaches the page could write them.", "Set extensions::status_page::auth, or let endpoint be one of localhost."}}
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/x-www-form-urlencoded" {
		return nil, &failure{http.StatusUnsupportedMediaType, problem{"The note cannot be read: it is not a form.", "Send author and text as application/x-www-form-urlencoded, or use srectl note."}}
	}
	if err := r.ParseForm(); err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The note cannot be read: " + prometheus.Reason(err) + ".", "Write less, and send author and text as a form."}}
	}
	h := s.history(r)
	one, err := s.find(h, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	n, err := book.NewNote(authorOf(r), r.PostForm.Get("text"), s.Now())
	if err == nil {
		err = s.Book.AddNote(one, n)
	}
	switch {
	case errors.Is(err, book.ErrNote):
		what, fix, _ := strings.Cut(err.Error(), "; ")
		return nil, &failure{http.StatusBadRequest, problem{capital(what) + ".", capital(fix) + "."}}
	case err != nil:
		return nil, err
	}
	if s.KeepNotes != nil {
		if err := s.KeepNotes(r.Context()); err != nil {
			return nil, &failure{http.StatusInternalServerError, problem{"The note is on the page, but is lost when the collector stops: " + prometheus.Reason(err) + ".", "See the collector's log, and write it elsewhere, too."}}
		}
	}
	if wantsJSON(r) {
		return &page{Body: n, Status: http.StatusCreated}, nil
	}
	return nil, &moved{incidentPath(one.ID) + "#timeline", true}
}

// authorOf is the author that a form names. Where the server knows who sends it, that name is a part of it.
func authorOf(r *http.Request) string {
	author := strings.TrimSpace(r.PostForm.Get("author"))
	known := signedIn(r)
	switch {
	case known == "" || known == author:
		return author
	case author == "":
		return known
	}
	return author + " (" + known + ")"
}

// signedIn is the name under which the sender of a request has authenticated, as far as the authentication says it.
func signedIn(r *http.Request) string {
	if data := client.FromContext(r.Context()).Auth; data != nil {
		for _, name := range []string{"username", "subject"} {
			if text, ok := data.GetAttribute(name).(string); ok && text != "" {
				return words.Bounded(text, book.MaxAuthor/2)
			}
		}
	}
	return ""
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
