// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const defaultPrometheus = "http://localhost:9090"

// A ruleSource is a Prometheus whose rules evaluate SLOs that the collector does not count. A nil one has none.
type ruleSource struct {
	url    *url.URL
	client *http.Client
	failed error // the newest answer
}

func newRuleSource(address string) (*ruleSource, error) {
	if address == "" {
		return &ruleSource{}, nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("--prometheus %q is not an address: write one such as http://localhost:9090", address)
	}
	return &ruleSource{url: u, client: &http.Client{Timeout: 10 * time.Second}}, nil
}

// The recorded series that are read. The first has no labels but those of the SLO and its group.
const (
	queryGroups    = `slo:sli_total:increase5m{slo_name!=""}`
	queryRemaining = `slo:period_error_budget_remaining:ratio{slo_name!=""}`
	queryErrors    = `slo:sli_error:ratio_rate1h{slo_name!=""}`
	queryObjective = `slo:objective:ratio{slo_name!=""}`
	queryNever     = `slo:period_total:events{slo_name!=""} == 0`
	queryFiring    = `ALERTS{alertstate="firing",slo_alert=~"ErrorBudgetBurn.*"}`
)

// A ruled is an SLO that rules evaluate.
type ruled struct{ namespace, service, environment, slo string }

// identifying are the labels of recorded series that name an SLO; all others of queryGroups are those of its group.
var identifying = []string{
	"__name__", promname.Recorded(semconv.ServiceNamespace), promname.Recorded(semconv.ServiceName),
	promname.Recorded(semconv.Environment), promname.Recorded(semconv.SLOName),
}

func ruledOf(labels map[string]string) ruled {
	return ruled{labels[identifying[1]], labels[identifying[2]], labels[identifying[3]], labels[identifying[4]]}
}

// add adds the SLOs that only Prometheus has, worst first.
func (r *ruleSource) add(ctx context.Context, statuses []sloStatus) []sloStatus {
	if r == nil || r.url == nil {
		return statuses
	}
	answers := map[string][]sample{}
	for _, query := range []string{queryGroups, queryRemaining, queryErrors, queryObjective, queryNever, queryFiring} {
		if answers[query], r.failed = r.query(ctx, query); r.failed != nil {
			return statuses
		}
	}
	counted := map[string]bool{}
	for _, s := range statuses {
		counted[s.qualifiedService()+"/"+s.SLO] = true
	}
	nan := output.Number(math.NaN())
	rows, groups := map[string]*sloStatus{}, map[string][]string{}
	for _, s := range answers[queryGroups] {
		k := ruledOf(s.Metric)
		group := maps.Clone(s.Metric)
		maps.DeleteFunc(group, func(name, _ string) bool { return slices.Contains(identifying, name) })
		for name, value := range group {
			delete(group, name)
			group[terminal.Label(name)] = terminal.Label(value)
		}
		status := sloStatus{
			Service: terminal.Label(k.service), Namespace: terminal.Label(k.namespace), Environment: terminal.Label(k.environment), SLO: terminal.Label(k.slo),
			Group: group, Objective: nan, Burn1h: nan, BudgetLeft: nan, State: semconv.StateOK,
		}
		if counted[status.qualifiedService()+"/"+status.SLO] {
			continue
		}
		names := slices.Sorted(maps.Keys(group))
		groups[k.service+"/"+k.slo] = names
		rows[rowKey(k, s.Metric, names)] = &status
	}
	each := func(query string, use func(*sloStatus, sample)) {
		for _, s := range answers[query] {
			k := ruledOf(s.Metric)
			if row := rows[rowKey(k, s.Metric, groups[k.service+"/"+k.slo])]; row != nil {
				use(row, s)
			}
		}
	}
	for _, s := range answers[queryObjective] { // in no environment, and of all groups
		for _, row := range rows {
			if k := ruledOf(s.Metric); row.Service == terminal.Label(k.service) && row.SLO == terminal.Label(k.slo) && row.Namespace == terminal.Label(k.namespace) {
				row.Objective = output.Number(s.value)
			}
		}
	}
	each(queryRemaining, func(row *sloStatus, s sample) {
		if row.BudgetLeft = output.Number(s.value); s.value <= 0 {
			row.State = semconv.StateExhausted
		}
	})
	each(queryErrors, func(row *sloStatus, s sample) { row.Burn1h = output.Number(s.value / (1 - float64(row.Objective))) })
	each(queryFiring, func(row *sloStatus, s sample) {
		state := semconv.StateBurningSlow
		if s.Metric["sloth_severity"] == "page" {
			state = semconv.StateBurningFast
		}
		if state.Worse(row.State) {
			row.State = state
		}
	})
	each(queryNever, func(row *sloStatus, _ sample) {
		row.State, row.BudgetLeft, row.Burn1h = semconv.StateNeverSeen, nan, nan
	})
	for _, row := range rows {
		statuses = append(statuses, *row)
	}
	slices.SortFunc(statuses, worstFirst)
	return statuses
}

// rowKey tells rows apart.
func rowKey(k ruled, labels map[string]string, group []string) string {
	key := fmt.Sprintf("%q", []string{k.namespace, k.service, k.environment, k.slo})
	for _, name := range group {
		key += strconv.Quote(labels[name])
	}
	return key
}

// group is the group of an SLO in words.
func (s sloStatus) group() string {
	if len(s.Group) == 0 {
		return ""
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(s.Group)) {
		pairs = append(pairs, name+"="+s.Group[name])
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// A sample is one of an instant vector.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
	value  float64
}

// query asks for an instant vector.
func (r *ruleSource) query(ctx context.Context, expr string) ([]sample, error) {
	u := r.url.JoinPath("api/v1/query")
	u.RawQuery = url.Values{"query": {expr}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, fmt.Errorf("%s does not answer: %s", r.url.Redacted(), terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	defer response.Body.Close()
	var answer struct {
		Status string `json:"status"`
		Data   struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&answer); err != nil || answer.Status != "success" {
		return nil, fmt.Errorf("%s is not a Prometheus: HTTP status %d", r.url.Redacted(), response.StatusCode)
	}
	for i := range answer.Data.Result {
		text, _ := answer.Data.Result[i].Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			value = math.NaN()
		}
		answer.Data.Result[i].value = value
	}
	return answer.Data.Result, nil
}
