// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// gates is the folder of the gate of each service.
	gates = "/gate/"
	// maxParameter bounds the names in a question to the gate.
	maxParameter = 256
)

// gate answers whether a release may go on. Programs get JSON, unless they want HTML. With want=, the status of the answer says whether the verdict is
// the wanted one, for those that read nothing else.
func (s *site) gate(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		r.Header.Set("Accept", "application/json")
	}
	s.show(s.judge).ServeHTTP(w, r)
}

type gateBody struct {
	gate.Result

	Page  string        `json:"-"`
	State semconv.State `json:"-"`
	With  string        `json:"-"` // what it is compared with
	Rows  []gateRow     `json:"-"`
	Used  []usedRow     `json:"-"`
}

// A usedRow is a saturation in words.
type usedRow struct {
	Resource, Environment, Metric, Of, Mean, Peak, Others, Note string
	Instances                                                   int
	State                                                       semconv.State
}

var usedStates = map[string]semconv.State{gate.Usual: semconv.StateOK, gate.Risen: semconv.StateBurningSlow, gate.Above: semconv.StateBurningFast}

func usedRows(r *gate.Result) (rows []usedRow) {
	for i := range r.Saturation {
		s := &r.Saturation[i]
		row := usedRow{
			Resource: s.Label(), Environment: s.Environment, Metric: s.Metric, Of: s.Of, Mean: s.Amount(s.Mean), Peak: s.Amount(s.Peak), Others: "–", Note: s.State,
			Instances: s.Instances, State: usedStates[s.State],
		}
		if s.Compared != "" {
			row.Others = fmt.Sprintf("%s, at most %s: %s", s.Amount(s.OtherMean), s.Amount(s.OtherPeak), s.Others())
		}
		rows = append(rows, row)
	}
	return rows
}

// A gateRow is an SLO in words.
type gateRow struct {
	SLO, Environment, Verdict, Events, Share, Interval, Objective, Others, Times, Spent, OfBad, Traffic, Before string
	State                                                                                                       semconv.State
}

func (s *site) judge(r *http.Request) (*page, error) {
	name := r.PathValue("slug")
	if name == "" {
		name = r.PathValue("namespace") + "/" + r.PathValue("name")
	}
	c := s.Catalog()
	found := find(c, name)
	if found == nil {
		return nil, notFound("The catalog has no service "+words.Bounded(name, maxCell)+".", "Name one of the catalog as SERVICE or NAMESPACE/SERVICE.")
	}
	query := r.URL.Query()
	for key, values := range query {
		for _, value := range values {
			if len(value) > maxParameter || !utf8.ValidString(value) {
				return nil, &failure{http.StatusBadRequest, problem{"The gate cannot be asked: " + words.Bounded(key, maxCell) + " is not a name.", fmt.Sprintf("Give at most %d bytes of UTF-8.", maxParameter)}}
			}
		}
	}
	want := gate.Verdict(query.Get("want"))
	if want != "" && want != gate.Pass && want != gate.Fail {
		return nil, &failure{http.StatusBadRequest, problem{"The gate cannot be asked: there is no such verdict to want.", "Set want to pass or fail, or leave it out."}}
	}
	now := s.Now()
	since, err := sinceOf(query.Get("since"), now)
	if err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The gate cannot be asked: since is no time.", "Write a time such as 2026-10-01T08:00:00Z, or how long ago it is, such as 30m."}}
	}
	most, err := gate.ParseSaturation(query.Get("max_saturation"))
	if err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The gate cannot be asked: max_saturation is no limit.", "Write a percentage such as 90%, which is 90%25 in a URL, or a share such as 0.9."}}
	}
	result, err := gate.Ask(r.Context(), steps{s.exact}, gate.Question{
		Catalog: c, Service: found, Version: query.Get("version"), Flag: query.Get("flag"), Variant: query.Get("variant"), Baseline: query.Get("baseline"), Environment: query.Get("environment"), SLOs: query["slo"],
		Since: since, MaxSaturation: most, Now: now, Names: promname.New(s.Translation),
	})
	switch {
	case errors.Is(err, gate.ErrQuestion):
		return nil, &failure{http.StatusBadRequest, problem{"The gate cannot be asked: " + words.Bounded(strings.TrimPrefix(err.Error(), gate.ErrQuestion.Error()+": "), 2*maxParameter) + ".", "Change the parameters of the URL."}}
	case err != nil:
		unasked := s.silent(err)
		unasked.Fix = "Ask again when it answers. Start Prometheus, or set extensions::status_page::prometheus to one that runs."
		return nil, &failure{http.StatusServiceUnavailable, *unasked}
	}
	p := &page{Title: found.Slug() + " " + result.Version + result.Flag, Name: "gate", Body: judged(found, result), Live: true}
	if want != "" && want != result.Verdict {
		p.Status = http.StatusPreconditionFailed
	}
	return p, nil
}

