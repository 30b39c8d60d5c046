// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"strings"
)

const (
	// maxURL bounds a URL, in bytes.
	maxURL = 4096
	// maxRequests bounds the requests that are being answered. Most wait for Prometheus if that hangs; runbooks have
	// to be read then.
	maxRequests = 256

	// Pages load nothing from other servers, send nothing to them, and run no inline scripts.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

// guarded sets the headers that keep a browser safe, and turns away what is too much.
func guarded(next http.Handler) http.Handler {
	slots := make(chan struct{}, maxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy":      contentPolicy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			w.Header().Set(name, value)
		}
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !asks(r):
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The pages are read-only.", http.StatusMethodNotAllowed)
			return
		case len(r.RequestURI) > maxURL:
			http.Error(w, "The URL is too long.", http.StatusRequestURITooLong)
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "Too many requests at once; try again in a few seconds.", http.StatusServiceUnavailable)
		}
	})
}

// asks reports whether a request is a question that has a body, which changes nothing either, or a note.
func asks(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == assistantPath || strings.HasPrefix(r.URL.Path, gates) ||
		strings.HasPrefix(r.URL.Path, "/incidents/") && strings.HasSuffix(r.URL.Path, notesEnd))
}
