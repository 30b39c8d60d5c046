// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A World is what happens to several services at once.
type World struct {
	Name   string
	Faults []*Fault
	// Incidents is how many there should be, Origin the service of the newest, Change the version that caused it, "" for none.
	Incidents      int
	Origin, Change string
}

// Worlds are all faults of the library, each in a service of its own, and faults that services hand on to those that depend on them.
func Worlds() []*World {
	var all []*World
	for _, f := range Faults() {
		w := &World{Name: f.Name, Faults: []*Fault{f}, Origin: f.Service.Name}
		if f.Call != Nothing {
			w.Incidents = 1
		}
		if f.Kind == "deployments" && f.Call != Nothing {
			w.Change = "2"
		}
		if f.Name == "two outages of 10 min, 40 min apart" {
			w.Incidents = 2
		}
		all = append(all, w)
	}
	return append(all, chains()...)
}

// service gives a fault to another service.
func (f *Fault) service(name string, dependsOn ...string) *Fault {
	f.Service.Name, f.Service.DependsOn = name, dependsOn
	f.Name = name
	return f
}

// released adds versions to a fault: the second one comes at a time.
func (f *Fault) released(at time.Duration) *Fault {
	f.Versions = []scenario.Version{
		{Name: "1", Status: "completed", Life: scenario.Span{End: at}, Instances: 3}, {Name: "2", Status: "completed", Life: scenario.Span{Begin: at}, Instances: 3},
	}
	return f
}

// later is a time after the lead at which the usual traffic goes on.
func later(wait time.Duration, share float64, length time.Duration) *Fault {
	return fault("", Page, busy, phase(wait, busy, usual), phase(length, busy, share)).change(func(f *Fault) { f.Begin += wait })
}

// chains are faults of services that depend on each other: frontend on checkout, and checkout on payment.
func chains() []*World {
	quietly := func(name string, dependsOn ...string) *Fault {
		return fails("", Nothing, usual, time.Hour).service(name, dependsOn...)
	}
	return []*World{
		{"payment is down for 20 min: 40 % of checkout and 10 % of frontend fail", []*Fault{
			fails("", Page, 1, 20*minute).service("payment"), fails("", Page, 0.4, 20*minute).service("checkout", "payment"), fails("", Page, 0.1, 20*minute).service("frontend", "checkout"),
		}, 1, "payment", ""},
		{"payment fails 5 % for 1 h, which checkout sees at once, and frontend 10 min later", []*Fault{
			fails("", Page, 0.05, hour).service("payment"), fails("", Page, 0.05, hour).service("checkout", "payment"), later(10*minute, 0.05, 50*minute).service("frontend", "checkout"),
		}, 1, "payment", ""},
		{"payment fails 3 %, and checkout all: the caller pages first", []*Fault{
			fails("", Page, 0.03, 30*minute).service("payment"), fails("", Page, 1, 30*minute).service("checkout", "payment"),
		}, 1, "payment", ""},
		{"checkout fails, payment is well", []*Fault{
			quietly("payment"), fails("", Page, 0.5, 30*minute).service("checkout", "payment"), fails("", Page, 0.3, 30*minute).service("frontend", "checkout"),
		}, 1, "checkout", ""},
		{"payment fails from its deployment on, and checkout with it", []*Fault{
			fails("", Page, 0.2, 30*minute).service("payment").released(lead - minute), fails("", Page, 0.1, 30*minute).service("checkout", "payment"),
		}, 1, "payment", "2"},
		{"checkout fails from its deployment on", []*Fault{
			quietly("payment"), fails("", Page, 0.2, 30*minute).service("checkout", "payment").released(lead - minute),
		}, 1, "checkout", "2"},
		{"payment fails, an hour after a deployment of checkout", []*Fault{
			fails("", Page, 0.5, 30*minute).service("payment"), fails("", Page, 0.3, 30*minute).service("checkout", "payment").released(lead - hour),
		}, 1, "payment", ""},
		{"payment fails, 3 h after its own deployment", []*Fault{
			fails("", Page, 0.5, 30*minute).service("payment").released(lead - 3*hour), quietly("checkout", "payment"),
		}, 1, "payment", ""},
		{"payment flaps, and checkout with it", []*Fault{
			repeated()[0].service("payment"), repeated()[0].service("checkout", "payment"),
		}, 1, "payment", ""},
		{"search and payment fail at the same time, and have nothing to do with each other", []*Fault{
			fails("", Page, 0.5, 30*minute).service("payment"), fails("", Page, 0.5, 30*minute).service("search"),
		}, 2, "", ""},
		{"checkout fails; 2 h later, when all is well, payment does", []*Fault{
			later(2*hour, 1, 10*minute).service("payment"), fails("", Page, 1, 10*minute).service("checkout", "payment"),
		}, 2, "payment", ""},
	}
}

