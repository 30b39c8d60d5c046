// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package runbooks writes the pages for the person on call: Markdown, one page for each SLO whose budget may burn, for each
// other alert of a service, and for what to do beside alerts, and one index per service. The alert's runbook_url leads to
// the page. It has at most [MaxWords] words, and begins with the way back; commands that change something come with the
// one that reverts it. Rules and queries have pages of their own.
//
// A page is generated, apart from the blocks between notes markers, which people write and
// which are kept byte for byte. Everything of the catalog is escaped: see markdown.
package runbooks

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Version is raised whenever the text of the pages changes. It marks pages of an older generator as
// stale.
const Version = "6"

// Folder is where the pages are, beside the folder alerts. Index is the page of a service.
const (
	Folder = "runbooks"
	Index  = "README.md"
)

// Options describe the systems that pages link to.
type Options struct {
	// Prometheus and Alertmanager are base URLs: of the expression browser, and for amtool. Without a Prometheus, links lead to the status
	// page; without an Alertmanager, no page speaks of silences.
	Prometheus, Alertmanager string
	// StatusPage is the base URL of the collector's status page; / is the server that the pages are on; "" is none.
	StatusPage string
	// Files are the collector's own files of telemetry, as a pattern of the shell; "" is none.
	Files string
	// Grafana, Jaeger and Kibana are base URLs of where people look at traces and logs. Without one, a
	// page has the query and no link.
	Grafana, Jaeger, Kibana string
	// Loki and Tempo are the UIDs of those data sources in Grafana.
	Loki, Tempo string
	// Command regenerates the pages. Their header shows it.
	Command string
	// Services are those that have pages, for links between them.
	Services *catalog.Index
	// Alerts are the options that the alerts were generated with: their metric names are used here.
	Alerts alerts.Options
}

// DefaultOptions work with a status page at its default address, and name nothing else.
func DefaultOptions() Options {
	return Options{
		StatusPage: "http://localhost:8686",
		Loki:       "loki",
		Tempo:      "tempo",
		Command:    "srectl generate runbooks --catalog CATALOG --out .",
		Alerts:     alerts.DefaultOptions(),
	}
}

// A Page is one file, its path relative to the folder that also holds alerts.
type Page struct {
	Path string
	Text []byte
}

// A Report is a problem or a note about a page: its place, its description and its fix.
type Report = catalog.Problem

func problem(severity catalog.Severity, file string, line int, message, fix string) Report {
	return Report{Severity: severity, Position: catalog.Position{File: file, Line: line}, Message: message, Fix: fix}
}

// Path is where the page of an alert is, and any other page by its name.
func Path(service, name string) string {
	return path.Join(Folder, catalog.FileName(service), catalog.FileName(name)+".md")
}

// IndexPath is where the index of a service is.
func IndexPath(service string) string { return path.Join(Folder, catalog.FileName(service), Index) }

// Input names what the pages of a service are made from: the generator, and the service's digest.
func Input(digest string) string { return Version + "-" + digest }

// Generate writes the pages of a service: one for each name of its alerts, which may be about several
// SLOs, and the index. previous gives a page as it is now; its notes go into the new one. A page
// whose notes cannot be read is reported and left out, so that nobody's notes are lost.
func Generate(f alerts.File, previous func(path string) ([]byte, bool), o Options) ([]Page, []Report) {
	var (
		pages   []Page
		reports []Report
	)
	s, byName := f.Service, byName(f.Alerts)
	add := func(path string, write func(*notebook) page) {
		var notes []note
		if old, ok := previous(path); ok {
			var broken []Report
			if notes, broken = notesOf(path, old); len(broken) > 0 {
				reports = append(reports, broken...)
				return
			}
		}
		book := newNotebook(notes)
		text := write(book)
		for _, n := range book.rest() {
			text.add("\n", marked(n.name, n.content))
			reports = append(reports, problem(catalog.Warning, path, n.line,
				fmt.Sprintf("the section of the block %q no longer exists; the block is kept at the end of the page", n.name), "move the notes, or delete them"))
		}
		pages = append(pages, Page{path, text.bytes()})
	}
	c := newSubject(f, byName, o)
	for _, group := range byName {
		add(Path(s.Slug(), group[0].Name), c.page(group).runbook)
	}
	for _, slo := range s.SLOs {
		if of := aboutBudget(c.ofSLO[slo], slo); len(of) > 0 {
			add(Path(s.Slug(), alerts.SLORunbook(slo.Name)), c.page(of).sloRunbook)
		}
		if of := c.ofSLO[slo]; len(of) > 0 {
			add(Path(s.Slug(), queriesPrefix+slo.Name), c.page(of).queriesOfSLO)
		}
	}
	for _, p := range proceduresOf(s) {
		add(Path(s.Slug(), p.name), c.page(nil).procedure(p))
	}
	add(IndexPath(s.Slug()), c.page(nil).index)
	return pages, reports
}

// byName groups alerts by name, pages before tickets, otherwise in the order they come in.
func byName(all []alerts.Alert) [][]alerts.Alert {
	var groups [][]alerts.Alert
	at := map[string]int{}
	for _, a := range all {
		i, known := at[a.Name]
		if !known {
			i = len(groups)
			at[a.Name] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], a)
	}
	slices.SortStableFunc(groups, func(a, b []alerts.Alert) int {
		return cmp.Compare(a[0].Severity, b[0].Severity) // page, ticket
	})
	return groups
}
