// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package dashboards turns the services of the catalog into Grafana dashboards: one per
// service, with its objectives, error budgets, deployments, logs and traces, and
// one for all services, the most urgent SLOs first.
//
// Every query is built from the registry in metrics.go, so a metric that is renamed there is renamed
// everywhere. Text of the catalog is shown, never interpreted: see inert.go. The same catalog gives the
// same bytes; uids and panel ids stay when something else is added.
package dashboards

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Folder is where the dashboards are, beside the folders alerts and runbooks.
const Folder = "dashboards"

// FleetUID is the uid of the dashboard of all services.
const FleetUID = "sre_fleet"

// Options are the settings of the dashboards besides the catalog.
type Options struct {
	// Translation is the translation of OTLP metric names to those of Prometheus.
	Translation otlptranslator.TranslationStrategyOption
	// RunbookURL is the prefix of the links to runbooks, as in the alerts.
	RunbookURL string
	// Without are the kinds of data sources, of [Backends], that this Grafana has none of: what would show their data is left out.
	Without []string
}

// DefaultOptions fit a collector with its own pages, and a Prometheus with default settings.
func DefaultOptions() Options {
	return Options{
		Translation: otlptranslator.UnderscoreEscapingWithSuffixes,
		RunbookURL:  "http://localhost:8686/runbooks",
	}
}

// A File is one dashboard, its path relative to the folder that also holds alerts and runbooks.
type File struct {
	Path string
	JSON []byte
}

// begin is the beginning of the text of every generated dashboard: its uid.
const begin = "{\n  \"uid\": \"sre"

// Generated reports whether this package generated a dashboard, by the beginning of its text.
func Generated(text []byte) bool { return bytes.HasPrefix(text, []byte(begin)) }

// A Warning is a problem of a dashboard, and its fix.
type Warning = catalog.Problem

// A Plan is a dashboard to generate. The texts for thousands of services need not be in memory at once.
type Plan struct {
	UID, Path string
	// Service is the service of the dashboard, nil if it is about several.
	Service *catalog.Service
	// Make returns the text. Plans may be made concurrently.
	Make func() []byte
}

// Generate makes the dashboard of each service, and those of all.
func Generate(services []*catalog.Service, o Options) ([]File, []Warning) {
	plans, warnings := Plans(services, o)
	files := make([]File, len(plans))
	for i, p := range plans {
		files[i] = File{p.Path, p.Make()}
	}
	return files, warnings
}

// Plans are the dashboards that Generate makes.
func Plans(services []*catalog.Service, o Options) ([]Plan, []Warning) {
	var (
		plans    []Plan
		warnings []Warning
	)
	names := newNames(o.Translation)
	inCatalog := catalog.NewIndex(services)
	uids := map[*catalog.Service]string{}
	taken := map[string]bool{}
	for _, s := range ordered(services) {
		uid, file := UID(s), fileName(s.Slug())
		if taken[uid] {
			uid = hashed(s.Namespace, s.Name)
			warnings = append(warnings, Warning{
				Severity: catalog.Warning, Position: s.Position,
				Message: "another service is called " + s.Name + " too; links by name open its dashboard, and this one is " + file,
				Fix:     "give one of them another name",
			})
		}
		taken[uid], uids[s] = true, uid
		plans = append(plans, Plan{uid, path.Join(Folder, file), s, func() []byte {
			one := service{Service: s, options: o, names: names, board: newBoard(o), inCatalog: inCatalog, uids: uids}
			return one.dashboard(uid)
		}})
	}
	return append(plans, shared(names, o)...), warnings
}

// maxUID is how long a uid may be.
const maxUID = 40

// uidPrefix keeps a service's dashboard apart from those that others have called the same.
const uidPrefix = "sre-"

var plainUID = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// UID is the uid of a service's dashboard: its name with a prefix where that can be a uid.
func UID(s *catalog.Service) string {
	if uid := uidPrefix + s.Name; len(uid) <= maxUID && plainUID.MatchString(uid) {
		return uid
	}
	return hashed(s.Name)
}

func hashed(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return "sre_" + hex.EncodeToString(sum[:16])
}

// fileName is the file of a service's dashboard. It is not hidden, and is not that of a shared dashboard.
func fileName(slug string) string {
	if reserved[slug] || strings.HasPrefix(slug, ".") {
		slug = "_" + slug
	}
	return catalog.FileName(slug) + ".json"
}

// ordered are the services by name, so that files and messages come in one order.
func ordered(services []*catalog.Service) []*catalog.Service {
	return slices.SortedFunc(slices.Values(services), func(a, b *catalog.Service) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
}