// An Incident is one that was found.
type Incident = incident.Incident

// A Life is a world with what was recorded.
type Life struct {
	*World
	Start time.Time
	// Book is the history; Clock is its time, from the start.
	Book  *book.Book
	Clock time.Duration
	// Ends is when the last of the faults is over and seen to be.
	Ends time.Duration

	playbacks []*scenario.Playback
	servers   []*httptest.Server
	apis      []v1.API
}

// Live lives through a world. The gauges of its faults are computed. Close the life after use.
func (w *World) Live(ctx context.Context) (_ *Life, err error) {
	l := &Life{World: w, Start: monday}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	for _, f := range w.Faults {
		p, err := scenario.Sweep(ctx, f.Scenario, Recipes()[0].Rules(f.Scenario))
		if err != nil {
			return nil, err
		}
		l.playbacks = append(l.playbacks, p)
		server := httptest.NewServer(p.Handler())
		l.servers = append(l.servers, server)
		client, err := api.NewClient(api.Config{Address: server.URL})
		if err != nil {
			return nil, err
		}
		l.apis = append(l.apis, v1.NewAPI(client))
		l.Ends = max(l.Ends, f.Length)
	}
	l.Clock = l.Ends
	l.Book = l.book()
	return l, nil
}

func (l *Life) book() *book.Book {
	services := &catalog.Catalog{}
	for _, f := range l.Faults {
		services.Services = append(services.Services, f.Service)
	}
	return book.New(book.Options{
		Source: source{l}, Catalog: func() *catalog.Catalog { return services }, Names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes),
		Now: func() time.Time { return l.Start.Add(l.Clock) },
	})
}

// Reread is what a new book finds at the present time of a life.
func (*World) Reread(ctx context.Context, l *Life) ([]Incident, error) {
	h := l.book().History(ctx, 0)
	return h.Incidents, h.Err
}

// Close ends it.
func (l *Life) Close() (err error) {
	for _, s := range l.servers {
		s.Close()
	}
	for _, p := range l.playbacks {
		err = errors.Join(err, p.Close())
	}
	return err
}

// At are the incidents as they are known at a time.
func (l *Life) At(ctx context.Context, at time.Duration) ([]Incident, error) {
	l.Clock = at
	h := l.Book.History(ctx, 0)
	return h.Incidents, h.Err
}

// Fired is when the first alert of any fault fires.
func (l *Life) Fired() (first time.Duration, found bool) {
	for _, p := range l.playbacks {
		for _, e := range p.Episodes {
			if e.Firing != 0 && e.Alert != "ErrorBudgetExhausted" && (!found || e.Firing < first) {
				first, found = e.Firing, true
			}
		}
	}
	return first, found
}

// A source asks the Prometheus of each service.
type source struct{ *Life }

// At is the result of a query at a time.
func (s source) At(ctx context.Context, query string, at time.Time) (model.Value, error) {
	var vector model.Vector
	var matrix model.Matrix
	for _, one := range s.apis {
		value, _, err := one.Query(ctx, query, at)
		if err != nil {
			return nil, err
		}
		switch v := value.(type) {
		case model.Vector:
			vector = append(vector, v...)
		case model.Matrix:
			matrix = append(matrix, v...)
		}
	}
	if matrix != nil || strings.HasSuffix(query, "]") {
		return matrix, nil
	}
	return vector, nil
}

// Over is its result over a time.
func (s source) Over(ctx context.Context, query string, r v1.Range) (all model.Matrix, err error) {
	for _, one := range s.apis {
		value, _, err := one.QueryRange(ctx, query, r)
		if err != nil {
			return nil, err
		}
		all = append(all, value.(model.Matrix)...)
	}
	return all, nil
}

