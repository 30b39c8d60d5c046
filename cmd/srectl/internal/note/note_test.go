// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package note

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/user"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// taking is a status page that takes notes of one incident as the real one does.
func taking(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, what string) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"problem": map[string]string{"what": what, "fix": "Do otherwise."}})
		}
		switch {
		case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("Accept") != "application/json":
			refuse(http.StatusMethodNotAllowed, "No.")
		case r.URL.Path == "/sre/incidents/closed/notes":
			refuse(http.StatusForbidden, "Notes are not taken here.")
		case r.URL.Path != "/sre/incidents/one/notes":
			refuse(http.StatusNotFound, "There is no such incident.")
		default:
			n, err := book.NewNote(r.PostFormValue("author"), r.PostFormValue("text"), time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC))
			if err != nil {
				refuse(http.StatusBadRequest, err.Error())
				return
			}
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]any{"data": n})
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/sre"
}

func TestNote(t *testing.T) {
	base := taking(t)
	r := commandtest.Run(NewCommand(), nil, "note", "one", "rolled back\n\x1b[31m", "--url", base, "--author", "Ada")
	require.NoError(t, r.Err)
	assert.Equal(t, "2026-11-21 03:04:05  Ada: rolled back \ufffd[31m\n", r.Stdout)
	r = commandtest.Run(NewCommand(), nil, "note", base+"/incidents/one", "x", "--author", "Ada")
	require.NoError(t, r.Err)
	assert.Contains(t, r.Stdout, "Ada: x")
	who, err := user.Current()
	require.NoError(t, err)
	r = commandtest.Run(NewCommand(), nil, "note", "one", "x", "--url", base)
	require.NoError(t, r.Err)
	assert.Contains(t, r.Stdout, who.Username+": x")
}

func TestNoteThatIsNotTaken(t *testing.T) {
	base := taking(t)
	for want, test := range map[string]struct {
		args []string
		code int
	}{
		"There is no such incident":   {[]string{"other", "x", "--url", base}, exit.NotOK},
		"There is no such incident. ": {[]string{"../one", "x", "--url", base}, exit.NotOK},
		"Notes are not taken here.":   {[]string{"closed", "x", "--url", base}, exit.Usage},
		"it is empty":                 {[]string{"one", " ", "--url", base}, exit.Usage},
		"does not answer":             {[]string{"one", "x", "--url", "127.0.0.1:1"}, exit.Usage},
		"accepts 2 arg(s)":            {[]string{"one", "--url", base}, exit.Usage},
	} {
		r := commandtest.Run(NewCommand(), nil, append([]string{"note"}, test.args...)...)
		assert.Equal(t, test.code, r.Code, want)
		if r.Err != nil && test.code == exit.Usage {
			require.ErrorContains(t, r.Err, want)
		} else {
			assert.Contains(t, r.Stderr, want)
		}
		assert.Empty(t, r.Stdout)
	}
}
