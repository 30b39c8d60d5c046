// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// perPage is how many SLOs the page gives at a time, and maxPages how often it is asked.
	perPage  = 500
	maxPages = 200
)

// A row is an SLO as the page of all SLOs has it.
type row struct {
	Namespace, Service, SLO, Environment, Page, State string

	Proposed bool
	Left     *float64 `json:"error_budget_remaining"`
	Burn     *float64 `json:"burn_rate"`
}

// read asks the page, and judges each SLO.
func (r *request) read(ctx context.Context, now time.Time) (report, error) {
	result := report{SLOs: []slo{}}
	var err error
	if result.FailBelow, err = share(r.below); err != nil {
		return result, err
	}
	var exceptions []exception
	for _, text := range r.exceptions {
		e, err := parseException(text)
		if err != nil {
			return result, err
		}
		exceptions = append(exceptions, e)
	}
	from, err := r.from(ctx, now)
	if err != nil {
		return result, err
	}
	rows := slices.DeleteFunc(from.rows, func(one row) bool { return !r.wants(&one) })
	known := false
	dependencies := map[[4]string][]string{} // by service
	for _, one := range rows {
		s := slo{Service: one.Service, Namespace: one.Namespace, Environment: one.Environment, SLO: one.SLO, State: one.State, Left: orNaN(one.Left), Burn: orNaN(one.Burn), Verdict: enough}
		known = known || one.Left != nil
		switch {
		case one.Left == nil:
			s.Verdict = unknown
		case one.Proposed:
			s.Verdict = proposed
		case *one.Left < result.FailBelow:
			of := [4]string{one.Namespace, one.Service, one.Environment, one.Page}
			if _, asked := dependencies[of]; !asked {
				if dependencies[of], err = from.failing(ctx, &one); err != nil {
					return result, err
				}
			}
			s.Dependencies = dependencies[of]
			r.judge(&s, exceptions, now)
		}
		result.SLOs = append(result.SLOs, s)
	}
	switch {
	case len(rows) == 0:
		return result, fmt.Errorf("%s has no such SLO: check --service, --slo and --environment", from.name)
	case !known:
		return result, errors.New(strings.TrimSpace("no budget is known yet: wait for the first events. " + from.problem))
	}
	slices.SortStableFunc(result.SLOs, func(a, b slo) int {
		return cmp.Or(compareLeft(float64(a.Left), float64(b.Left)), cmp.Compare(a.fullName(), b.fullName()), cmp.Compare(a.SLO, b.SLO), cmp.Compare(a.Environment, b.Environment))
	})
	return result, nil
}

// A source has the budgets: a status page, or a server with Prometheus' API.
type source struct {
	name    string
	rows    []row
	problem string
	// failing are the services that the row's depends on and that burn or have spent their budget.
	failing func(ctx context.Context, one *row) ([]string, error)
}

func (r *request) from(ctx context.Context, now time.Time) (s source, err error) {
	page, err := collector.NewPage("--url", r.url)
	if err != nil {
		return s, err
	}
	server, found, err := newPrometheus(ctx, r)
	if err != nil {
		return s, err
	}
	if found {
		s.name, s.failing = "Prometheus at "+page.URL.Redacted(), server.failing
		s.rows, err = server.rows(ctx, r.environment, now)
		return s, err
	}
	s.name = "the status page at " + page.URL.Redacted()
	s.failing = func(ctx context.Context, one *row) ([]string, error) { return failing(ctx, page, one.Page) }
	s.rows, s.problem, err = r.rows(ctx, page)
	return s, err
}

// wants reports whether the row is one of those that are asked for.
func (r *request) wants(one *row) bool {
	full := strings.TrimPrefix(one.Namespace+"/"+one.Service, "/")
	return (len(r.services) == 0 || slices.Contains(r.services, one.Service) || slices.Contains(r.services, full)) && (len(r.slos) == 0 || slices.Contains(r.slos, one.SLO))
}

// compareLeft puts the smallest first, and what is not known last.
func compareLeft(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	}
	return cmp.Compare(a, b)
}

func orNaN(f *float64) output.Number {
	if f == nil {
		return output.Number(math.NaN())
	}
	return output.Number(*f)
}

// judge is of an SLO with too little left.
func (r *request) judge(s *slo, exceptions []exception, now time.Time) {
	s.Verdict = below
	var why []string
	if len(s.Dependencies) > 0 {
		why = append(why, "depends on "+strings.Join(s.Dependencies, ", ")+", without budget or burning")
		if r.excuse {
			s.Verdict = excused
		}
	}
	for _, e := range exceptions {
		if !e.fits(*s) {
			continue
		}
		last := e.until.AddDate(0, 0, -1).Format(time.DateOnly)
		if now.Before(e.until) {
			s.Verdict = excepted
			why = append(why, "exception of "+e.owner+" until "+last)
		} else {
			why = append(why, "the exception of "+e.owner+" ended after "+last)
		}
	}
	s.Why = strings.Join(why, "; ")
}

// rows are all SLOs that the flags select.
func (r *request) rows(ctx context.Context, page *collector.Page) (rows []row, problem string, err error) {
	for n := 1; n <= maxPages; n++ {
		var body struct {
			SLOs  []row
			Pages int
		}
		parameters := url.Values{"size": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(n)}, "sort": {"service"}}
		if r.environment != "" {
			parameters.Set("environment", r.environment)
		}
		if problem, err = page.Ask(ctx, "/", parameters, &body); err != nil {
			return nil, problem, err
		}
		rows = append(rows, body.SLOs...)
		if n >= body.Pages {
			return rows, problem, nil
		}
	}
	return nil, "", fmt.Errorf("the status page at %s has more than %d SLOs: choose some with --environment", page.URL.Redacted(), maxPages*perPage)
}

// failing are the dependencies of a service that burn, or have spent their budget.
func failing(ctx context.Context, page *collector.Page, path string) (names []string, err error) {
	if !strings.HasPrefix(path, "/services/") {
		return nil, nil // the catalog does not name it
	}
	var body struct {
		DependsOn []struct {
			Name  string
			State semconv.State
		} `json:"depends_on"`
	}
	if _, err := page.Get(ctx, path, &body); err != nil {
		if errors.Is(err, collector.ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	for _, d := range body.DependsOn {
		if slices.Contains(atFault, d.State) {
			names = append(names, terminal.Label(d.Name))
		}
	}
	return names, nil
}
