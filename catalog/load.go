// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFileSize bounds a catalog file, in bytes.
const maxFileSize = 1 << 20

// Load reads catalog files, and folders with all their subfolders. In a folder the files
// *.yaml and *.yml count; names that begin with a dot do not, so that a mounted Kubernetes
// ConfigMap, whose files are links into ..data, is read once.
//
// The Catalog, never nil, holds every service without an error. The Problems are those of
// all files.
func Load(paths ...string) (*Catalog, Problems) { return LoadWith(nil, paths...) }

// A Text is a document that is not in a file, such as an object of Kubernetes. Name takes the place of the
// file's name in positions, which have no lines.
type Text struct {
	Name string
	Text []byte
}

// LoadWith is [Load] with texts as further files, after those of the paths. A folder may be empty then.
func LoadWith(texts []Text, paths ...string) (*Catalog, Problems) {
	var l loader
	l.furtherTexts = len(texts) > 0
	for _, path := range paths {
		l.load(path)
	}
	l.withoutLines = true
	for _, t := range texts {
		l.parse(t.Name, t.Text)
	}
	return l.finish()
}

// Parse reads the text of one file. The name is used in positions only.
func Parse(file string, text []byte) (*Catalog, Problems) {
	var l loader
	l.parse(file, text)
	return l.finish()
}

// A loader collects documents until all files are read: some documents refer to
// documents of other files.
type loader struct {
	reader
	services []*definition
	defaults []*definedDefaults
	openSLO  openSLODocuments
	// slothSLOs get their period and their windows from alertWindows.
	slothSLOs    []slothSLO
	alertWindows []alertWindows
	seen         map[string]bool
	// furtherTexts: there are others than those of the paths.
	furtherTexts bool
	// withoutLines: nobody has seen the lines of the text.
	withoutLines bool
}

func (l *loader) fileProblem(severity Severity, file, message, fix string) {
	l.add(severity, Position{File: file}, "", message, fix)
}

func (l *loader) load(path string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.fileProblem(Error, path, "no such file or folder", "create it, or correct the path")
	case err != nil:
		l.fileProblem(Error, path, reason(err), "make it readable")
	case !info.IsDir():
		l.file(path, info)
	default:
		before := len(l.seen)
		if files := l.folder(path); files == 0 && len(l.seen) > before && !l.furtherTexts {
			l.fileProblem(Warning, path, "holds no catalog file", "add a *.yaml file per service")
		}
	}
}

// folder loads a folder and returns the number of files in it and its subfolders. A folder that was
// read already counts as empty, so that links cannot lead in circles.
func (l *loader) folder(path string) (files int) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		l.fileProblem(Error, path, reason(err), "make it readable")
		return 0
	}
	if !l.firstTime(resolved) {
		return 0
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		l.fileProblem(Error, path, reason(err), "make it readable")
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		name := filepath.Join(path, entry.Name())
		info, err := os.Stat(name) // follows links, unlike entry.Info
		switch {
		case err != nil:
			if isCatalogFile(name) {
				files++
				l.fileProblem(Error, name, reason(err), "fix or remove the link")
			}
		case info.IsDir():
			files += l.folder(name)
		case isCatalogFile(name):
			files++
			l.file(name, info)
		}
	}
	return files
}

func (l *loader) firstTime(path string) bool {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	known := l.seen[path]
	l.seen[path] = true
	return !known
}

func isCatalogFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

func (l *loader) file(path string, info fs.FileInfo) {
	path = filepath.Clean(path)
	if !l.firstTime(path) {
		return
	}
	if !info.Mode().IsRegular() {
		l.fileProblem(Error, path, "is not a regular file", "remove it from the catalog folder")
		return
	}
	text, err := readFile(path)
	if err != nil {
		l.fileProblem(Error, path, reason(err), "make it readable")
		return
	}
	l.parse(path, text)
}

// readFile reads at most one byte more than the maximum size: enough to detect that a file
// is too long.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	return io.ReadAll(io.LimitReader(f, maxFileSize+1))
}

// reason is the error without the path, which the problem already has.
func reason(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Sprintf("cannot be read: %v", err)
}
