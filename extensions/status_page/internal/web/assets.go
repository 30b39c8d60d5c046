// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var files embed.FS

// openAPI describes the JSON. It is at the root, where clients look for it.
const openAPI = "openapi.json"

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json",
}

// assets are the style sheet, the script and the icon.
func assets() http.Handler {
	mux := http.NewServeMux()
	entries, err := files.ReadDir("assets")
	if err != nil {
		panic(err) // they are compiled in
	}
	for _, e := range entries {
		if e.Name() != openAPI {
			mux.Handle("/assets/"+e.Name(), asset(e.Name()))
		}
	}
	return mux
}

// asset serves one file. A browser asks whether it has changed, so that an upgrade is seen at once.
func asset(name string) http.Handler {
	content, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is compiled in
	}
	digest := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(digest[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, strings.NewReader(string(content)))
	})
}
