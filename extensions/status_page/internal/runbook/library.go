// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"errors"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// A Library has the pages of a folder, and, where the folder has none, those that are made from the catalog in use.
type Library struct {
	folder   Folder
	services func() *catalog.Catalog
	options  runbooks.Options
	shelves  atomic.Pointer[shelves]
}

// NewLibrary makes a library. The folder may be "".
func NewLibrary(folder Folder, services func() *catalog.Catalog, o runbooks.Options) *Library {
	return &Library{folder: folder, services: services, options: o}
}

// shelves are the services of one catalog, and the collector itself.
type shelves struct {
	of    *catalog.Catalog
	named map[string]*catalog.Service // by slug
	index *catalog.Index
}

func (l *Library) shelf() *shelves {
	now := l.services()
	if s := l.shelves.Load(); s != nil && s.of == now {
		return s
	}
	all := append([]*catalog.Service{alerts.CollectorService()}, now.Services...)
	s := &shelves{of: now, named: make(map[string]*catalog.Service, len(all)), index: catalog.NewIndex(all)}
	for _, service := range slices.Backward(all) { // the collector's pages are no service's
		s.named[service.Slug()] = service
	}
	l.shelves.Store(s)
	return s
}

// Read reads the page at a path of a URL below /runbooks/, as [Folder.Read] does.
func (l *Library) Read(at string) (*Page, error) {
	page, err := l.folder.Read(at)
	if err != nil && !errors.Is(err, ErrNoFolder) && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	names, ok := split(at)
	if !ok {
		return nil, ErrNotFound
	}
	switch len(names) {
	case 0:
		return l.list(page), nil
	case 1:
		if err != nil && strings.HasSuffix(at, "/") {
			return l.ofService(names[0])
		}
	case 2:
		if err != nil && !strings.HasSuffix(at, "/") {
			return l.made(names[0], strings.TrimSuffix(names[1], extension))
		}
	}
	if errors.Is(err, ErrNoFolder) {
		return nil, ErrNotFound // there are those of the catalog
	}
	return page, err
}

// list adds the catalog's services to the folders of a page, which may be nil.
func (l *Library) list(page *Page) *Page {
	if page == nil {
		page = &Page{Title: "Runbooks"}
	}
	there := map[string]bool{}
	for _, e := range page.Folders {
		there[e.Name] = true
	}
	for slug := range l.shelf().named {
		if !there[slug] && visible(slug) {
			page.Folders = append(page.Folders, Entry{slug, "/runbooks/" + catalog.PathSegment(slug) + "/"})
		}
	}
	slices.SortFunc(page.Folders, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	page.Folders = page.Folders[:min(len(page.Folders), maxListed)]
	return page
}

// ofService is the index of a service, with the list of its pages.
func (l *Library) ofService(slug string) (*Page, error) {
	all, err := l.pages(slug)
	if err != nil {
		return nil, err
	}
	var page *Page
	var listed []Entry
	for _, p := range all {
		name := strings.TrimSuffix(path.Base(p.Path), extension)
		if name == index {
			if page, err = render(p.Text, name); err != nil {
				return nil, err
			}
			continue
		}
		listed = append(listed, Entry{name, Path(slug, name)})
	}
	slices.SortFunc(listed, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	page.Pages = listed
	return page, nil
}

func (l *Library) made(slug, alert string) (*Page, error) {
	all, err := l.pages(slug)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Path == runbooks.Path(slug, alert) {
			return render(p.Text, alert)
		}
	}
	return nil, ErrNotFound
}

// pages are those of a service of the catalog.
func (l *Library) pages(slug string) ([]runbooks.Page, error) {
	shelf := l.shelf()
	service := shelf.named[slug]
	if service == nil {
		return nil, ErrNotFound
	}
	o := l.options
	o.Services = shelf.index
	pages, _ := runbooks.Generate(alerts.Of(service, o.Alerts), func(string) ([]byte, bool) { return nil, false }, o)
	return pages, nil
}

// Has is the path of an alert's page, or "" if there is none.
func (l *Library) Has(slug, alert string) string {
	if at := l.folder.Has(slug, alert); at != "" {
		return at
	}
	if s := l.shelf().named[slug]; s == nil || !runbooks.Known(s, alert) {
		return ""
	}
	return Path(slug, alert)
}

// Missing reports whether there can be no page of any service: the folder is not there, and neither is a catalog.
func (l *Library) Missing() bool {
	_, err := l.folder.Read("")
	return err != nil && len(l.services().Services) == 0
}
