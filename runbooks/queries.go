// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A query is PromQL, shown as a graph over some hours or as a table of current values.
type query struct {
	promql string
	hours  int
}

// address is the query in Prometheus' expression browser; /graph works in every version.
func (q query) address(base string) string {
	values := url.Values{"g0.expr": {q.promql}, "g0.tab": {"1"}}
	if q.hours > 0 {
		values.Set("g0.tab", "0")
		values.Set("g0.range_input", strconv.Itoa(q.hours)+"h")
	}
	return strings.TrimSuffix(base, "/") + "/graph?" + values.Encode()
}

// queries are about one service.
type queries struct {
	names
	service   *catalog.Service
	dependsOn []catalog.Dependency
}

// named matches recorded series of the service. Rules record the catalog's environments only, and
// a user's query may have no environment, so the matchers have none.
func (q queries) named(more ...matcher) []matcher {
	s := q.service
	matchers := []matcher{{semconv.ServiceName, labels.MatchEqual, s.Name}}
	if s.Namespace != "" {
		matchers = append(matchers, matcher{semconv.ServiceNamespace, labels.MatchEqual, s.Namespace})
	}
	return append(matchers, more...)
}

// of matches the collector's series about the service, in the environments that the catalog lists.
func (q queries) of(more ...matcher) []matcher {
	return append(append(q.named(), environments(q.service)...), more...)
}

func environments(s *catalog.Service) []matcher {
	const name = semconv.Environment
	switch len(s.Environments) {
	case 0:
		return nil
	case 1:
		return []matcher{{name, labels.MatchEqual, s.Environments[0]}}
	default:
		return []matcher{{name, labels.MatchRegexp, alternatives(s.Environments)}}
	}
}

// alternatives is a regular expression for exactly these words.
func alternatives(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = regexp.QuoteMeta(w)
	}
	return strings.Join(quoted, "|")
}

func (q queries) by(attributes ...string) string { return by(q.Attribute, attributes) }

func by(label func(string) string, attributes []string) string {
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = label(a)
		if !model.LegacyValidation.IsValidLabelName(names[i]) {
			names[i] = strconv.Quote(names[i])
		}
	}
	return "by (" + strings.Join(names, ", ") + ")"
}

func about(slo *catalog.SLO) matcher { return matcher{semconv.SLOName, labels.MatchEqual, slo.Name} }

// ratio is the share of bad events over 5m, as recorded; every kind of SLI has it.
func (q queries) ratio(slo *catalog.SLO) query {
	return query{recorded("slo:sli_error:ratio_rate5m", q.named(about(slo))), 6}
}

// worstGroups are the groups with the largest share of bad events, as recorded, the worst first.
func (q queries) worstGroups(slo *catalog.SLO) query {
	return query{"sort_desc(topk(10, " + recorded("slo:sli_error:ratio_rate5m", q.named(about(slo))) + "))", 0}
}

// every is a rule's series for all SLOs of the service.
func (q queries) every(rule string, hours int) query { return query{recorded(rule, q.named()), hours} }

// events are the events per second of an SLO that the collector counts.
func (q queries) events(slo *catalog.SLO, by string, more ...matcher) string {
	return fmt.Sprintf("sum %s (rate(%s[5m]))", by,
		q.collected(semconv.SLOEvents.Metric, q.of(append([]matcher{about(slo)}, more...)...)))
}

var bad = matcher{semconv.SLOOutcome, labels.MatchEqual, semconv.Bad}

// counters are the counters of all SLOs of the service that exist.
func (q queries) counters() query {
	return query{fmt.Sprintf("sum %s (%s)", q.by(semconv.SLOName, semconv.Environment), q.collected(semconv.SLOEvents.Metric, q.of())), 6}
}

// byVersion is the share of bad events of each running version. It shows whether one version is the cause.
func (q queries) byVersion(slo *catalog.SLO) query {
	by := q.by(semconv.ServiceVersion)
	return query{q.events(slo, by, bad) + " / (" + q.events(slo, by) + " > 0)", 3}
}

// badEvents is the number of bad events per minute.
func (q queries) badEvents(slo *catalog.SLO) query {
	return query{"60 * " + q.events(slo, q.by(semconv.Environment), bad), 6}
}

// traffic divides the events per second by those of a week ago: 1 means no change.
func (q queries) traffic(slo *catalog.SLO) query {
	events := q.collected(semconv.SLOEvents.Metric, q.of(about(slo)))
	return query{fmt.Sprintf("sum(rate(%s[5m])) / sum(rate(%s[5m] offset 1w))", events, events), 6}
}

// versions are the shares of bad events of each version, for all SLOs that the collector counts.
func (q queries) versions() query {
	by := q.by(semconv.SLOName, semconv.ServiceVersion)
	share := fmt.Sprintf("sum %s (rate(%s[5m])) / (sum %s (rate(%s[5m])) > 0)", by, q.collected(semconv.SLOEvents.Metric, q.of(bad)), by, q.collected(semconv.SLOEvents.Metric, q.of()))
	return query{share, 3}
}

