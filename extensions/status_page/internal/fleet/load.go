package fleet

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// A Source is the Prometheus that is asked.
type Source interface {
	Instant(ctx context.Context, query string) (model.Vector, error)
	Alerts(ctx context.Context) ([]v1.Alert, error)
}

// A Fleet is all SLOs at one moment.
type Fleet struct {
	Rows []*Row
	// Err says why Prometheus told nothing. The rows are then the catalog's alone.
	Err error
}

var names = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)

func gauge(name, unit string) string {
	return names.Metric(otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeGauge})
}

// The labels of an SLO.
const (
	LabelService     = "service_name"
	LabelNamespace   = "service_namespace"
	LabelEnvironment = "deployment_environment_name"
	LabelSLO         = "slo_name"
	LabelWindow      = "slo_window"
	labelState       = "slo_state"

	bySLO = " by (" + LabelNamespace + ", " + LabelService + ", " + LabelSLO + ", " + LabelEnvironment
)

// The series of an SLO, the collector's and those of recording rules, which know SLIs that the collector does not see.
var (
	Remaining         = gauge("slo.error_budget.remaining", "1")
	BurnRate          = gauge("slo.burn_rate", "1")
	RecordedRemaining = "slo:period_error_budget_remaining:ratio"
	RecordedRatio     = "slo:sli_error:ratio_rate" // + window

	// Several collectors may tell of one SLO: the worse one is believed.
	queries = struct{ state, objective, remaining, burn, exhaustion, recordedRemaining, recordedRatio string }{
		state:             "max" + bySLO + ", " + labelState + ") (" + gauge("slo.state", "") + " == 1)",
		objective:         "max" + bySLO + ") (" + gauge("slo.objective", "1") + ")",
		remaining:         "min" + bySLO + ") (" + Remaining + ")",
		burn:              "max" + bySLO + ") (" + BurnRate + `{` + LabelWindow + `="1h"})`,
		exhaustion:        "min" + bySLO + ") (" + gauge("slo.error_budget.exhaustion", "s") + ")",
		recordedRemaining: "min" + bySLO + ") (" + RecordedRemaining + ")",
		recordedRatio:     "max" + bySLO + ") (" + RecordedRatio + "1h)",
	}
)

// Load asks Prometheus how the SLOs of the catalog stand, and those that only Prometheus knows.
func Load(ctx context.Context, c *catalog.Catalog, source Source) Fleet {
	answers, alerts, err := ask(ctx, source)
	rows := promised(c, answers)
	known := func(s *model.Sample) *Row { return rows.of(key(s.Metric)) }
	for _, s := range answers[queries.state] {
		// Two collectors may disagree for a moment.
		r, state := known(s), State(s.Metric[labelState])
		if slices.Contains(States, state) && (r.State == Unknown || state.Worse(r.State)) {
			r.State = state
		}
	}
	for query, field := range map[string]func(*Row) *Number{
		queries.objective:  func(r *Row) *Number { return &r.Objective },
		queries.remaining:  func(r *Row) *Number { return &r.Remaining },
		queries.burn:       func(r *Row) *Number { return &r.Burn },
		queries.exhaustion: func(r *Row) *Number { return &r.Exhaustion },
	} {
		for _, s := range answers[query] {
			*field(known(s)) = Number(s.Value)
		}
	}
	rows.recorded(answers)
	rows.firing(alerts)
	return Fleet{Rows: rows.all(), Err: err}
}

// ask puts all questions at once. What was answered is used, whatever became of the others.
func ask(ctx context.Context, source Source) (map[string]model.Vector, []v1.Alert, error) {
	var (
		mu      sync.Mutex
		first   error
		alerts  []v1.Alert
		asked   sync.WaitGroup
		answers = map[string]model.Vector{}
	)
	failed := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for _, query := range []string{
		queries.state, queries.objective, queries.remaining, queries.burn, queries.exhaustion, queries.recordedRemaining, queries.recordedRatio,
	} {
		asked.Go(func() {
			vector, err := source.Instant(ctx, query)
			mu.Lock()
			defer mu.Unlock()
			answers[query] = vector
			failed(err)
		})
	}
	asked.Go(func() {
		all, err := source.Alerts(ctx)
		mu.Lock()
		defer mu.Unlock()
		alerts = all
		failed(err)
	})
	asked.Wait()
	return answers, alerts, first
}

func key[M ~map[model.LabelName]model.LabelValue](m M) Key {
	return Key{
		Namespace: string(m[LabelNamespace]), Service: string(m[LabelService]),
		SLO: string(m[LabelSLO]), Environment: string(m[LabelEnvironment]),
	}
}

// PagePath is where the page of a service is.
func PagePath(slug string) string { return "/services/" + Segment(slug) }

// Segment is a name as one segment of a path, as the links in alerts have it.
func Segment(name string) string {
	switch name {
	case "", ".", "..":
		return "_" + name
	}
	return url.PathEscape(name)
}

func marshal(f float64) ([]byte, error) { return json.Marshal(f) }

// Selector selects a service's series; an empty namespace is any.
func Selector(service, namespace string, more ...string) string {
	matchers := []string{LabelService + "=" + strconv.Quote(service)}
	if namespace != "" {
		matchers = append(matchers, LabelNamespace+"="+strconv.Quote(namespace))
	}
	return "{" + strings.Join(append(matchers, more...), ", ") + "}"
}

// OrNone matches a label that has the value, or that is not there.
func OrNone(label, value string) string {
	return label + "=~" + strconv.Quote(regexp.QuoteMeta(value)+"|")
}
