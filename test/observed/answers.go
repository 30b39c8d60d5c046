// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// An Exemption is a part of one query that has no answer in a run, and why. Where may end in *: it is about all queries whose
// place begins so. Of a run that goes the one way or the other it says Perhaps.
type Exemption struct {
	Where, Part, Why string
	Perhaps          bool
}

func (e Exemption) covers(q Question, problem error) bool {
	begin, more := strings.CutSuffix(e.Where, "*")
	about := problem.Error()
	if strings.HasPrefix(about, now) || strings.HasPrefix(about, overRange) { // about the whole query
		about += q.Query
	}
	return (q.Where == e.Where || more && strings.HasPrefix(q.Where, begin)) && strings.Contains(about, e.Part)
}

// Answered asks all questions. What has no answer is asked again, as long as it may take. It returns problems once each, with
// where they come from, and the exemptions in whose way there was no problem.
func (c Check) Answered(ctx context.Context, questions []Question, without []Exemption, within time.Duration) error {
	unused := slices.Clone(without)
	failed := map[string][]Question{}
	passing := func(problem error) bool { return errors.Is(problem, ErrNone) }
	ask := func(q Question, last bool) (answered bool) {
		problems := slices.DeleteFunc(c.Problems(ctx, q), func(problem error) bool {
			exempts := func(e Exemption) bool { return e.covers(q, problem) }
			unused = slices.DeleteFunc(unused, exempts)
			return slices.ContainsFunc(without, exempts)
		})
		if !last && slices.ContainsFunc(problems, passing) { // whatever else there is will be there again
			return false
		}
		for _, problem := range problems {
			failed[problem.Error()] = append(failed[problem.Error()], q)
		}
		return true
	}
	Eventually(ctx, within, func(last bool) bool {
		questions = slices.DeleteFunc(slices.Clone(questions), func(q Question) bool { return ask(q, last) })
		c.At = c.From.Now()
		return len(questions) == 0
	})
	var all []error
	for _, problem := range slices.Sorted(maps.Keys(failed)) {
		all = append(all, fmt.Errorf("%s\n%d times: %s\n\t%s", problem, len(failed[problem]), failed[problem][0].Query, strings.Join(places(failed[problem]), "\n\t")))
	}
	for _, e := range unused {
		if e.Perhaps {
			continue
		}
		all = append(all, fmt.Errorf("%s: %s is answered, although %s", e.Where, e.Part, e.Why))
	}
	return errors.Join(all...)
}

func places(questions []Question) (all []string) {
	for _, q := range questions {
		if !slices.Contains(all, q.Where) {
			all = append(all, q.Where)
		}
	}
	return all
}

// OfTheShop is what the services of the shop have no metrics of.
func OfTheShop() []Exemption {
	all := []Exemption{{Where: `mailer.json: panel "Queues and threads" target A`, Part: "http_server_active_requests{", Why: "it takes messages only"}}
	for _, service := range []string{"payment", "inventory", "mailer"} {
		for _, target := range []string{
			`panel "Callers and dependencies" target calls`, `panel "Callers and dependencies" target errors`,
			`panel "Callers and dependencies" target took`, `panel "Errors of calls" target A`,
		} {
			all = append(all, Exemption{Where: service + ".json: " + target, Part: `{client="` + service + `"`, Why: "it calls nobody"})
		}
	}
	for _, metric := range []string{"deployment_effect_ratio{", "deployment_budget_spent_seconds{"} {
		all = append(all, Exemption{Where: "*", Part: metric, Why: "a version has to fail for some minutes before it is compared", Perhaps: true})
	}
	all = append(all, Exemption{Where: "*", Part: "slo_ledger_events{", Why: "only what is over-represented among bad events is named", Perhaps: true})
	return all
}

// Eventually tries every second until it is done, a last time when time is up.
func Eventually(ctx context.Context, within time.Duration, try func(last bool) (done bool)) {
	end := time.After(within)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for !try(false) {
		select {
		case <-ctx.Done():
			try(true)
			return
		case <-end:
			try(true)
			return
		case <-ticker.C:
		}
	}
}
