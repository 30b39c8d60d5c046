// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/requests"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// maxGroup bounds the text that a group's value is to contain, in bytes.
const maxGroup = 200

type serviceBody struct {
	Name         string             `json:"name"`
	Namespace    string             `json:"namespace"`
	Owner        string             `json:"owner"`
	Tier         int                `json:"tier"`
	Description  string             `json:"description"`
	Repository   string             `json:"repository"`
	Escalation   escalation         `json:"escalation"`
	Environment  string             `json:"environment"`
	Environments []string           `json:"environments"`
	Range        string             `json:"range"`
	SLOs         []objective        `json:"slos"`
	Requests     []graph            `json:"requests"`
	Failed       []service.Failed   `json:"failed_requests"`
	Versions     []service.Version  `json:"versions"`
	Undo         undo               `json:"undo"`
	Clusters     []service.Cluster  `json:"clusters"`
	Changed      []service.Change   `json:"changes"`
	Alerts       []alert.Alert      `json:"alerts"`
	Past         []service.Past     `json:"past_alerts"`
	DependsOn    []service.Neighbor `json:"depends_on"`
	NeededBy     []service.Neighbor `json:"needed_by"`

	ClustersLength string `json:"-"`
	// RequestsPage and FailedPage list its recent requests; "" if none can be kept.
	RequestsPage string `json:"-"`
	FailedPage   string `json:"-"`
	// MapPage is the map around it.
	MapPage string `json:"-"`

	MorePast int       `json:"-"`
	Group    string    `json:"-"`
	Slug     string    `json:"-"`
	Since    time.Time `json:"-"` // the plots begin, if later than asked for
	Window   *window   `json:"window"`
	Form     formSpan  `json:"-"`
	Runbooks string    `json:"-"`
	Places   []choice  `json:"-"`
	Ranges   []choice  `json:"-"`
}

type escalation struct {
	Chat  string `json:"chat"`
	Pager string `json:"pager"`
	Email string `json:"email"`
	Wiki  string `json:"wiki"`
}

type objective struct {
	*fleet.Row
	Description string `json:"description"`
	SLI         graph  `json:"sli_history"`
	Traffic     graph  `json:"traffic_history"`
	Left        graph  `json:"budget_history"`
	Burn        graph  `json:"burn_history"`
	// Groups are the worst first.
	Groups []service.Group `json:"groups,omitempty"`
	// Grouped says that it has groups, whether or not any is asked for.
	Grouped bool `json:"-"`
	// Month is the page of its month; "" if nothing here has its minutes.
	Month string `json:"-"`
	// Unmeasured is why most of the time was not measured that was not; "" if that is not known, or little.
	Unmeasured string `json:"-"`
}

