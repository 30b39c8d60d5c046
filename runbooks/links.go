// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"bytes"
	"strconv"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	source "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// A Link is the destination of a link in a page, and its line.
type Link struct {
	To   string
	Line int
}

// Markdown reads pages as GitHub does, and as the collector's own pages do.
var Markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

// Links are all links and images of a page, and the anchors of its headings.
func Links(page []byte) (links []Link, anchors map[string]bool) {
	anchors = map[string]bool{}
	line := func(n ast.Node) int { return 1 + bytes.Count(page[:start(n)], []byte("\n")) }
	_ = ast.Walk(Markdown.Parser().Parse(source.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			_, anchor := Anchor(n, page, anchors)
			anchors[anchor] = true
		case *ast.Link:
			links = append(links, Link{resolved(n.Destination), line(n)})
		case *ast.Image:
			links = append(links, Link{resolved(n.Destination), line(n)})
		case *ast.AutoLink:
			links = append(links, Link{string(n.URL(page)), line(n)})
		}
		return ast.WalkContinue, nil
	})
	return links, anchors
}

// Anchor is the words of a heading, and the anchor that GitHub gives it after those that are taken.
func Anchor(heading *ast.Heading, page []byte, taken map[string]bool) (words, anchor string) {
	words = string(plain(heading, page))
	anchor = slug(words)
	for i := 1; taken[anchor]; i++ {
		anchor = slug(words) + "-" + strconv.Itoa(i)
	}
	return words, anchor
}

// resolved is a destination as a browser gets it: &amp; is an &.
func resolved(destination []byte) string {
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(destination)))
}

// start is where the node's text begins, or that of the block it is in.
func start(n ast.Node) int {
	at := -1
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering && at < 0 {
			at = t.Segment.Start
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	for ; at < 0 && n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			at = n.Lines().At(0).Start
		}
	}
	return max(at, 0)
}

// plain is the text of a heading without its marks.
func plain(n ast.Node, page []byte) []byte {
	var b []byte
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b = append(b, t.Segment.Value(page)...)
		}
		return ast.WalkContinue, nil
	})
	return b
}