// sinceOf is a time, or so long ago; zero is none.
func sinceOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if length, err := catalog.ParseDuration(text); err == nil {
		return now.Add(-length), nil
	}
	return time.Parse(time.RFC3339, text)
}

// steps asks the page's Prometheus.
type steps struct{ client *prometheus.Client }

// Range is gate.Source's.
func (s steps) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error) {
	return s.client.Range(ctx, query, prometheus.Period{Start: first, End: last, Step: step})
}

// byCounters completes what the rules say of a version that was deployed, which may be nothing, by the counters. An answer that fails changes nothing.
func (s *site) byCounters(ctx context.Context, of *catalog.Service, environment, version string, since time.Time, known *service.Verdict) (*service.Verdict, error) {
	if age := s.Now().Sub(since); age <= 0 || age > gate.Reach {
		return known, nil
	}
	return known.Counted(ctx, steps{s.Prometheus}, gate.Question{
		Catalog: s.Catalog(), Service: of, Version: version, Environment: environment, Since: since, Now: s.Now(), Names: promname.New(s.Translation),
	})
}

var verdictStates = map[gate.Verdict]semconv.State{gate.Pass: semconv.StateOK, gate.Fail: semconv.StateBurningFast, gate.Inconclusive: semconv.StateUnknown}

func judged(of *catalog.Service, r gate.Result) gateBody {
	body := gateBody{Result: r, Page: fleet.PagePath(of), State: verdictStates[r.Verdict], With: comparedWith(&r), Used: usedRows(&r)}
	for i := range r.SLOs {
		slo := &r.SLOs[i]
		row := gateRow{
			SLO: slo.Name, Environment: slo.Environment, Verdict: string(slo.Verdict), State: verdictStates[slo.Verdict], Objective: words.Percent(float64(slo.Objective)),
			Events: words.Number(float64(slo.Events)), Share: shareOf(slo.Share), Interval: shareOf(slo.Low) + " to " + shareOf(slo.High), Others: "–", Times: "–", Spent: "–",
			OfBad: shareOf(slo.OfBad), Traffic: rateOf(slo.Rate), Before: rateOf(slo.BeforeRate),
		}
		if slo.Idle {
			row.Verdict, row.State = "no events", semconv.StateIdle
		}
		if slo.Compared != "" {
			row.Others = fmt.Sprintf("%s of %s, %s", shareOf(slo.OtherShare), words.Number(float64(slo.OtherEvents)), slo.Compared)
		}
		if slo.Times.Known() {
			high := "any number"
			if slo.TimesHigh.Known() {
				high = words.Number(float64(slo.TimesHigh))
			}
			row.Times = fmt.Sprintf("%s× (%s to %s)", words.Number(float64(slo.Times)), words.Number(float64(slo.TimesLow)), high)
		}
		if slo.Spent.Known() {
			row.Spent = words.Seconds(float64(slo.Spent))
			if slo.SpentShare.Known() {
				row.Spent += ", " + words.Percent(float64(slo.SpentShare))
			}
		}
		body.Rows = append(body.Rows, row)
	}
	return body
}

// comparedWith is what the release or the change is compared with, in words.
func comparedWith(r *gate.Result) string {
	switch {
	case r.Baseline != "":
		return words.Bounded(r.Baseline, maxCell)
	case r.Flag == "":
		return "all other versions"
	case r.Evidence == gate.ByTime:
		return "the time before the change: events are not counted by variant"
	}
	return "all other variants"
}

func rateOf(n gate.Number) string {
	if !n.Known() {
		return "–"
	}
	return words.Number(float64(n))
}

func shareOf(n gate.Number) string {
	if !n.Known() {
		return "–"
	}
	return words.Percent(float64(n))
}
