// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// known is somebody who has authenticated.
type known map[string]any

func (k known) GetAttribute(name string) any { return k[name] }
func (k known) GetAttributeNames() []string  { return nil }

// write sends a note as a form.
func (v *visitor) write(path string, by client.AuthData, form url.Values, header ...string) *http.Response {
	v.t.Helper()
	ctx := client.NewContext(v.t.Context(), client.Info{Auth: by})
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
	r.RequestURI = path
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w.Result()
}

func noteBy(author, text string) url.Values { return url.Values{"author": {author}, "text": {text}} }

// notable is an outage whose page takes notes, and the path of its incident.
func notable(t *testing.T, options func(*Options)) (v *visitor, path string) {
	t.Helper()
	v, _, _ = outage(t, func(o *Options) {
		o.Writable = true
		if options != nil {
			options(o)
		}
	})
	var list struct{ Incidents []struct{ Path string } }
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	return v, list.Incidents[0].Path
}

// A note is in the timeline of the incident, as text, by whom it is known to be.
func TestNotes(t *testing.T) {
	kept := 0
	v, path := notable(t, func(o *Options) {
		o.KeepNotes = func(context.Context) error { kept++; return nil }
	})
	assert.Contains(t, v.page(path), `<form class="note-form" method="post" action="`+path+`/notes">`)
	resp := v.write(path+"/notes", nil, noteBy("Ada", "<b>rolled\r\nback</b> \x1b[31m"))
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode)
	assert.Equal(t, path+"#timeline", resp.Header.Get("Location"))
	assert.Equal(t, 1, kept)

	resp = v.write(path+"/notes", known{"username": "bob"}, noteBy("", "I look at it"), "Accept", "application/json")
	assert.Equal(t, http.StatusCreated, resp.StatusCode)
	var answer struct{ Data book.Note }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	assert.Equal(t, "bob: I look at it", answer.Data.Author+": "+answer.Data.Text)
	resp = v.write(path+"/notes", known{"subject": "bob"}, noteBy("Ada", "me too"))
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode)

	var got incidentAnswer
	require.Nil(t, v.answer(path, "/incidents/{id}", &got))
	notes := map[string]bool{}
	for _, m := range got.Timeline {
		if m.Kind == "note" {
			notes[m.Author+": "+m.Text] = true
		}
	}
	assert.Equal(t, map[string]bool{"Ada: <b>rolled back</b> \ufffd[31m": true, "bob: I look at it": true, "Ada (bob): me too": true}, notes)
	page := v.page(path)
	harmless(t, path, page)
	assert.Contains(t, page, "Ada: &lt;b&gt;rolled back&lt;/b&gt;")
}

// Who cannot be known, sends something else than a note, or a page of another origin cannot write.
func TestNotesAreGuarded(t *testing.T) {
	v, path := notable(t, nil)
	for _, test := range []struct {
		path   string
		form   url.Values
		header []string
		status int
		says   string
	}{
		{path + "/notes", noteBy("", "x"), nil, 400, "Its author is missing"},
		{path + "/notes", noteBy("Ada", ""), nil, 400, "It is empty"},
		{path + "/notes", noteBy("Ada", strings.Repeat("x", book.MaxNote+1)), nil, 400, "more than 1000 characters"},
		{path + "/notes", noteBy("Ada", strings.Repeat("x", maxForm)), nil, 400, "cannot be read"},
		{path + "/notes", noteBy("Ada", "x"), []string{"Content-Type", "application/json"}, 415, "it is not a form"},
		{path + "/notes", noteBy("Ada", "x"), []string{"Origin", "https://evil.example.com"}, 403, ""},
		{path + "/notes", noteBy("Ada", "x"), []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"/incidents/20261121-030200-00000000/notes", noteBy("Ada", "x"), nil, 404, "There is no such incident"},
		{path, noteBy("Ada", "x"), nil, 405, ""},
		{"/incidents/notes", noteBy("Ada", "x"), nil, 405, ""},
	} {
		resp := v.write(test.path, nil, test.form, append([]string{"Accept", "application/json"}, test.header...)...)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, test.status, resp.StatusCode, "%s: %s", test.path, body)
		assert.Contains(t, strings.ToLower(string(body)), strings.ToLower(test.says))
	}
	assert.NotContains(t, v.page(path), "on-note")

	for range book.MaxNotes {
		require.Equal(t, http.StatusSeeOther, v.write(path+"/notes", nil, noteBy("Ada", "x")).StatusCode)
	}
	assert.Equal(t, http.StatusBadRequest, v.write(path+"/notes", nil, noteBy("Ada", "x")).StatusCode)
	assert.Equal(t, book.MaxNotes, strings.Count(v.page(path), "on-note"))
}

