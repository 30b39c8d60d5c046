// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// MostServices is how many services are asked about a change that concerns all: those with the most events.
const MostServices = 20

// A Common is the verdict on a change of a flag that concerns several services.
type Common struct {
	Verdict  Verdict
	Reason   string
	Evidence string // ByVariant if that is so for each service that the verdict is about
	// Services are those with events, the worst first if it fails.
	Services []string
	Asked    int
}

// AskAll judges a change of a flag by the services of the catalog that fit and have events. The evidence of all of them is averaged, as that of the SLOs of one: of
// 100 changes that make nothing worse, at most 1 is ever failed, however many services there are.
func AskAll(ctx context.Context, source Source, q Question, fits func(*catalog.Service) bool) (Common, error) {
	common := Common{Verdict: Inconclusive, Evidence: ByTime}
	services, left, err := q.busiest(ctx, source, fits)
	if err != nil {
		return common, err
	}
	var results []Result
	for _, of := range services {
		one := q
		one.Service, one.variants = of, nil
		result, err := Ask(ctx, source, one)
		common.Asked++
		switch {
		case errors.Is(err, ErrQuestion):
			continue // it has no SLO that is counted
		case err != nil:
			return common, err
		}
		if slices.ContainsFunc(result.SLOs, func(s SLO) bool { return !s.Idle }) {
			results = append(results, result)
		}
	}
	common.decide(results, left)
	return common, nil
}

func (c *Common) decide(results []Result, left int) {
	if len(results) == 0 {
		c.Reason = "No service that it concerns has events."
		return
	}
	sum, passed := 0.0, 0
	for i := range results {
		sum += results[i].odds
		if results[i].Verdict == Pass {
			passed++
		}
	}
	slices.SortStableFunc(results, func(a, b Result) int { return cmp.Compare(b.odds, a.odds) })
	for i := range results {
		c.Services = append(c.Services, results[i].slug())
	}
	about := results[:1]
	worst := &results[0]
	switch of := fmt.Sprintf("Of %s with events, ", plural(len(results), "service")); {
	case sum/float64(len(results)) > 1/verdict.Alpha && worst.Verdict == Fail:
		c.Verdict, c.Reason = Fail, of+worst.slug()+" fails. "+worst.Reason
	case passed == len(results):
		c.Verdict, c.Reason, about = Pass, of+"none is shown to be harmed: each surely fails less than twice as often as its objectives allow, or than before.", results
	default:
		i := slices.IndexFunc(results, func(r Result) bool { return r.Verdict != Pass })
		about, c.Reason = results[i:i+1], fmt.Sprintf("%s%d pass. %s: %s", of, passed, results[i].slug(), results[i].Reason)
	}
	if left > 0 {
		c.Reason += fmt.Sprintf(" %s with fewer events are not asked.", plural(left, "service"))
	}
	if !slices.ContainsFunc(about, func(r Result) bool { return r.Evidence != ByVariant }) {
		c.Evidence = ByVariant
	}
}

func (r *Result) slug() string { return strings.TrimPrefix(r.Namespace+"/"+r.Service, "/") }

// busiest are the services that fit and have events now, the one with the most first, and how many are left out.
func (q Question) busiest(ctx context.Context, source Source, fits func(*catalog.Service) bool) (services []*catalog.Service, left int, err error) {
	counted := func(of *catalog.Service) bool {
		return fits(of) && slices.ContainsFunc(of.SLOs, func(slo *catalog.SLO) bool { return slo.SLI.Prometheus == nil })
	}
	if !slices.ContainsFunc(q.Catalog.Services, counted) {
		return nil, 0, nil
	}
	label := func(attribute string) string { return promname.QuoteLabel(q.Names.Attribute(attribute)) }
	var matchers []string
	if q.Environment != "" {
		matchers = append(matchers, label(semconv.Environment)+"="+strconv.Quote(q.Environment))
	}
	at := q.Now.Truncate(finest)
	matrix, err := source.Range(ctx, fmt.Sprintf("sum by (%s, %s) (increase(%s[10m]))", label(semconv.ServiceNamespace), label(semconv.ServiceName),
		promname.Select(q.Names.Metric(semconv.SLOEvents.Metric), matchers...)), at, at, time.Minute)
	if err != nil {
		return nil, 0, err
	}
	events := map[*catalog.Service]float64{}
	for _, series := range matrix {
		value := func(attribute string) string {
			return string(series.Metric[model.LabelName(q.Names.Attribute(attribute))])
		}
		of := q.Catalog.Emitter(value(semconv.ServiceNamespace), value(semconv.ServiceName))
		if of == nil || !counted(of) || len(series.Values) == 0 {
			continue
		}
		if n := float64(series.Values[len(series.Values)-1].Value); n > 0 && !math.IsInf(n, 0) {
			events[of] += n
		}
	}
	for _, of := range q.Catalog.Services {
		if events[of] > 0 {
			services = append(services, of)
		}
	}
	slices.SortStableFunc(services, func(a, b *catalog.Service) int { return cmp.Compare(events[b], events[a]) })
	left = max(0, len(services)-MostServices)
	return services[:len(services)-left], left, nil
}
