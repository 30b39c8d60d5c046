// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// list adds to a page what is in its folder.
func list(root *os.Root, names []string, page *Page) error {
	folder, at := ".", "/runbooks/"
	if len(names) > 0 {
		var ok bool
		if folder, ok = existing(root, names); !ok {
			return ErrNotFound
		}
		for _, name := range names {
			at += catalog.PathSegment(name) + "/"
		}
	}
	dir, err := root.Open(folder)
	if err != nil {
		return ErrNotFound
	}
	defer func() { _ = dir.Close() }() // it was only read
	entries, err := dir.ReadDir(maxListed)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for _, e := range entries {
		name := Unescaped(strings.TrimSuffix(e.Name(), extension))
		if strings.HasPrefix(e.Name(), ".") || name == index {
			continue
		}
		// What a link of the file system leads to counts, if it is in the folder.
		info, err := root.Stat(path.Join(folder, e.Name()))
		switch {
		case err != nil:
		case info.IsDir():
			page.Folders = append(page.Folders, Entry{Unescaped(e.Name()), at + catalog.PathSegment(Unescaped(e.Name())) + "/"})
		case info.Mode().IsRegular() && strings.HasSuffix(e.Name(), extension):
			page.Pages = append(page.Pages, Entry{name, at + catalog.PathSegment(name)})
		}
	}
	byName := func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(page.Folders, byName)
	slices.SortFunc(page.Pages, byName)
	return nil
}

// existing is the folder of that path.
func existing(root *os.Root, names []string) (string, bool) {
	for _, folder := range candidates(names) {
		if info, err := root.Stat(folder); err == nil && info.IsDir() {
			return folder, true
		}
	}
	return "", false
}

// Unescaped is the name of a service or an alert that a file is called after.
func Unescaped(name string) string {
	if plain, err := url.PathUnescape(name); err == nil && visible(plain) {
		return plain
	}
	return name
}