// load is the traffic of all SLOs that the collector counts, as a share of that of a week ago.
func (q queries) load() query {
	by, events := q.by(semconv.SLOName), q.collected(semconv.SLOEvents.Metric, q.of())
	return query{fmt.Sprintf("sum %s (rate(%s[5m])) / sum %s (rate(%s[5m] offset 1w))", by, events, by, events), 6}
}

// silence is the number of seconds since the last telemetry of the service.
func (q queries) silence() query {
	return query{fmt.Sprintf("time() - max %s (%s)", q.by(semconv.Environment), q.collected(semconv.LastSeen.Metric, q.of())), 6}
}

// silences are the silences of all services, longest first.
func (q queries) silences() query {
	return query{fmt.Sprintf("sort_desc(time() - max %s (%s))", q.by(semconv.ServiceName, semconv.Environment), q.collected(semconv.LastSeen.Metric, nil)), 0}
}

// deploys are the versions first seen within the last day and the seconds since, newest first.
func (q queries) deploys() query {
	return query{fmt.Sprintf("sort(time() - max %s (%s) < 86400)",
		q.by(semconv.Environment, semconv.ServiceVersion, semconv.Revision, semconv.DeploymentStatus),
		q.collected(semconv.DeploymentStart.Metric, q.of())), 0}
}

// effects are how many times as often the newest versions fail as the ones that they replaced, and between which that is.
func (q queries) effects() query {
	return query{fmt.Sprintf("max %s (%s)", q.by(semconv.Environment, semconv.ServiceVersion, semconv.SLOName, semconv.DeploymentEffectBound),
		q.collected(semconv.DeploymentEffect.Metric, q.of())), 3}
}

// costs are the times in which the budget allows as many failures as the newest versions had more than the others.
func (q queries) costs() query {
	return query{fmt.Sprintf("max %s (%s)", q.by(semconv.Environment, semconv.ServiceVersion, semconv.SLOName), q.collected(semconv.DeploymentSpent.Metric, q.of())), 3}
}

// facts are what was reported of the versions that run.
func (q queries) facts() query {
	return query{fmt.Sprintf("max %s (%s)", q.by(semconv.Environment, semconv.ServiceVersion, semconv.DeploymentPreviousVersion, semconv.Revision,
		semconv.DeploymentCompareURL, semconv.PipelineURL, semconv.Change, semconv.UserName), q.collected(semconv.DeploymentInfo.Metric, q.of())), 0}
}

// changes are what has changed besides versions within the last day, of the service or of all, and the seconds since, newest first.
func (q queries) changes() query {
	orNone := func(attribute, value string) matcher {
		return matcher{attribute, labels.MatchRegexp, alternatives([]string{value}) + "|"}
	}
	about := []matcher{orNone(semconv.ServiceName, q.service.Name)}
	if q.service.Namespace != "" {
		about = append(about, orNone(semconv.ServiceNamespace, q.service.Namespace))
	}
	if len(q.service.Environments) > 0 {
		about = append(about, matcher{semconv.Environment, labels.MatchRegexp, alternatives(q.service.Environments) + "|"})
	}
	return query{fmt.Sprintf("sort(time() - max %s (last_over_time(%s[1d])) < 86400)",
		q.by(semconv.ChangeKind, semconv.ChangeName, semconv.ChangePrevious, semconv.ChangeValue, semconv.ChangeStatus, semconv.UserName),
		q.collected(semconv.ChangeTime.Metric, about)), 0}
}

// instances are the numbers of instances by version, now and in the last hours.
func (q queries) instances() query {
	return query{fmt.Sprintf("sum %s (%s)", q.by(semconv.Environment, semconv.ServiceVersion), q.collected(semconv.DeploymentInstances.Metric, q.of())), 6}
}

// dependencies are the burn rates of the services that this one calls, worst first.
func (q queries) dependencies() query {
	named := map[string][]string{}
	for _, d := range q.dependsOn {
		named[d.Namespace()] = append(named[d.Namespace()], d.Name())
	}
	var series []string
	for _, namespace := range slices.Sorted(maps.Keys(named)) {
		matchers := []matcher{{semconv.ServiceName, labels.MatchRegexp, alternatives(named[namespace])}}
		if namespace != "" {
			matchers = append(matchers, matcher{semconv.ServiceNamespace, labels.MatchEqual, namespace})
		}
		series = append(series, recorded("slo:current_burn_rate:ratio", matchers))
	}
	return query{fmt.Sprintf("sort_desc(max %s (%s) > 1)",
		by(underscores, []string{semconv.ServiceName, semconv.SLOName, semconv.Environment}), strings.Join(series, " or ")), 0}
}
