// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// readPages reads the runbooks.
func (l *linter) readPages() {
	l.pages = map[string]*lintPage{}
	folders, err := os.ReadDir(filepath.Join(l.dir, runbooks.Folder))
	if err != nil {
		l.error(runbooks.Folder, 0, "cannot be read: "+reason(err), "run srectl generate runbooks")
	}
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(l.dir, runbooks.Folder, folder.Name()))
		if err != nil {
			l.error(path.Join(runbooks.Folder, folder.Name()), 0, "cannot be read: "+reason(err), "make it readable")
		}
		for _, entry := range entries {
			name := path.Join(runbooks.Folder, folder.Name(), entry.Name())
			if filepath.Ext(name) != ".md" {
				continue
			}
			if text, ok := l.read(name); ok {
				p := &lintPage{generated: runbooks.Generated(text), orphaned: runbooks.Orphaned(text)}
				p.links, p.anchors = runbooks.Links(text)
				p.input, p.inputLine = runbooks.InputOf(text)
				l.pages[name] = p
				for _, broken := range runbooks.CheckNotes(name, text) {
					l.add(broken.Severity, name, broken.Line, broken.Message, broken.Fix)
				}
			}
		}
	}
}

// lintPages checks the runbooks: what they were generated from, their notes, their links, and that an
// alert and an index lead to each.
func (l *linter) lintPages() {
	folders, inputs := map[string]*catalog.Service{}, map[*catalog.Service]string{}
	for _, s := range l.services {
		folders[path.Dir(runbooks.IndexPath(s.Slug()))], inputs[s] = s, runbooks.Input(s.Digest())
		if l.pages[runbooks.IndexPath(s.Slug())] == nil {
			l.error(runbooks.IndexPath(s.Slug()), 0, fmt.Sprintf("the index of service %q is missing", bare(s.Name)), "run srectl generate runbooks")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.pages)) {
		page := l.pages[name]
		for _, link := range page.links {
			l.links++
			l.lintLink(name, page, link)
		}
		if !page.generated {
			continue // not a generated page
		}
		service := folders[path.Dir(name)]
		switch {
		case page.orphaned:
			l.add(catalog.Warning, name, 1, "the alert of this page no longer exists; the page is kept for its notes", "move the notes, then delete the page")
		case service == nil:
			l.add(catalog.Warning, name, 1, "the service of this page is not in the catalog", "move the notes, then delete the folder")
		case path.Base(name) != runbooks.Index && !l.linked[name] && !runbooks.Known(service, strings.TrimSuffix(path.Base(name), ".md")) && l.strays[runbookKey] == nil:
			l.error(name, 1, "no alert links to this page", "run srectl generate")
		case page.input != inputs[service]:
			l.error(name, page.inputLine, "was generated from another state of the catalog, or by another version", "run srectl generate runbooks")
		case path.Base(name) != runbooks.Index:
			l.lintIndexed(name, page, runbooks.Indexed(service, strings.TrimSuffix(path.Base(name), ".md")))
		}
	}
}

// lintIndexed checks that a page and its service's index link to each other; of some pages only other pages lead to them.
func (l *linter) lintIndexed(name string, page *lintPage, indexed bool) {
	index := path.Join(path.Dir(name), runbooks.Index)
	if l.pages[index] == nil {
		return // reported above
	}
	if indexed && !leadsTo(l.pages[index], path.Base(name)) {
		l.error(index, 0, "does not link to "+bare(path.Base(name)), "run srectl generate runbooks")
	}
	if !leadsTo(page, runbooks.Index) {
		l.error(name, 0, "does not link to the index of its service", "run srectl generate runbooks")
	}
}

func leadsTo(page *lintPage, file string) bool {
	return slices.ContainsFunc(page.links, func(link runbooks.Link) bool {
		to, err := url.PathUnescape(link.To)
		return err == nil && to == file
	})
}

// lintLink checks a link without a network: an existing file and heading, or a web address.
func (l *linter) lintLink(name string, page *lintPage, link runbooks.Link) {
	fail := func(message string) {
		l.error(name, link.Line, fmt.Sprintf("the link %q %s", terminal.Printable(link.To, maxRuleError), message), "fix it, or run srectl generate runbooks")
	}
	u, err := url.Parse(link.To)
	switch {
	case err != nil:
		fail("is not an address")
		return
	case u.Scheme == "mailto":
		return
	case u.Scheme != "" || u.Host != "":
		if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			fail("is not a web address")
		}
		return
	}
	target := page
	if u.Path != "" {
		file := path.Join(path.Dir(name), u.Path)
		if path.IsAbs(u.Path) || file == ".." || strings.HasPrefix(file, "../") {
			fail("leads out of the folder")
			return
		}
		if _, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(file))); err != nil {
			fail("leads to a page that does not exist")
			return
		}
		target = l.pages[file]
	}
	if u.Fragment != "" && target != nil && !target.anchors[u.Fragment] {
		fail("leads to a heading that does not exist")
	}
}