// Where everybody could write notes, nobody can, and the page has no form.
func TestNotesWithoutAuthentication(t *testing.T) {
	v, path := notable(t, func(o *Options) { o.Writable = false })
	resp := v.write(path+"/notes", nil, noteBy("Ada", "x"))
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, resp.StatusCode)
	assert.Contains(t, string(body), "extensions::status_page::auth")
	page := v.page(path)
	assert.NotContains(t, page, "on-note")
	assert.NotContains(t, page, "note-form")
}

// A note that cannot be saved is on the page, and its author learns that it may be lost.
func TestNotesThatAreNotSaved(t *testing.T) {
	v, path := notable(t, func(o *Options) { o.KeepNotes = func(context.Context) error { return errors.New("no space left") } })
	resp := v.write(path+"/notes", nil, noteBy("Ada", "x"))
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	assert.Contains(t, string(body), "is lost when the collector stops: no space left")
	assert.Contains(t, v.page(path), "Ada: x")
}

// What an incident's failed requests have in common is on its page, of the time of the incident.
func TestIncidentSaysWhatFails(t *testing.T) {
	var k *planted
	v, now, start := outage(t, func(o *Options) {
		k = eaten(o.Now())
		o.Explainers = func() []attribution.Keeper { return []attribution.Keeper{k} }
	})
	var list struct{ Incidents []struct{ Path string } }
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	var got struct {
		Fails *fails `json:"what_fails"`
	}
	require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &got))
	require.NotNil(t, got.Fails)
	require.Len(t, k.asked, 1)
	assert.Equal(t, "shop payment availability production", strings.Join([]string{k.asked[0].Namespace, k.asked[0].Service, k.asked[0].SLO, k.asked[0].Environment}, " "))
	assert.WithinDuration(t, start, k.asked[0].From, time.Minute)
	assert.True(t, k.asked[0].To.Equal(now))
	assert.Equal(t, "POST /charges", got.Fails.Causes[0].Attributes[0].Value)
	text := v.page(list.Incidents[0].Path)
	assert.Contains(t, text, "<b>POST /charges</b> <small>http.route</small>: 100 % of what failed")
	assert.Contains(t, v.page(strings.Split(got.Fails.Page, "#")[0]), "What ate the budget")

	require.Nil(t, v.answer(list.Incidents[1].Path, "/incidents/{id}", &got)) // of a week ago
	assert.Equal(t, 10*time.Minute, k.asked[len(k.asked)-1].To.Sub(k.asked[len(k.asked)-1].From))

	v, _, _ = outage(t, nil)
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &got))
	assert.Nil(t, got.Fails)
	assert.NotContains(t, v.page(list.Incidents[0].Path), "What fails")
}

// The command that acknowledges is filled in, and a name is one word of it.
func TestAcknowledgement(t *testing.T) {
	v, path := notable(t, nil)
	page := v.page(path)
	assert.Contains(t, page, "<code class=\"id\">srectl silence payment --namespace shop --environment production --alertmanager https://alertmanager.example.com/ --ack --comment &#39;I am on it&#39;</code>")
	assert.Equal(t, 2, strings.Count(page, `<button type="button" class="copy" hidden>Copy</button>`))
	v, path = notable(t, func(o *Options) { o.Alertmanager = "" })
	assert.NotContains(t, v.page(path), "srectl silence")
	for text, want := range map[string]string{"a-b.c": "a-b.c", "": "''", "$(x) 'y'\n": `'$(x) '\''y'\'' '`, "-x": "'-x'", "a;b": "'a;b'"} {
		assert.Equal(t, want, shellWord(text))
	}
}
