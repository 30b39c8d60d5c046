// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package searches

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
	"github.com/otelcol-sre/otelcol-sre/test/npm"
)

// A node is a part of a query, as the grammar sees it.
type node struct {
	name     string
	query    string
	from, to int
	children []*node
}

// unexpected is the name of a node that the grammar has no place for.
const unexpected = "⚠"

func (n *node) text() string { return n.query[n.from:n.to] }

// shape is how the node is made: the names of its children, and in quotes the text between them. Whoever knows all shapes
// that a construct may have overlooks nothing in it.
func (n *node) shape() string {
	var parts []string
	at := n.from
	between := func(to int) {
		if text := strings.TrimSpace(n.query[at:to]); text != "" {
			parts = append(parts, "'"+text+"'")
		}
	}
	for _, child := range n.children {
		between(child.from)
		parts = append(parts, child.name)
		at = child.to
	}
	between(n.to)
	return strings.Join(parts, " ")
}

func (n *node) refuse(why string, more ...any) error {
	return fmt.Errorf("%q at byte %d of %q: %w", n.text(), n.from, n.query, fmt.Errorf(why, more...))
}

// unknown refuses a construct.
func (n *node) unknown() error {
	return n.refuse("package searches does not know what %s of the form %s means; teach it, or write the query another way", n.name, n.shape())
}

// check reports what the grammar does not expect.
func (n *node) check() error {
	if n.name == unexpected {
		return n.refuse("the grammar expects something else here")
	}
	for _, child := range n.children {
		if err := child.check(); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalJSON reads what parse.mjs writes.
func (n *node) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&n.name, &n.from, &n.to, &n.children})
}

func (n *node) of(query string) {
	n.query = query
	for _, child := range n.children {
		child.of(query)
	}
}

// parse reads queries with the grammar of their language.
func parse(ctx context.Context, language string, queries []string) ([]*node, error) {
	root, err := gotool.Root()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(root, "test", "searches", "grammar")
	if err := npm.Install(folder); err != nil {
		return nil, err
	}
	read := make([]string, len(queries))
	for i, q := range queries {
		if !utf8.ValidString(q) {
			return nil, fmt.Errorf("%q is not UTF-8", q)
		}
		if read[i] = q; language == "traceql" {
			read[i] = withoutEscapes(q)
		}
	}
	asked, err := json.Marshal(map[string]any{"language": language, "queries": read})
	if err != nil {
		return nil, err
	}
	program := exec.CommandContext(ctx, "node", filepath.Join(folder, "parse.mjs"))
	program.Stdin = bytes.NewReader(asked)
	var said bytes.Buffer
	program.Stderr = &said
	out, err := program.Output()
	if err != nil {
		return nil, fmt.Errorf("node parse.mjs: %w\n%s", err, said.String())
	}
	var trees []*node
	if err := json.Unmarshal(out, &trees); err != nil {
		return nil, err
	}
	if len(trees) != len(queries) {
		return nil, fmt.Errorf("parse.mjs gave %d trees for %d queries", len(trees), len(queries))
	}
	for i, tree := range trees {
		tree.of(queries[i])
	}
	return trees, nil
}

var escape = regexp.MustCompile(`\\(?:[\\"]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[abfnrtv])`)

// withoutEscapes puts letters where a string of TraceQL has escapes that its grammar does not know: it knows \\ and \" alone,
// and Tempo all of Go's. Every character keeps its place.
func withoutEscapes(query string) string {
	return escape.ReplaceAllStringFunc(query, func(found string) string {
		if found == `\\` || found == `\"` {
			return found
		}
		return strings.Repeat("_", len(found))
	})
}
