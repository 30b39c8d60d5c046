// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"embed"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/services"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

//go:embed templates
var sources embed.FS

// maxCell bounds a name on a page.
const maxCell = 120

var functions = template.FuncMap{
	"shortRevision": deployment.ShortRevision,
	"percent":       func(n fleet.Number) string { return words.Percent(float64(n)) },
	"objective":     func(n fleet.Number) string { return words.Objective(math.Round(float64(n)*1e8) / 1e6) },
	"burn":          func(n fleet.Number) string { return words.Burn(float64(n)) },
	"left": func(r *fleet.Row) string {
		return words.Left(float64(r.Remaining), float64(r.Burn), float64(r.Exhaustion))
	},
	"measured": func(r *fleet.Row) string {
		return words.Measured(float64(r.Coverage))
	},
	"number":  func(n fleet.Number) string { return words.Number(float64(n)) },
	"seconds": func(n fleet.Number) string { return words.Seconds(float64(n)) },
	"text":    func(s string) string { return words.Bounded(s, maxCell) },
	"prose":   func(s string) string { return words.Bounded(s, 2000) },
	"count":   words.Count,
	"elapsed": func(s seconds) string { return words.Elapsed(time.Duration(s)) },
	"size":    func(n int) string { return words.Size(float64(n)) },
	"window":  windowName,
	"bar":     bar,
	"time":    timeElement,
	"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"ago":     func(t, now time.Time) string { return words.Duration(now.Sub(t).Truncate(time.Second)) },
	"state":   func(s string) semconv.State { return semconv.State(s) },
	"word":    fleet.Word,
	"icon":    fleet.Icon,
	"facet":   facetName,
	"narrow":  func(v view.Fleet, filter, value string) string { return v.With(filter, value).URL() },
	"link":    isLink,
	"table":   func(alerts []alert.Alert, now time.Time) alertTable { return alertTable{alerts, now} },
	"minus4":  func(n int) string { return words.Count(n - 4) },
	"lines":   func(all []incidentLine, now time.Time) incidentTable { return incidentTable{all, now} },
	"at":      func(t *time.Time) time.Time { return *t },
	"whole":   func(n fleet.Number) string { return words.Count(int(math.Round(float64(n)))) },
	"firing": func(all []alert.Alert) []alert.Alert {
		return slices.DeleteFunc(slices.Clone(all), func(a alert.Alert) bool { return a.State != "firing" })
	},
	"pending": func(all []alert.Alert) []alert.Alert {
		return slices.DeleteFunc(slices.Clone(all), func(a alert.Alert) bool { return a.State == "firing" })
	},
	"part": func(items []searchItem, ticks []seconds, heading string) timelinePart {
		return timelinePart{items, ticks, heading}
	},
	"milliseconds": func(n fleet.Number) string { return words.Seconds(float64(n) / 1000) },
	"placesOf": func(s services.Service) []services.Place { // one line at least
		if !s.Heard() {
			return make([]services.Place, 1)
		}
		return s.Places
	},
	"rows":     func(s services.Service) int { return max(1, len(s.Places)) },
	"more":     func(calls []services.Call, shown int) string { return words.Count(len(calls) - shown) },
	"callType": func(kind string) string { return callTypes[kind] },
	"kept":     func(kept *bool) bool { return *kept },
	"share":    words.Percent,
	"figure":   func(n float64) string { return words.Count(int(math.Round(n))) },
	"plus":     func(a, b float64) float64 { return a + b },
	"lasting":  func(s float64) string { return words.Duration(time.Duration(s * float64(time.Second))) },
	"wallTime": func(t time.Time) string { return t.Format("Mon 2 15:04") },
	"hourName": func(h int) template.HTML { // every third has room
		text := fmt.Sprintf("%02d", h)
		if h%3 != 0 {
			text = `<span class="hidden">` + text + `</span>`
		}
		return template.HTML(text) //nolint:gosec // digits
	},
	"least": durationOrNone,
	"signed": func(s seconds) string {
		if s > 0 {
			return "+" + words.Elapsed(time.Duration(s))
		}
		return strings.Replace(words.Elapsed(time.Duration(s)), "-", "−", 1)
	},
	"class": func(i int) string { return "c" + strconv.Itoa(i%chart.Colors) },
}

// templates are the pages by name, each in the same frame.
var templates = func() map[string]*template.Template {
	frame := template.Must(template.New("frame.html").Funcs(functions).ParseFS(sources, "templates/frame.html", "templates/parts.html", "templates/checks.html", "templates/trace.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"fleet", "service", "alerts", "incidents", "incident", "catalog", "collector", "deployments", "doctor", "services", "ledger", "gate", "runbook", "search", "requests", "compare", "map", "whynot", "failure"} {
		all[name] = template.Must(template.Must(frame.Clone()).ParseFS(sources, "templates/"+name+".html"))
	}
	return all
}()

// durationOrNone is a bound as it is typed.
func durationOrNone(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// callTypes are what people call the kinds of calls that are not between two services.
var callTypes = map[string]string{"database": "database", "messaging_system": "by messages", "virtual_node": "sends no spans"}

// A timelinePart is a table of items under its heading.
type timelinePart struct {
	Items   []searchItem
	Ticks   []seconds
	Heading string
}

// An incidentTable is a list of incidents, and the time from which ages are counted.
type incidentTable struct {
	Incidents []incidentLine
	Now       time.Time
}

// An alertTable is what the table of alerts is drawn from.
type alertTable struct {
	Alerts []alert.Alert
	Now    time.Time
}

// isLink reports whether the catalog's text is the address of a page.
func isLink(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// windowName is the period of an objective for people.
func windowName(window string) string {
	switch catalog.CalendarUnit(window) {
	case catalog.Day, catalog.Week, catalog.Month, catalog.Quarter, catalog.Year:
		return "this " + window
	}
	return "over " + words.Bounded(window, maxCell)
}

// bar is the width of what is left of a budget, of 100.
func bar(n fleet.Number) float64 {
	if !n.Known() {
		return 0
	}
	return math.Round(min(max(float64(n), 0), 1)*1000) / 10
}

// timeElement is a time that the browser writes in the viewer's zone.
func timeElement(t time.Time) template.HTML {
	t = t.UTC()
	text := t.Format("2006-01-02 15:04 UTC")
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `" title="` + text + `">` + text + `</time>`) //nolint:gosec // digits
}

// facetName is what people call a value of a filter.
func facetName(key, value string) string {
	if key == "state" {
		return fleet.Word(semconv.State(value))
	}
	return words.Bounded(value, maxCell)
}
