// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Check is the newest result of a synthetic check since the release began.
type Check struct {
	Name        string `json:"check"`
	Location    string `json:"location"`
	Environment string `json:"environment"`
	// State is CheckPassed, CheckFailed, or CheckMissing without a result.
	State string `json:"state"`
	// Step is the one in which it failed.
	Step string    `json:"step"`
	At   time.Time `json:"time"`
}

// States of a Check.
const (
	CheckPassed  = semconv.CheckPassed
	CheckFailed  = semconv.CheckFailed
	CheckMissing = "missing"
)

const (
	// maxLocations bounds the results of a check.
	maxLocations = 20
	// maxCheckText bounds what a result says.
	maxCheckText = 64
)

// checks finds out whether the checks of the service are green since the release began. A release does not pass before they are; one that fails is none
// that failed for that: a check sees the old version as well, and what is in between.
func (q Question) checks(ctx context.Context, source Source, g grid, since int, r *Result) error {
	wanted := q.wantedChecks()
	if len(wanted) == 0 {
		return nil
	}
	found, err := q.results(ctx, source, g, since)
	if err != nil {
		return err
	}
	for _, check := range wanted {
		some := false
		for _, one := range found {
			if one.Name == check.Name && one.At.After(r.Since) {
				r.Checks, some = append(r.Checks, one), true
			}
		}
		if !some {
			r.Checks = append(r.Checks, Check{Name: check.Name, Environment: check.Environment, State: CheckMissing})
		}
	}
	if r.Verdict != Pass {
		return nil
	}
	for i := range r.Checks {
		if c := &r.Checks[i]; c.State != CheckPassed {
			r.Verdict, r.Reason = Inconclusive, join(c.why(), r.Reason)
			break
		}
	}
	return nil
}

// why says what keeps the check from being green.
func (c *Check) why() string {
	text := "The check " + c.Name
	if c.Location != "" {
		text += " from " + c.Location
	}
	if c.State == CheckMissing {
		return text + " has no result since the release began."
	}
	return text + " fails in step " + c.Step + "."
}

// wantedChecks are those of the environment.
func (q Question) wantedChecks() (wanted []catalog.Check) {
	for _, check := range q.Service.Checks {
		if check.Environment == "" && len(q.Service.Environments) == 1 {
			check.Environment = q.Service.Environments[0]
		}
		if q.Environment == "" || check.Environment == "" || check.Environment == q.Environment {
			wanted = append(wanted, check)
		}
	}
	return wanted
}

// results are the newest of each check at each location. The value of a series is the time of its result.
func (q Question) results(ctx context.Context, source Source, g grid, since int) ([]Check, error) {
	label := func(attribute string) string { return promname.QuoteLabel(q.Names.Attribute(attribute)) }
	matchers := []string{label(semconv.ServiceName) + "=" + strconv.Quote(q.Service.Name), label(semconv.ServiceNamespace) + "=" + strconv.Quote(q.Service.Namespace)}
	if q.Environment != "" {
		matchers = append(matchers, label(semconv.Environment)+"="+strconv.Quote(q.Environment))
	}
	metric := q.Names.Metric(semconv.CheckTime.Metric)
	matrix, err := source.Range(ctx, promname.Select(metric, matchers...), g.at(since), g.at(g.steps), g.step)
	if err != nil {
		return nil, err
	}
	var all []Check
	for _, series := range matrix {
		value := func(attribute string) string {
			text := string(series.Metric[model.LabelName(q.Names.Attribute(attribute))])
			return strings.ToValidUTF8(text[:min(len(text), maxCheckText)], "")
		}
		one := Check{Name: string(series.Metric[model.LabelName(q.Names.Attribute(semconv.CheckName))]), Location: value(semconv.CheckLocation), Environment: value(semconv.Environment), State: CheckFailed}
		if value(semconv.CheckOutcome) == CheckPassed {
			one.State = CheckPassed
		} else {
			one.Step = value(semconv.CheckStep)
		}
		for _, v := range series.Values {
			if at := time.UnixMilli(int64(float64(v.Value) * 1000)).UTC(); at.After(one.At) {
				one.At = at
			}
		}
		all = newest(all, one)
	}
	return all, nil
}

// newest takes a result if it is the newest of its check and location.
func newest(all []Check, one Check) []Check {
	locations := 0
	for i := range all {
		if all[i].Name != one.Name {
			continue
		}
		if locations++; all[i].Location == one.Location && all[i].Environment == one.Environment {
			if one.At.After(all[i].At) {
				all[i] = one
			}
			return all
		}
	}
	if locations >= maxLocations {
		return all
	}
	return append(all, one)
}
