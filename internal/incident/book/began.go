// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// burnPrefix begins the names of alerts that look back over a long window.
const burnPrefix = "ErrorBudgetBurn"

// short is how long ago a burn may have ended that a page is about: the shortest window.
const short = 5 * time.Minute

// maxAsked bounds the alerts for which a reading asks when the burn began; the next one asks for the others.
const maxAsked = 50

// measure asks when the burns began that the alerts report.
func (b *Book) measure(ctx context.Context) error {
	asked := 0
	for _, s := range b.series {
		for i := range s.spells {
			one := &s.spells[i]
			if one.measured || asked >= maxAsked {
				continue
			}
			back := lookback(one.Kind)
			if back == 0 {
				one.measured = true
				continue
			}
			asked++
			values, err := b.burn(ctx, one.Service, one.SLO, one.From.Add(-back), one.From)
			if err != nil {
				return err
			}
			found, ok := heaviest(values, stepOf(back))
			if now, still := latest(values, stepOf(back)); one.Page && still && one.From.Sub(now.end) <= short {
				found, ok = now, true // a page also asks whether it burns now
			}
			if ok {
				one.Began = found.start
			}
			if !one.Page && one.Group == "" && strings.HasPrefix(one.Kind, burnPrefix) {
				if one.Chance, err = b.chance(ctx, &one.Spell, back); err != nil {
					return err
				}
			}
			one.measured = true
		}
	}
	return nil
}

// lookback is the long window of an alert; 0 for one that looks at something else.
func lookback(kind string) time.Duration {
	if kind == "DeploymentRegression" {
		return time.Hour
	}
	pair, ok := strings.CutPrefix(kind, burnPrefix)
	if !ok {
		return 0
	}
	for _, p := range catalog.DefaultBurnPairs {
		if p.Name == pair {
			return p.Long
		}
	}
	return 6 * time.Hour
}

// stepOf is how exactly a time is looked at.
func stepOf(length time.Duration) time.Duration {
	return min(max((length/500).Truncate(15*time.Second), 15*time.Second), 5*time.Minute)
}

// burn is the burn rate of five minutes, as the collector or the rules recorded it, of the SLO or, without one, of the worst of the service.
func (b *Book) burn(ctx context.Context, of incident.Service, slo string, from, to time.Time) ([]model.SamplePair, error) {
	sent := b.selector(b.Names.Metric(semconv.SLOBurnRate.Metric), b.Names.Attribute, of, slo, promname.QuoteLabel(b.Names.Attribute(semconv.SLOWindow))+`="5m"`)
	recorded := b.selector("slo:sli_error:ratio_rate5m", promname.Recorded, of, slo)
	budget := b.selector("slo:error_budget:ratio", promname.Recorded, of, slo)
	by := " by (" + promname.QuoteLabel(promname.Recorded(semconv.SLOName)) + ") "
	query := "max(" + sent + ") or max(max" + by + "(" + recorded + ") / max" + by + "(" + budget + "))"
	matrix, err := b.Source.Over(ctx, query, v1.Range{Start: from, End: to, Step: stepOf(to.Sub(from))})
	if err != nil || len(matrix) == 0 {
		return nil, err
	}
	var values []model.SamplePair
	for _, s := range matrix { // both sides of "or" are one series, as neither has labels
		values = append(values, s.Values...)
	}
	return values, nil
}

// selector selects series of a service and its SLO.
func (b *Book) selector(metric string, label func(string) string, of incident.Service, slo string, more ...string) string {
	matchers := more
	add := func(attribute, value string) {
		if value != "" {
			matchers = append(matchers, promname.QuoteLabel(label(attribute))+"="+strconv.Quote(value))
		}
	}
	add(semconv.ServiceName, of.Name)
	add(semconv.ServiceNamespace, of.Namespace)
	add(semconv.SLOName, slo)
	if of.Environment != "" { // SLIs that are PromQL may have none
		matchers = append(matchers, promname.QuoteLabel(label(semconv.Environment))+"=~"+strconv.Quote(regexp.QuoteMeta(of.Environment)+"|"))
	}
	return promname.Select(metric, matchers...)
}

// A run is a time in which more failed than the objective allows.
type run struct {
	start, end time.Time
	area       float64
}

// runs are those of a series of burn rates. Pauses of up to [incident.Quiet] belong to a run.
func runs(values []model.SamplePair, step time.Duration) (all []run) {
	for _, v := range values {
		if !(v.Value > 1) {
			continue
		}
		at := v.Timestamp.Time().UTC()
		if last := len(all) - 1; last >= 0 && at.Sub(all[last].end) <= incident.Quiet {
			all[last].end, all[last].area = at, all[last].area+float64(v.Value)*step.Seconds()
			continue
		}
		all = append(all, run{at, at, float64(v.Value) * step.Seconds()})
	}
	return all
}

// heaviest is the run that spent most; of several alike, the last.
func heaviest(values []model.SamplePair, step time.Duration) (found run, ok bool) {
	for _, r := range runs(values, step) {
		if r.area >= found.area {
			found, ok = r, true
		}
	}
	return found, ok
}

// latest is the last run.
func latest(values []model.SamplePair, step time.Duration) (run, bool) {
	all := runs(values, step)
	if len(all) == 0 {
		return run{}, false
	}
	return all[len(all)-1], true
}

// chance is the probability that as many events fail as the alert saw, or more, of an SLO that just meets its objective; 0 if that is not known.
func (b *Book) chance(ctx context.Context, of *incident.Spell, back time.Duration) (float64, error) {
	var values [3]float64
	over := func(metric string) string {
		return fmt.Sprintf("sum(sum_over_time(%s[%dms])) / 5", b.selector(metric, promname.Recorded, of.Service, of.SLO), back.Milliseconds())
	}
	for i, query := range []string{over("slo:sli_bad:increase5m"), over("slo:sli_total:increase5m"), "max(" + b.selector("slo:error_budget:ratio", promname.Recorded, of.Service, of.SLO) + ")"} {
		found, err := b.vector(ctx, query, of.From)
		if err != nil || len(found) == 0 {
			return 0, err
		}
		values[i] = float64(found[0].Value)
	}
	return atLeast(values[0], values[1]*values[2]), nil
}

// atLeast is the probability of so many events or more where a number of them is expected (Poisson's distribution).
func atLeast(events, expected float64) float64 {
	n := math.Ceil(events - 0.5)
	if n <= expected || expected <= 0 {
		if expected <= 0 {
			return 0
		}
		return 1
	}
	lgamma, _ := math.Lgamma(n + 1)
	term := math.Exp(n*math.Log(expected) - expected - lgamma)
	sum := 0.0
	for ; term > 1e-12*sum && term > 0; n++ {
		sum += term
		term *= expected / (n + 1)
	}
	return min(sum, 1)
}
