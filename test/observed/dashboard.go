// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// A Range is how far back a panel looks, and in which steps.
type Range struct{ Length, Step time.Duration }

// A dashboard is what of Grafana's JSON is about queries.
type dashboard struct {
	Title       string
	Time        struct{ From string }
	Panels      []panel
	Templating  struct{ List []variable }
	Annotations struct{ List []annotation }
}

type panel struct {
	Title, TimeFrom, Interval string
	MaxDataPoints             int64
	Targets                   []target
	Panels                    []panel
}

type target struct {
	Datasource *struct{ Type string }
	Expr       string
	RefID      string `json:"refId"`
	Instant    bool
	Exemplar   bool
}

type annotation struct {
	Name       string
	Datasource *struct{ Type string }
	Target     *target
}

type variable struct {
	Name, Type string
	Query      any
	AllValue   string
	Datasource *struct{ Type string }
	Current    struct{ Value any }
}

// FromDashboards reads the queries of all panels, annotations and variables of a folder's dashboards, and
// by the kind of data source how many there are for others than Prometheus.
func FromDashboards(folder string) (all []Question, elsewhere map[string]int, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, nil, err
	}
	elsewhere = map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		var d dashboard
		if err = json.Unmarshal(text, &d); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		r := reader{where: filepath.Base(file), d: &d, elsewhere: elsewhere}
		if err = r.read(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, r.questions...)
	}
	return all, elsewhere, nil
}

// A reader collects the questions of one dashboard.
type reader struct {
	where     string
	d         *dashboard
	values    []string // $name, value, ...
	questions []Question
	elsewhere map[string]int
}

func (r *reader) read() error {
	if err := r.variables(); err != nil {
		return err
	}
	for _, a := range r.d.Annotations.List {
		if a.Target == nil {
			a.Target = &target{}
		}
		a.Target.Datasource = a.Datasource
		if err := r.ask("annotation "+a.Name, *a.Target, panel{}); err != nil {
			return err
		}
	}
	return r.panels(r.d.Panels)
}

func (r *reader) panels(all []panel) error {
	for _, p := range all {
		for _, t := range p.Targets {
			if err := r.ask(fmt.Sprintf("panel %q target %s", p.Title, t.RefID), t, p); err != nil {
				return err
			}
		}
		if err := r.panels(p.Panels); err != nil {
			return err
		}
	}
	return nil
}

var labelValues = regexp.MustCompile(`(?s)^label_values\((?:(.*), *)?([^,]+)\)$`)

// variables asks what fills them, and notes what they are at first.
func (r *reader) variables() error {
	for _, v := range r.d.Templating.List {
		if v.Type == "query" {
			query, _ := v.Query.(string)
			if object, ok := v.Query.(map[string]any); ok {
				query, _ = object["query"].(string)
			}
			m := labelValues.FindStringSubmatch(query)
			if m == nil || m[1] == "" {
				return fmt.Errorf("variable %s: %q is not label_values(query, label)", v.Name, query)
			}
			r.add(Question{Where: "variable " + v.Name, Query: fmt.Sprintf("count by (%s) (%s)", m[2], m[1])})
		}
		r.values = append(r.values, "${"+v.Name+"}", v.value(), "$"+v.Name, v.value())
	}
	return nil
}

func (v variable) value() string {
	values, ok := v.Current.Value.([]any)
	if !ok {
		values = []any{v.Current.Value}
	}
	var chosen []string
	for _, one := range values {
		text, _ := one.(string)
		if text == "$__all" {
			return v.AllValue
		}
		chosen = append(chosen, text)
	}
	return strings.Join(chosen, "|")
}

// ask adds a target's question, if it is one for Prometheus.
func (r *reader) ask(where string, t target, p panel) error {
	if t.Datasource == nil || t.Datasource.Type != "prometheus" {
		kind := "none"
		if t.Datasource != nil {
			kind = t.Datasource.Type
		}
		r.elsewhere[kind]++
		return nil
	}
	from := p.TimeFrom
	if from == "" {
		from = strings.TrimPrefix(r.d.Time.From, "now-")
	}
	over, err := rangeOf(from, p.Interval, cmp.Or(p.MaxDataPoints, pixels))
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	q := Question{Where: where, Query: over.fill(t.Expr), Exemplars: t.Exemplar}
	if !t.Instant {
		q.Over = over
	}
	r.add(q)
	return nil
}

func (r *reader) add(q Question) {
	q.Where = r.where + ": " + q.Where
	q.Query = strings.NewReplacer(r.values...).Replace(q.Query)
	r.questions = append(r.questions, q)
}

// pixels is how wide panels are: so many points there are, if a panel does not want fewer.
const pixels = 1000

// rangeOf is what Grafana makes of a panel's time, least interval and most points.
func rangeOf(from, interval string, points int64) (Range, error) {
	const month = 31 * 24 * time.Hour
	length := month // "now/M": since the month began
	if !strings.HasPrefix(from, "now/") {
		parsed, err := model.ParseDuration(from)
		if err != nil {
			return Range{}, err
		}
		length = time.Duration(parsed)
	}
	step := max((length / time.Duration(points)).Round(scrapeAsUsual), scrapeAsUsual)
	if interval != "" {
		least, err := model.ParseDuration(strings.TrimPrefix(interval, ">"))
		if err != nil {
			return Range{}, err
		}
		step = max(step, time.Duration(least))
	}
	return Range{length, step}, nil
}

// scrapeAsUsual is the scrape interval that a Grafana data source has by default.
const scrapeAsUsual = 15 * time.Second

// fill puts in Grafana's own variables.
func (r Range) fill(query string) string {
	text := func(d time.Duration) string { return model.Duration(d).String() }
	return strings.NewReplacer(
		"$__rate_interval", text(max(r.Step+scrapeAsUsual, 4*scrapeAsUsual)),
		"$__interval_ms", strconv.FormatInt(r.Step.Milliseconds(), 10),
		"$__interval", text(r.Step),
		"$__range_ms", strconv.FormatInt(r.Length.Milliseconds(), 10),
		"$__range_s", fmt.Sprint(r.Length.Seconds()),
		"$__range", text(r.Length),
	).Replace(query)
}