// Examples are none: a scenario has no traces.
func (source) Examples(context.Context, string, time.Time, time.Time) ([]v1.ExemplarQueryResult, error) {
	return nil, nil
}

// An Outcome is what was found in a world.
type Outcome struct {
	*World
	Start time.Time
	// Early are the IDs of those that were known three minutes after the first alert.
	Early []string
	// Found are those that are known at the end, the newest first.
	Found []Incident
}

// Right reports whether there are as many incidents as there should be, none of them after the fault.
func (o *Outcome) Right() bool {
	if len(o.Found) != o.Incidents {
		return false
	}
	last := time.Duration(0)
	for _, f := range o.Faults {
		last = max(last, f.End)
	}
	return !slices.ContainsFunc(o.Found, func(i Incident) bool { return i.Start.Sub(o.World.start()) > last+grace })
}

func (*World) start() time.Time { return monday }

// OriginRight reports whether the service is named in which it began.
func (o *Outcome) OriginRight() bool {
	if o.Origin == "" {
		return len(o.Found) > 0
	}
	return len(o.Found) > 0 && o.Found[0].Origin().Name == o.Origin
}

// ChangeRight reports whether the version is named that caused it, or none where none did.
func (o *Outcome) ChangeRight() bool {
	return len(o.Found) > 0 && o.change() == o.Change
}

func (o *Outcome) change() string {
	if len(o.Found) == 0 || o.Found[0].Change == nil {
		return ""
	}
	return o.Found[0].Change.Version
}

// Late is how far the start of the last incident is from when the fault began.
func (o *Outcome) Late() time.Duration {
	begin := time.Duration(0)
	for i, f := range o.Faults {
		if f.Call != Nothing && (i == 0 || begin == 0 || f.Begin < begin) {
			begin = f.Begin
		}
	}
	return o.Found[len(o.Found)-1].Start.Sub(o.Start.Add(begin))
}

// ByWorld is a table: how many are right, and a line for each that is not.
func ByWorld(all []*Outcome) string {
	right, origins, changes, wanted, quiet, quietly := 0, 0, 0, 0, 0, 0
	var late []time.Duration
	var wrong []string
	for _, o := range all {
		if o.Incidents == 0 {
			quiet++
			if len(o.Found) == 0 {
				quietly++
			}
		} else {
			wanted++
			for _, one := range []struct {
				holds bool
				count *int
			}{{o.Right(), &right}, {o.OriginRight(), &origins}, {o.ChangeRight(), &changes}} {
				if one.holds {
					*one.count++
				}
			}
			if len(o.Found) > 0 {
				late = append(late, o.Late().Abs())
			}
		}
		if o.Right() && (o.Incidents == 0 || o.OriginRight() && o.ChangeRight() && o.Late().Abs() <= 5*minute) {
			continue
		}
		origin, change := "–", cmp.Or(o.change(), "none")
		if len(o.Found) > 0 {
			origin = o.Found[0].Origin().Name
			if o.Found[0].Change != nil {
				change += fmt.Sprintf(" (%.0f %%)", 100*o.Found[0].Change.Probability)
			}
		}
		start := "–"
		if len(o.Found) > 0 && o.Incidents > 0 {
			start = clock(o.Late())
		}
		wrong = append(wrong, fmt.Sprintf("| %s | %d of %d | %s | %s | %s |", o.Name, len(o.Found), o.Incidents, origin, change, start))
	}
	slices.Sort(late)
	var b strings.Builder
	b.WriteString("| faults | as many incidents as there should be | right origin | right change, or none | start: median, worst distance |\n| --- | --- | --- | --- | --- |\n")
	distance := "–"
	if len(late) > 0 {
		distance = clock(late[len(late)/2]) + ", " + clock(late[len(late)-1])
	}
	fmt.Fprintf(&b, "| %d that somebody is called for | %d | %d | %d | %s |\n| %d that nobody is called for | %d | – | – | – |\n", wanted, right, origins, changes, distance, quiet, quietly)
	if len(wrong) > 0 {
		b.WriteString("\n| those that are not right | incidents | origin | change | start: later than the fault |\n| --- | --- | --- | --- | --- |\n" + strings.Join(wrong, "\n") + "\n")
	}
	return b.String()
}

func clock(d time.Duration) string { return d.Round(time.Second).String() }
