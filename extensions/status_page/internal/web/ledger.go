// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/slow"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/month"
)

const (
	// readers read the minute history at a time; others wait for at most their turn.
	readers = 2
	turn    = 5 * time.Second
	// streamed is how much of a stream is written at a time, and writeTimeout how long each may take.
	streamed     = 64 << 10
	writeTimeout = 30 * time.Second
	// maxCalendars are how many months of SLOs a page has.
	maxCalendars = 12
)

type ledgerBody struct {
	Service   string    `json:"service"`
	Namespace string    `json:"namespace"`
	Month     string    `json:"month"`
	TimeZone  string    `json:"time_zone"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Running   bool      `json:"running"`
	// SLOs are one for each environment and group.
	SLOs []monthOf `json:"slos"`
	// More are left out.
	More int `json:"more"`
	// Spent is what ate the budget of each SLO, in the window that was asked for.
	Spent []spentOf `json:"spent"`
	// Slow says because of what the service is slow in that time; nil if it is not, or if that is not known. Only who asks for what ate the budget alone learns it.
	Slow *slow.Cause `json:"slow_because"`

	Windows  []choice `json:"-"`
	Page     string   `json:"-"`
	Heading  string   `json:"-"`
	Previous string   `json:"-"`
	Next     string   `json:"-"`
	Choices  []choice `json:"-"`
	Columns  []int    `json:"-"`
	Levels   []level  `json:"-"`
}

// A monthOf is a month of an SLO. Shares are from 0 to 1.
type monthOf struct {
	SLO                string            `json:"slo"`
	Environment        string            `json:"environment"`
	Group              map[string]string `json:"group,omitempty"`
	Objective          fleet.Number      `json:"objective"`
	Events             float64           `json:"events"`
	Bad                float64           `json:"bad"`
	Good               fleet.Number      `json:"good"`
	Kept               *bool             `json:"kept"`
	Spent              fleet.Number      `json:"budget_spent"`
	AtWorst            fleet.Number      `json:"budget_spent_at_worst"`
	Measured           float64           `json:"measured"`
	MaintenanceSeconds float64           `json:"maintenance_seconds"`
	Unmeasured         []gapOf           `json:"unmeasured"`
	MoreUnmeasured     int               `json:"more_unmeasured"`
	WorstHours         []hourOf          `json:"worst_hours"`
	Hours              []hourOf          `json:"hours"`

	Name string `json:"-"`
	Days []day  `json:"-"`
}

type hourOf struct {
	Start           time.Time    `json:"start"`
	Events          float64      `json:"events"`
	Bad             float64      `json:"bad"`
	Spent           fleet.Number `json:"budget_spent"`
	MeasuredSeconds float64      `json:"measured_seconds"`
}

// A gapOf is a time of which it is not known what happened. The cause is empty if it is not known either.
type gapOf struct {
	Start time.Time    `json:"start"`
	End   time.Time    `json:"end"`
	Cause ledger.Cause `json:"cause"`
}

// A day is a row of the calendar.
type day struct {
	Name    string
	Weekend bool
	Cells   []cell
}

// A cell is an hour, or so many hours in which nothing is known to have happened: its class, what is read aloud, and if something failed, what the mouse shows.
type cell struct {
	Class, Text, Title string
	Hours              int
}

// A level is a range of shares of the month's budget that look the same.
type level struct {
	Class, Name string
	below       float64
}

// levels are of hours in which something failed.
var levels = []level{
	{"l1", "less than 0.1 % of the budget", 0.001}, {"l2", "less than 0.5 %", 0.005}, {"l3", "less than 2 %", 0.02}, {"l4", "less than 10 %", 0.1}, {"l5", "10 % or more", 0},
}

// otherLevels are of all other hours.
var otherLevels = []level{{Class: "l0", Name: "nothing failed"}, {Class: "idle", Name: "no events that count"}, {Class: "blank", Name: "not measured, or did not count"}}

// keeper is the one that follows an SLO; nil if none does.
func (s *site) keeper(of ledger.SLO) (ledger.Keeper, []ledger.Place) {
	if s.Keepers == nil {
		return nil, nil
	}
	for _, k := range s.Keepers() {
		if places, ok := k.Places(of); ok {
			return k, places
		}
	}
	return nil, nil
}

var errBusy = &failure{http.StatusServiceUnavailable, problem{"Others are reading the minute history.", "Try again in a few seconds."}}

// turn waits for the turn of a reader, which ends with done.
func (s *site) turn(ctx context.Context) (done func(), err error) {
	wait := time.NewTimer(cmp.Or(s.Patience, turn))
	defer wait.Stop()
	select {
	case s.readers <- struct{}{}:
		return func() { <-s.readers }, nil
	case <-wait.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ledger is the page of a month of a service's SLOs, from the minute history of this collector.
func (s *site) ledger(r *http.Request) (*page, error) {
	query := r.URL.Query()
	name := query.Get("service")
	found := find(s.Catalog(), name)
	if found == nil {
		return nil, notFound("The catalog has no service "+words.Bounded(name, maxCell)+".", "Look for it among all SLOs, and follow the link to its month.")
	}
	slos := slices.Clone(found.SLOs)
	if only := query.Get("slo"); only != "" {
		slos = slices.DeleteFunc(slos, func(slo *catalog.SLO) bool { return slo.Name != only })
		if len(slos) == 0 {
			return nil, notFound("The service has no SLO "+words.Bounded(only, maxCell)+".", "Remove slo from the URL to see all of them.")
		}
	}
	zone := cmp.Or(query.Get("time-zone"), "UTC")
	now := s.Now()
	m, err := month.Parse(cmp.Or(query.Get("month"), monthIn(zone, now)), zone, now, "month", "time-zone")
	if err != nil {
		return nil, &failure{http.StatusBadRequest, problem{"The month cannot be shown: " + err.Error() + ".", "Choose another month."}}
	}
	asked, err := spentTimeOf(query, m, now)
	if err != nil {
		return nil, err
	}
	done, err := s.turn(r.Context())
	if err != nil {
		return nil, err
	}
	defer done()
	body := ledgerBody{
		Service: found.Name, Namespace: found.Namespace, Month: m.Name, TimeZone: zone, From: m.From, To: m.To, Running: m.Running, SLOs: []monthOf{},
		Page: fleet.PagePath(found), Heading: m.From.Format("January 2006"), Levels: append(slices.Clone(otherLevels), levels...),
	}
	followed := false
	only := query.Get("only") // what ate the budget needs no minutes
	if only != "" && only != onlySpent {
		return nil, &failure{http.StatusBadRequest, problem{"The month cannot be shown: there is no such part of it.", "Set only to spent, or leave it out."}}
	}
	for _, slo := range slos {
		if only == onlySpent {
			break
		}
		of := ledger.SLO{Namespace: found.Namespace, Service: found.Name, Name: slo.Name}
		k, places := s.keeper(of)
		followed = followed || k != nil
		for _, at := range places {
			if environment := query.Get("environment"); environment != "" && environment != cmp.Or(at.Environment, view.None) {
				continue
			}
			if len(body.SLOs) == maxCalendars {
				body.More++
				continue
			}
			events, err := m.Read(r.Context(), k, of, at, found.Schedule(slo))
			if err != nil {
				return nil, err
			}
			body.SLOs = append(body.SLOs, shown(slo, at, m.Summarize(found, slo, events), m.From.Location()))
		}
	}
	for h := range month.HoursPerDay {
		body.Columns = append(body.Columns, h)
	}
	environment := query.Get("environment")
	if environment == view.None {
		environment = ""
	}
	body.Spent, body.Windows = s.spent(found, slos, environment, asked), spentChoices(found, query, asked)
	s.bill(r, found, environment, body.Spent)
	s.lead(&body, found, query, m, now)
	var unknown error
	if only == onlySpent {
		from, to := asked.of(slos[0])
		body.Slow, unknown = s.why(r.Context(), slowQuestion{slow.Name{Namespace: found.Namespace, Service: found.Name}, environment, from, to})
	}
	p := &page{Title: found.Slug() + " in " + m.Name, Name: "ledger", Body: body}
	switch {
	case only == onlySpent && len(body.Spent) == 0:
		p.Problem = &problem{"This collector has no ledger of the bad events of these SLOs.", "Ask the status page of the gateway whose slo processor follows them. Events that failed before it started are not in it."}
	case only == onlySpent:
		p.Problem = s.silent(unknown)
	case !followed:
		p.Problem = &problem{"This collector has no minute history of the service.", "Ask the status page of the gateway whose slo processor follows it; there is none of SLIs by PromQL."}
	case len(body.SLOs) == 0:
		p.Problem = &problem{"Nothing of these SLOs has been counted here yet.", "Send requests to the service, and look at the doctor if they are not counted."}
	}
	return p, nil
}

// monthIn is the present month; that of UTC if there is no such zone.
func monthIn(zone string, now time.Time) string {
	if location, err := time.LoadLocation(zone); err == nil {
		now = now.In(location)
	}
	return now.Format("2006-01")
}

// lead links to the months before and after, and to each SLO.
func (s *site) lead(body *ledgerBody, of *catalog.Service, query url.Values, m month.Month, now time.Time) {
	to := func(key, value string) string {
		values := url.Values{"service": {serviceName(of)}}
		for _, k := range []string{"slo", "environment", "month", "time-zone"} {
			if v := query.Get(k); v != "" {
				values.Set(k, v)
			}
		}
		if values.Set(key, value); value == "" {
			values.Del(key)
		}
		return "/ledger?" + values.Encode()
	}
	if before := m.From.AddDate(0, -1, 0); now.Sub(m.From) < ledger.Reach {
		body.Previous = to("month", before.Format("2006-01"))
	}
	if after := m.From.AddDate(0, 1, 0); after.Before(now) {
		body.Next = to("month", after.Format("2006-01"))
	}
	body.Choices = []choice{{"all SLOs", to("slo", ""), query.Get("slo") == ""}}
	for _, slo := range of.SLOs {
		body.Choices = append(body.Choices, choice{words.Bounded(slo.Name, maxCell), to("slo", slo.Name), query.Get("slo") == slo.Name})
	}
}

func serviceName(of *catalog.Service) string {
	return strings.TrimPrefix(of.Namespace+"/"+of.Name, "/")
}

// monthPage leads to the month of an SLO; "" if nothing here has its minutes.
func (s *site) monthPage(of *catalog.Service, slo string) string {
	if k, _ := s.keeper(ledger.SLO{Namespace: of.Namespace, Service: of.Name, Name: slo}); k == nil {
		return ""
	}
	return "/ledger?" + url.Values{"service": {serviceName(of)}, "slo": {slo}}.Encode()
}

func shown(slo *catalog.SLO, at ledger.Place, of month.Summary, zone *time.Location) monthOf {
	m := monthOf{
		SLO: slo.Name, Environment: at.Environment, Group: at.Group, Objective: fleet.Number(slo.ObjectiveRatio()), Events: of.Events, Bad: of.Bad, Good: fleet.Number(of.Good),
		Kept: of.Kept, Spent: fleet.Number(of.Spent), AtWorst: fleet.Number(of.AtWorst), Measured: of.Measured, MaintenanceSeconds: of.Excluded.Seconds(), Unmeasured: []gapOf{}, MoreUnmeasured: of.More,
		WorstHours: []hourOf{}, Hours: []hourOf{}, Name: slo.Name,
	}
	for _, name := range slo.GroupBy {
		m.Name += " " + name + "=" + cmp.Or(at.Group[name], view.None)
	}
	for _, g := range of.Unmeasured {
		m.Unmeasured = append(m.Unmeasured, gapOf{g.From.In(zone), g.To.In(zone), g.Cause})
	}
	for _, h := range of.Worst {
		m.WorstHours = append(m.WorstHours, hourly(h))
	}
	for _, h := range of.Hours {
		m.Hours = append(m.Hours, hourly(h))
	}
	for _, d := range of.Days() {
		row := day{Name: d.Date.Format("Mon 2"), Weekend: d.Date.Weekday() == time.Saturday || d.Date.Weekday() == time.Sunday}
		for _, h := range d.Hours {
			one := cellOf(h)
			if last := len(row.Cells) - 1; last >= 0 && (h == nil || h.Events < 0.5) && row.Cells[last].Class == one.Class {
				row.Cells[last].Hours++
				continue
			}
			row.Cells = append(row.Cells, one)
		}
		m.Days = append(m.Days, row)
	}
	return m
}

func hourly(h month.Hour) hourOf {
	return hourOf{h.Start, h.Events, h.Bad, fleet.Number(h.Spent), h.Measured.Seconds()}
}

func cellOf(h *month.Hour) cell {
	switch {
	case h == nil:
		return cell{Class: "none", Hours: 1}
	case h.Bad >= 0.5:
		i := slices.IndexFunc(levels, func(l level) bool { return l.below == 0 || h.Spent < l.below })
		share := words.Percent(h.Spent)
		return cell{levels[i].Class, share, fmt.Sprintf("%s: %s of the budget, %s of %s failed", h.Start.Format("Mon 2 15:04"), share, words.Count(int(math.Round(h.Bad))), words.Count(int(math.Round(h.Events)))), 1}
	case h.Events >= 0.5:
		return cell{Class: "l0", Text: "0", Hours: 1}
	case h.Measured > 0:
		return cell{Class: "idle", Text: "no events", Hours: 1}
	}
	return cell{Class: "blank", Text: "not counted", Hours: 1}
}

// minutes streams the minute history of an SLO, for srectl.
func (s *site) minutes(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	now := s.Now()
	from, err := instant(query.Get("from"), now.Add(-ledger.Reach))
	to, errTo := instant(query.Get("to"), now)
	if errors.Join(err, errTo) != nil || to.Before(from) {
		http.Error(w, "from and to are not times in order. Write them such as 2026-10-01T00:00:00Z.", http.StatusBadRequest)
		return
	}
	if earliest := now.Add(-ledger.Reach); from.Before(earliest) {
		from = earliest
	}
	if to.After(now) {
		to = now
	}
	of := ledger.SLO{Namespace: query.Get("namespace"), Service: query.Get("service"), Name: query.Get("slo")}
	k, places := s.keeper(of)
	if k == nil {
		w.Header().Set(ledger.Unknown, "true")
		http.Error(w, "This collector follows no such SLO. Name namespace, service and slo as the catalog does, and ask the gateway that owns it.", http.StatusNotFound)
		return
	}
	done, err := s.turn(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, errBusy.What+" "+errBusy.Fix, http.StatusServiceUnavailable)
		return
	}
	defer done()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	b := bufio.NewWriterSize(&patient{w, http.NewResponseController(w)}, streamed)
	if err := ledger.Write(r.Context(), b, k, of, places, from, to); err != nil {
		return // a stream without its end is not whole
	}
	if ledger.End(b) == nil {
		_ = b.Flush() // the client's loss
	}
}

func instant(text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	return time.Parse(time.RFC3339, text)
}

// patient gives each write its own time, as the whole may take long.
type patient struct {
	http.ResponseWriter
	*http.ResponseController
}

// Write is io.Writer's.
func (p *patient) Write(b []byte) (int, error) {
	_ = p.SetWriteDeadline(time.Now().Add(writeTimeout)) // a writer without deadlines has no timeout either
	return p.ResponseWriter.Write(b)
}