// A window is a time that does not end now, with the pages of the times around it.
type window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`

	Earlier string `json:"-"`
	Later   string `json:"-"`
	Wider   string `json:"-"`
}

// A formSpan is what a form for another time has at first.
type formSpan struct{ From, To string }

// A graph is a plot as SVG or as data.
type graph struct {
	Title  string        `json:"title"`
	Lines  []line        `json:"lines"`
	Levels []chart.Level `json:"levels"`
	Plot   chart.Plot    `json:"-"`
	SVG    template.HTML `json:"-"`
}

type line struct {
	Name   string        `json:"name"`
	Points []chart.Point `json:"points"`
}

// A choice is a link to the same page, otherwise.
type choice struct {
	Name, URL string
	Chosen    bool
}

// service is the page of one service, which dashboard_url of its alerts leads to.
func (s *site) service(r *http.Request) (*page, error) {
	name := r.PathValue("slug")
	if name == "" {
		name = r.PathValue("namespace") + "/" + r.PathValue("name")
	}
	c := s.Catalog()
	found := find(c, name)
	if found == nil {
		return nil, notFound("The catalog has no service "+words.Bounded(name, 120)+".", "Look for it among all SLOs, or add it to the catalog.")
	}
	q := service.Question{
		Service: found, Catalog: c, Range: usualRange, Now: s.Now(), Names: s.Names, Directory: s.directory(), Recent: s.Recent.Usage().Since,
	}
	query := r.URL.Query()
	q.Environment = query.Get("environment")
	if q.Group = query.Get("group"); len(q.Group) > maxGroup || !utf8.ValidString(q.Group) {
		return nil, &failure{http.StatusBadRequest, problem{"The groups cannot be shown.", fmt.Sprintf("Give at most %d bytes of a group's value.", maxGroup)}}
	}
	shown, err := timeOf(query, q.Now)
	if err != nil {
		return nil, err
	}
	q.Range, q.Until = shown.length, shown.until
	q.History = s.history(r)
	loaded := service.Load(r.Context(), q, s.Prometheus)
	if len(loaded.Versions) > 0 && loaded.Versions[0].Deployed { // the others are judged already
		newest := &loaded.Versions[0]
		verdict, err := s.byCounters(r.Context(), found, loaded.Environment, newest.Version, newest.Since, newest.Verdict)
		newest.Verdict, loaded.Err = verdict, cmp.Or(loaded.Err, err)
	}
	if q.Environment != "" && !slices.Contains(loaded.Places, loaded.Environment) {
		return nil, notFound("The service is not known in the environment "+words.Bounded(q.Environment, 120)+".", "Remove it from the URL to see the service's environments.")
	}
	return &page{Title: found.Slug(), Name: "service", Body: s.serviceBody(loaded, q), Problem: s.silent(cmp.Or(loaded.Err, q.History.Err)), Live: q.Until.IsZero(), Plots: true}, nil
}

// find is a service by a segment of a path, which has _ before a name that is no segment.
func find(c *catalog.Catalog, name string) *catalog.Service {
	if found := c.Lookup(name); found != nil {
		return found
	}
	for _, s := range c.Services {
		if fleet.PagePath(s) == "/services/"+url.PathEscape(name) {
			return s
		}
	}
	return nil
}

func (s *site) serviceBody(of *service.Service, q service.Question) serviceBody {
	body := serviceBody{
		Name: of.Name, Namespace: of.Namespace, Owner: of.Owner, Tier: of.Tier, Description: of.Description, Repository: of.Repository,
		Escalation: escalation(of.Escalation), Environment: of.Environment, Environments: list(of.Places), Range: catalog.FormatDuration(q.Range),
		Versions: list(of.Versions), Clusters: list(of.Clusters), ClustersLength: catalog.FormatDuration(of.ClustersLength()), Changed: list(of.Changed), Alerts: list(of.Alerts), Past: list(of.Past), DependsOn: list(of.Needs), NeededBy: list(of.NeededBy),
		Group: q.Group, SLOs: []objective{}, Requests: []graph{}, Failed: list(of.Failed), Slug: of.Slug(), MorePast: of.MorePast,
	}
	body.Undo = s.undoOf(of.Service, of.Environment, deployedAs(of.Service, of.Environment, body.Versions), &q.History)
	markReturn(body.Versions, body.Undo)
	body.MapPage = mapView{service: serviceName(of.Service), environment: of.Environment, depth: 1}.url()
	if !s.Recent.Off() {
		body.RequestsPage, body.FailedPage = requestsOf(of.Namespace, of.Name, of.Environment, ""), requestsOf(of.Namespace, of.Name, of.Environment, requests.StatusFailed)
	}
	shown := span{q.Range, q.Until}
	if asked := q.Now.Add(-q.Range); q.Until.IsZero() && of.Known.Start.Sub(asked) > q.Range/10 {
		body.Since = of.Known.Start
	}
	end := cmp.Or(q.Until, q.Now)
	body.Form = formSpan{end.Add(-q.Range).UTC().Format(formTime), end.UTC().Format(formTime)}
	if !q.Until.IsZero() {
		body.Window = &window{
			From: q.Until.Add(-q.Range), To: q.Until,
			Earlier: same(of.Service, q.Environment, shown.moved(-1, q.Now), q.Group), Later: same(of.Service, q.Environment, shown.moved(1, q.Now), q.Group),
			Wider: same(of.Service, q.Environment, shown.wider(q.Now), q.Group),
		}
	}
	for _, o := range of.Objectives {
		body.SLOs = append(body.SLOs, objective{o.Row, o.Promise.Description, drawn(o.SLI), drawn(o.Traffic), drawn(o.Left), drawn(o.Burn), o.Groups, o.Promise != nil && len(o.Promise.GroupBy) > 0, s.monthPage(of.Service, o.SLO), s.unmeasured(of.Service, o.Row)})
	}
	for _, p := range of.Requests {
		body.Requests = append(body.Requests, drawn(p))
	}
	if _, err := s.Runbooks.Read(catalog.PathSegment(of.Slug()) + "/"); err == nil {
		body.Runbooks = "/runbooks/" + catalog.PathSegment(of.Slug()) + "/"
	}
	for _, place := range of.Places {
		name := cmp.Or(place, view.None)
		body.Places = append(body.Places, choice{name, same(of.Service, name, shown, q.Group), place == of.Environment})
	}
	for _, length := range ranges {
		body.Ranges = append(body.Ranges, choice{words.Duration(length), same(of.Service, q.Environment, span{length: length}, q.Group), length == q.Range && q.Until.IsZero()})
	}
	return body
}

// list is an empty list, not none, in JSON.
func list[T any](some []T) []T {
	if some == nil {
		return []T{}
	}
	return some
}

func drawn(p chart.Plot) graph {
	g := graph{Title: p.Title, Lines: []line{}, Levels: list(p.Levels), Plot: p}
	for _, l := range p.Lines {
		g.Lines = append(g.Lines, line{l.Name, list(l.Points)})
	}
	if !p.Empty() {
		g.SVG = p.SVG()
	}
	return g
}

// same is the URL of a service's page, otherwise chosen.
func same(of *catalog.Service, environment string, shown span, group string) string {
	values := shown.values()
	if environment != "" {
		values.Set("environment", environment)
	}
	if group != "" {
		values.Set("group", group)
	}
	if len(values) == 0 {
		return fleet.PagePath(of)
	}
	return fleet.PagePath(of) + "?" + values.Encode()
}
