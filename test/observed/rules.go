// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// maxHold is how long an alert may have to hold before it fires; a run is short.
const maxHold = model.Duration(2 * time.Minute)

// ruleGroups are evaluated by the clock of the run. They are what the API shows.
type ruleGroups []*rules.Group

func (p *Prometheus) load() error {
	manager := rules.NewManager(&rules.ManagerOptions{
		Logger: p.options.Logger, ExternalURL: &url.URL{}, Appendable: p.db, Queryable: p.db,
		QueryFunc:   rules.EngineQueryFunc(p.engine, p.db),
		NotifyFunc:  func(context.Context, string, ...*rules.Alert) {},
		GroupLoader: impatient{},
	})
	groups, errs := manager.LoadGroups(time.Duration(p.config.GlobalConfig.EvaluationInterval), labels.EmptyLabels(), "", nil, false, p.options.Rules...)
	if len(errs) > 0 {
		return fmt.Errorf("rules: %w", errs[0])
	}
	p.rules = slices.SortedFunc(maps.Values(groups), func(a, b *rules.Group) int {
		return cmp.Or(cmp.Compare(a.File(), b.File()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, group := range p.rules {
		group.RestoreForState(p.Now()) // there is nothing to restore, but without it they do not write ALERTS
	}
	return nil
}

// evaluate evaluates each group whenever its interval has passed.
func (p *Prometheus) evaluate(ctx context.Context) {
	const often = 100 * time.Millisecond
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	last := map[*rules.Group]time.Time{}
	for {
		for _, group := range p.rules {
			if now := p.clock.now(); now.Sub(last[group]) >= group.Interval() {
				last[group] = now
				group.Eval(ctx, now)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// RuleGroups is v1.RulesRetriever's.
func (r ruleGroups) RuleGroups() []*rules.Group { return r }

// AlertingRules is v1.RulesRetriever's.
func (r ruleGroups) AlertingRules() (all []*rules.AlertingRule) {
	for _, group := range r {
		all = append(all, group.AlertingRules()...)
	}
	return all
}

// impatient loads rule files as they are, but alerts that have to hold for long.
type impatient struct{}

// Load is rules.GroupLoader's.
func (impatient) Load(file string, ignoreUnknown bool, names model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	groups, errs := rulefmt.ParseFile(file, ignoreUnknown, names, promQL, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, errs
	}
	for _, group := range groups.Groups {
		for i := range group.Rules {
			group.Rules[i].For = min(group.Rules[i].For, maxHold)
		}
	}
	return groups, nil
}

// Parse is rules.GroupLoader's.
func (impatient) Parse(query string) (parser.Expr, error) { return promQL.ParseExpr(query) }
