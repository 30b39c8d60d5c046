// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/wholefile"
)

// maxPage bounds a page that is read back, in bytes.
const maxPage = 8 << 20

// A Shelf is the folder of runbooks while pages are written into it.
type Shelf struct {
	root               string
	o                  Options
	written, unchanged atomic.Int64 // pages
}

// Open looks at the pages that services have below root. If one cannot be written again without losing
// notes, or is somebody's own, the reports have an error and nothing is to be put. alertsOf gives a service's alerts;
// only a page that was not generated makes it necessary to ask.
func Open(root string, services []*catalog.Service, alertsOf func(*catalog.Service) []alerts.Alert, o Options) (*Shelf, []Report, error) {
	known := map[string]bool{}
	var reports []Report
	for _, s := range services {
		if known[s.Slug()] {
			reports = append(reports, problem(catalog.Error, s.Position.File, s.Position.Line,
				fmt.Sprintf("the runbooks of %q would overwrite those of another service with that name", oneLine(s.Slug())), "give one of them another name"))
		}
		known[s.Slug()] = true
		found, err := survey(root, s, func() []alerts.Alert { return alertsOf(s) })
		if err != nil {
			return nil, nil, err
		}
		reports = append(reports, found...)
	}
	o.Services = catalog.NewIndex(services)
	return &Shelf{root: root, o: o}, reports, nil
}

// survey reports files that prevent the pages of a service from being written.
func survey(root string, s *catalog.Service, alertsOf func() []alerts.Alert) (reports []Report, err error) {
	current := sync.OnceValue(func() map[string]bool { return paths(s, alertsOf()) })
	err = eachPage(root, s, func(name string, regular bool) error {
		if !regular && !current()[name] {
			return nil
		}
		old, err := readPage(filepath.Join(root, filepath.FromSlash(name)))
		switch {
		case err != nil:
			return err
		case Generated(old):
			_, broken := notesOf(name, old)
			reports = append(reports, broken...)
		case current()[name]:
			reports = append(reports, problem(catalog.Error, name, 0, "exists and was not generated", "move it away"))
		}
		return nil
	})
	return reports, err
}

// paths are those of the pages about these alerts, of the procedures, and of the index.
func paths(s *catalog.Service, all []alerts.Alert) map[string]bool {
	paths := map[string]bool{IndexPath(s.Slug()): true}
	for _, a := range all {
		paths[Path(s.Slug(), a.Name)], paths[Path(s.Slug(), a.Runbook())] = true, true
		if a.SLO != nil {
			paths[Path(s.Slug(), queriesPrefix+a.SLO.Name)] = true
		}
	}
	for _, p := range proceduresOf(s) {
		paths[Path(s.Slug(), p.name)] = true
	}
	return paths
}

// eachPage visits what may be a page of the service, by name.
func eachPage(root string, s *catalog.Service, visit func(name string, regular bool) error) error {
	folder := path.Dir(IndexPath(s.Slug()))
	found, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range found {
		if path.Ext(entry.Name()) != ".md" {
			continue
		}
		if err := visit(path.Join(folder, entry.Name()), entry.Type().IsRegular()); err != nil {
			return err
		}
	}
	return nil
}

// Put writes the pages of a service and says what there is to know. Those of alerts that are gone are removed, or kept and
// marked where people wrote into them. Services may be put at the same time.
func (s *Shelf) Put(f alerts.File) ([]Report, error) {
	current := paths(f.Service, f.Alerts)
	old := map[string][]byte{}
	var others []string
	err := eachPage(s.root, f.Service, func(name string, regular bool) (err error) {
		if current[name] || regular {
			old[name], err = readPage(s.file(name))
		}
		if !current[name] && regular {
			others = append(others, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	previous := func(path string) ([]byte, bool) {
		text, ok := old[path]
		return text, ok
	}
	pages, reports := Generate(f, previous, s.o)
	for _, name := range others {
		page, found := left(name, old[name])
		pages, reports = append(pages, page...), append(reports, found...)
	}
	for _, p := range pages {
		if err := s.put(p, old); err != nil {
			return reports, err
		}
	}
	return reports, nil
}

// left decides about the page of an alert that no longer exists. A page that was not generated is left alone; one without notes gets no text.
func left(name string, old []byte) ([]Page, []Report) {
	if !Generated(old) {
		return nil, nil
	}
	notes, broken := notesOf(name, old)
	switch {
	case len(broken) > 0:
		return nil, broken
	case !written(notes):
		return []Page{{Path: name}}, nil
	}
	return []Page{{name, []byte(orphaned(string(old)))}}, []Report{problem(catalog.Warning, name, notes[0].line,
		"the alert of this page no longer exists; the page is kept for its notes", "move the notes, then delete the page")}
}

// put replaces the page atomically, or removes it if it has no text. A page that is already up to date
// is not touched.
func (s *Shelf) put(p Page, old map[string][]byte) error {
	before, there := old[p.Path]
	switch {
	case p.Text == nil:
		return os.Remove(s.file(p.Path))
	case there && bytes.Equal(before, p.Text):
		s.unchanged.Add(1)
		return nil
	}
	s.written.Add(1)
	return wholefile.Write(s.file(p.Path), p.Text)
}

// Pages are how many pages were written since the shelf was opened, and how many were up to date.
func (s *Shelf) Pages() (written, unchanged int) {
	return int(s.written.Load()), int(s.unchanged.Load())
}

func (s *Shelf) file(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// Write opens a shelf and writes the pages of the services.
func Write(root string, files []alerts.File, o Options) ([]Report, error) {
	services := make([]*catalog.Service, len(files))
	of := map[*catalog.Service][]alerts.Alert{}
	for i, f := range files {
		services[i], of[f.Service] = f.Service, f.Alerts
	}
	shelf, reports, err := Open(root, services, func(s *catalog.Service) []alerts.Alert { return of[s] }, o)
	if err != nil || catalog.Problems(reports).Err() != nil {
		return reports, err
	}
	for _, f := range files {
		found, err := shelf.Put(f)
		reports = append(reports, found...)
		if err != nil {
			return reports, err
		}
	}
	return reports, nil
}

// written reports whether any block has notes.
func written(notes []note) bool {
	for _, n := range notes {
		if !bytes.Equal(n.content, []byte(hints[n.name]+"\n")) {
			return true
		}
	}
	return false
}

// Generated reports whether a page was generated.
func Generated(page []byte) bool { return bytes.Contains(page, []byte(marker)) }

// Orphaned reports whether the page's alert no longer exists.
func Orphaned(page []byte) bool { return bytes.HasPrefix(page, []byte(orphanMark)) }

// InputOf is the [Input] in a page's header and its line; "" if there is none.
func InputOf(page []byte) (input string, line int) {
	for text := range bytes.Lines(page) {
		line++
		if rest, ok := bytes.CutPrefix(text, []byte(inputMarker)); ok {
			input, _, _ := strings.Cut(string(rest), " ")
			return input, line
		}
	}
	return "", 0
}

// CheckNotes reports problems of the notes markers of a page.
func CheckNotes(path string, page []byte) []Report {
	_, broken := notesOf(path, page)
	return broken
}

func readPage(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPage {
		return nil, fmt.Errorf("%s: is not a file of at most %d bytes; move it away", name, maxPage)
	}
	return os.ReadFile(name)
}
