package observed

import (
	"log/slog"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// hasty loads rule files as they are, but for their pace: groups are evaluated often, and an alert that
// holds fires at the next evaluation.
type hasty struct {
	interval model.Duration
	parser   parser.Parser
}

func newHasty(interval time.Duration) hasty {
	return hasty{model.Duration(interval), parser.NewParser(parser.Options{})}
}

// Load is rules.GroupLoader's.
func (h hasty) Load(file string, ignoreUnknown bool, names model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	groups, errs := rulefmt.ParseFile(file, ignoreUnknown, names, h.parser, slog.New(slog.DiscardHandler))
	if groups == nil {
		return nil, errs
	}
	for i := range groups.Groups {
		group := &groups.Groups[i]
		group.Interval = h.interval
		for j := range group.Rules {
			group.Rules[j].For = min(group.Rules[j].For, h.interval)
		}
	}
	return groups, errs
}

// Parse is rules.GroupLoader's.
func (h hasty) Parse(query string) (parser.Expr, error) { return h.parser.ParseExpr(query) }
