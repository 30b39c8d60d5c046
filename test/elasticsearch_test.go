// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A document is what the elasticsearch exporter writes for a log record, by the names of its fields.
type document map[string]any

// elasticsearch takes documents as the bulk API does, and keeps them.
type elasticsearch struct {
	*httptest.Server
	mu   sync.Mutex
	kept []document
}

func startElasticsearch(t *testing.T) *elasticsearch {
	t.Helper()
	e := &elasticsearch{}
	e.Server = httptest.NewServer(http.HandlerFunc(e.bulk))
	t.Cleanup(e.Close)
	return e
}

func (e *elasticsearch) documents() []document {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.kept)
}

func (e *elasticsearch) bulk(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	var items []any
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for action := true; lines.Scan(); action = !action { // an action, then its document
		if action {
			continue
		}
		var nested map[string]any
		if err := json.Unmarshal(lines.Bytes(), &nested); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		flat := document{}
		flatten(flat, "", nested)
		e.mu.Lock()
		e.kept = append(e.kept, flat)
		e.mu.Unlock()
		items = append(items, map[string]any{"create": map[string]any{"status": http.StatusCreated}})
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": false, "items": items})
}

// flatten names fields as Elasticsearch does: by their way, with dots.
func flatten(to document, prefix string, nested map[string]any) {
	for key, value := range nested {
		if object, ok := value.(map[string]any); ok {
			flatten(to, prefix+key+".", object)
			continue
		}
		to[prefix+key] = value
	}
}

// What the pages use of Kibana's language: comparisons of a field with a phrase, with words or with a
// number, all of which have to hold. Kibana itself is not run.
var (
	kqlPhrase     = `"(?:[^"\\]|\\.)*"`
	kqlComparison = regexp.MustCompile(`^([A-Za-z_][\w.]*) (?:: (` + kqlPhrase + `|\((?:` + kqlPhrase + `|\w+)(?: or (?:` + kqlPhrase + `|\w+))*\))|>= (\d+))(?: and |$)`)
	kqlValue      = regexp.MustCompile(kqlPhrase + `|\w+`)
)

// found are the documents that a query finds.
func found(t *testing.T, documents []document, query string) (matching []document) {
	t.Helper()
	matching = documents
	for query != "" {
		part := kqlComparison.FindStringSubmatch(query)
		require.NotNil(t, part, "not the part of KQL that is known here: %s", query)
		query = query[len(part[0]):]
		field, values, bound := part[1], part[2], part[3]
		require.True(t, slices.ContainsFunc(documents, func(d document) bool { return slices.Contains(slices.Collect(maps.Keys(d)), field) }), "no document has %s", field)
		matching = slices.DeleteFunc(slices.Clone(matching), func(d document) bool {
			if bound != "" {
				least, _ := strconv.ParseFloat(bound, 64)
				number, _ := d[field].(float64)
				return number < least
			}
			return !slices.ContainsFunc(kqlValue.FindAllString(strings.ReplaceAll(values, " or ", " "), -1), func(value string) bool { return has(d[field], value) })
		})
	}
	return matching
}

// has reports whether the field is the phrase, or has the word, as the mapping of the exporter's fields makes it.
func has(field any, value string) bool {
	text, _ := field.(string)
	if phrase, err := strconv.Unquote(value); err == nil {
		return text == phrase
	}
	return regexp.MustCompile(`(?i)\b` + value + `\b`).MatchString(text)
}
