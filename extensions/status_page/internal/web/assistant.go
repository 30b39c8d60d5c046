// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/otelcol-sre/otelcol-sre/internal/assistant"
)

const (
	// assistantPath takes requests of the Model Context Protocol. Its tools only read, as the pages do.
	assistantPath = "/mcp"
	// apiVersion is that of the pages as JSON.
	apiVersion = "1"
	// maxQuestion bounds a request, in bytes, and maxMoves how often a page may lead to another.
	maxQuestion = 1 << 20
	maxMoves    = 3
)

// assist serves the tools. Their answers come from the pages. A web page of another origin cannot ask.
func assist(pages http.Handler) http.Handler {
	server := assistant.New(apiVersion, itself{pages})
	// The listener checks the name of the host, whatever the address.
	options := &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true, DisableLocalhostProtection: true}
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, options)
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(handler, maxQuestion))
}

// itself has the data of the pages, without a connection.
type itself struct{ pages http.Handler }

// Data implements [assistant.Source].
func (i itself) Data(ctx context.Context, path string, query url.Values) (data json.RawMessage, missing string, err error) {
	at := path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	var a answer
	for range maxMoves {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
		if err != nil {
			return nil, "", err
		}
		request.Header.Set("Accept", "application/json")
		a = answer{header: http.Header{}}
		i.pages.ServeHTTP(&a, request)
		if a.status != http.StatusFound && a.status != http.StatusMovedPermanently {
			break
		}
		at = a.header.Get("Location")
	}
	var body struct {
		Problem problem
		Data    json.RawMessage
	}
	if err := json.Unmarshal(a.body.Bytes(), &body); err != nil {
		return nil, "", err
	}
	text := body.Problem.What
	if body.Problem.Fix != "" {
		text += " " + body.Problem.Fix
	}
	if a.status != http.StatusOK {
		return nil, "", errors.New(cmp.Or(text, http.StatusText(a.status)))
	}
	return body.Data, text, nil
}

// An answer is what a page writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
