// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// safe reports whether a page may link to a destination that is written in Markdown: http, https, mailto, or a path,
// query or fragment of the same server. The check is on what a browser follows: references such as &#58; are
// resolved, and what a browser drops or reads as another character is refused.
func safe(destination []byte) bool {
	to := util.UnescapePunctuations(destination)
	to = util.ResolveNumericReferences(to)
	to = util.ResolveEntityNames(to)
	text := strings.Trim(string(to), " ")
	if strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return false // a browser reads \ as /, and drops tabs and line breaks
	}
	before, after, absolute := strings.Cut(text, ":")
	if !absolute || strings.ContainsAny(before, "/?#") {
		return !strings.HasPrefix(text, "//") // to another server, with the scheme of this page
	}
	switch strings.ToLower(before) {
	case "http", "https":
		u, err := url.Parse(text)
		return err == nil && u.Host != "" && strings.HasPrefix(after, "//")
	case "mailto":
		return true
	}
	return false
}

// unlink replaces links and images whose destinations are not safe by their texts.
func unlink(document ast.Node, source []byte) error {
	var unsafe []ast.Node
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if !safe(n.Destination) {
				unsafe = append(unsafe, n)
			}
		case *ast.Image:
			if !safe(n.Destination) {
				unsafe = append(unsafe, n)
			}
		case *ast.AutoLink:
			if !safe(n.URL(source)) {
				unsafe = append(unsafe, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range unsafe {
		parent := n.Parent()
		if link, ok := n.(*ast.AutoLink); ok {
			parent.ReplaceChild(parent, link, ast.NewString(link.Label(source)))
			continue
		}
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			parent.InsertBefore(parent, n, child)
		}
		parent.RemoveChild(parent, n)
	}
	return err
}
