// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package runbook reads Markdown pages from a folder and converts them to HTML. It reads nothing outside of the folder,
// whatever paths and symbolic links say, and drops HTML in pages.
package runbook

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	source "github.com/yuin/goldmark/text"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

const (
	// maxSize bounds a page, in bytes.
	maxSize = 1 << 20
	// maxDepth bounds the folders that a path goes through.
	maxDepth = 8
	// maxListed bounds what an index lists.
	maxListed = 1000
	// maxName bounds the name of a page, as file systems do.
	maxName = 255

	index     = "README"
	extension = ".md"
)

// The reasons for which there is no page.
var (
	ErrNoFolder = errors.New("no folder of runbooks is set")
	ErrNotFound = errors.New("there is no such page")
	ErrTooLong  = fmt.Errorf("the page is longer than %d KiB", maxSize>>10)
)

// A Folder holds pages, SERVICE/ALERT.md. It is opened again for every page, because a mounted volume may be swapped.
type Folder string

// A Page is a runbook, or the list of what is in a folder.
type Page struct {
	Title string `json:"title"`
	// Markdown is the text as it is in the file.
	Markdown string        `json:"markdown,omitempty"`
	HTML     template.HTML `json:"-"`
	// Folders and Pages are what an index lists, by name.
	Folders []Entry `json:"folders,omitempty"`
	Pages   []Entry `json:"pages,omitempty"`
}

// An Entry is a page or a folder, and where it is.
type Entry struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// Read reads the page at a path of a URL below /runbooks/, such as checkout/ServiceSilent or checkout/. The path is
// escaped as it is in the URL: a name may hold a slash.
func (f Folder) Read(at string) (*Page, error) {
	if f == "" {
		return nil, ErrNoFolder
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoFolder, err)
	}
	defer func() { _ = root.Close() }() // it was only read
	isFolder := at == "" || strings.HasSuffix(at, "/")
	names, ok := split(at)
	if !ok {
		return nil, ErrNotFound
	}
	if !isFolder {
		return readFile(root, names)
	}
	page, err := readFile(root, append(slices.Clone(names), index))
	if errors.Is(err, ErrNotFound) {
		page, err = &Page{Title: "Runbooks"}, nil
		if len(names) > 0 {
			page.Title = "Runbooks of " + names[len(names)-1]
		}
	}
	if err != nil {
		return nil, err
	}
	return page, list(root, names, page)
}

// Has is the path of an alert's page, or "" if there is none.
func (f Folder) Has(slug, alert string) string {
	if f == "" {
		return ""
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return ""
	}
	defer func() { _ = root.Close() }() // it was only looked at
	if !visible(slug) || !visible(alert) {
		return ""
	}
	if _, _, err := find(root, []string{slug, alert}); err != nil {
		return ""
	}
	return Path(slug, alert)
}

// Path is where the runbook of an alert is, as the alert's runbook_url has it.
func Path(slug, alert string) string {
	return "/runbooks/" + catalog.PathSegment(slug) + "/" + catalog.PathSegment(alert)
}

// split takes a path apart into names.
func split(at string) ([]string, bool) {
	at = strings.TrimSuffix(at, "/")
	if at == "" {
		return nil, true
	}
	names := strings.Split(at, "/")
	if len(names) > maxDepth {
		return nil, false
	}
	for i, escaped := range names {
		name, err := url.PathUnescape(escaped)
		if err != nil || !visible(name) {
			return nil, false
		}
		names[i] = name
	}
	return names, true
}

// visible reports whether a name can be that of a page. Hidden files are not pages.
func visible(name string) bool {
	return name != "" && len(name) <= maxName && !strings.HasPrefix(name, ".")
}

// find looks for the file of a page.
func find(root *os.Root, names []string) (name string, info fs.FileInfo, err error) {
	names = slices.Clone(names)
	last := &names[len(names)-1]
	*last = strings.TrimSuffix(*last, extension)
	for _, name := range candidates(names) {
		name += extension
		if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
			return name, info, nil
		}
	}
	return "", nil, ErrNotFound
}

// candidates are what a path may be called in the folder. Generated pages have the names of services and alerts
// escaped, those that people write have them as they are.
func candidates(names []string) []string {
	escaped := make([]string, len(names))
	for i, n := range names {
		escaped[i] = catalog.PathSegment(n)
	}
	paths := []string{path.Join(escaped...)}
	if !strings.ContainsAny(strings.Join(names, ""), "/\\\x00") {
		paths = append(paths, path.Join(names...))
	}
	return paths
}

func readFile(root *os.Root, names []string) (*Page, error) {
	name, info, err := find(root, names)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSize {
		return nil, ErrTooLong
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, ErrNotFound
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the page cannot be read: %w", err)
	case len(text) > maxSize:
		return nil, ErrTooLong
	}
	return render(text, strings.TrimSuffix(names[len(names)-1], extension))
}

// render makes HTML, with the anchors that GitHub gives headings. goldmark leaves out HTML in the page.
func render(text []byte, name string) (*Page, error) {
	page := &Page{Title: name, Markdown: seen(text)}
	text = []byte(page.Markdown)
	document := copyable.Parser().Parse(source.NewReader(text))
	titled, anchors := false, map[string]bool{}
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			words, anchor := runbooks.Anchor(n, text, anchors)
			if !titled {
				page.Title, titled = words, true
			}
			anchors[anchor] = true
			n.SetAttributeString("id", []byte(anchor))
		case *tables.Table: // one that is too wide is scrolled, also with the keyboard
			n.SetAttributeString("tabindex", []byte("0"))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return nil, err
	}
	if err := unlink(document, text); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := copyable.Renderer().Render(&b, text, document); err != nil {
		return nil, fmt.Errorf("the page is not Markdown: %w", err)
	}
	page.HTML = template.HTML(b.String()) //nolint:gosec // goldmark escapes, and leaves HTML out
	return page, nil
}

// seen is a text without invisible characters, so that a copied command is the visible one.
func seen(text []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r', unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), "�"))
}
