// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An sloStatus is one SLO in one environment. Its texts are safe to print.
type sloStatus struct {
	Service     string `json:"service"`
	Namespace   string `json:"namespace,omitempty"`
	Environment string `json:"environment"`
	SLO         string `json:"slo"`
	// Group has the labels of the SLO's group, if it has groups.
	Group map[string]string `json:"group,omitempty"`
	// Objective and BudgetLeft are shares (1 is all), Coverage the measured share of the period; Burn1h is a multiple of the rate that
	// spends the budget exactly, and SpentIn the seconds in which it does. A value that the endpoint does not have is NaN.
	Objective  output.Number `json:"objective"`
	Burn1h     output.Number `json:"burnRate1h"`
	BudgetLeft output.Number `json:"budgetLeft"`
	Coverage   output.Number `json:"coverage"`
	SpentIn    output.Number `json:"exhaustionSeconds"`
	State      semconv.State `json:"state"`
	// Hint says why nothing was counted, as far as the endpoint knows.
	Hint string `json:"hint,omitempty"`
}

func (s sloStatus) qualifiedService() string {
	if s.Namespace == "" {
		return s.Service
	}
	return s.Namespace + "/" + s.Service
}

// The metric names of the collector's scrape endpoint.
var (
	scraped         = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)
	metricObjective = scraped.Metric(semconv.SLOObjective.Metric)
	metricBurnRate  = scraped.Metric(semconv.SLOBurnRate.Metric)
	metricRemaining = scraped.Metric(semconv.SLORemaining.Metric)
	metricCoverage  = scraped.Metric(semconv.SLOCoverage.Metric)
	metricSpentIn   = scraped.Metric(semconv.SLOExhaustion.Metric)
	metricState     = scraped.Metric(semconv.SLOStates.Metric)
	metricLastSeen  = scraped.Metric(semconv.LastSeen.Metric)
)

// hint names a service that sends telemetry, and is perhaps the one that the catalog means.
func hint(service string, alive map[string]bool) string {
	if alive[service] {
		return "the service sends telemetry, but the SLI has counted no event: check its names and conditions"
	}
	if near := nearest.Word(service, slices.Sorted(maps.Keys(alive))); near != "" {
		return terminal.Label(near) + " sends telemetry, " + terminal.Label(service) + " does not"
	}
	return "the service sends no telemetry"
}

func (s sloStatus) health() semconv.Health {
	return semconv.Health{State: s.State, BurnRate: float64(s.Burn1h), Remaining: float64(s.BudgetLeft)}
}

// worstFirst orders as the status page does.
func worstFirst(a, b sloStatus) int {
	return cmp.Or(
		a.health().Compare(b.health()),
		cmp.Compare(a.qualifiedService(), b.qualifiedService()),
		cmp.Compare(a.Environment, b.Environment),
		cmp.Compare(a.SLO, b.SLO),
		cmp.Compare(a.group(), b.group()),
	)
}

// groupOf are the labels that tell the groups of an SLO apart: those that no gauge of an SLO has for another purpose.
func groupOf(series labels.Labels) map[string]string {
	var group map[string]string
	series.Range(func(l labels.Label) {
		if slices.Contains(ofGauges, l.Name) || strings.HasPrefix(l.Name, "otel_scope_") {
			return
		}
		if group == nil {
			group = make(map[string]string)
		}
		group[terminal.Label(l.Name)] = terminal.Label(l.Value)
	})
	return group
}

var ofGauges = []string{
	model.MetricNameLabel, model.JobLabel, model.InstanceLabel, scraped.Attribute(semconv.ServiceName), scraped.Attribute(semconv.ServiceNamespace),
	scraped.Attribute(semconv.ServiceInstanceID), scraped.Attribute(semconv.ServiceVersion), scraped.Attribute(semconv.Environment), scraped.Attribute(semconv.SLOName),
	scraped.Attribute(semconv.SLOWindow), scraped.Attribute(semconv.SLOState), scraped.Attribute(semconv.SLOOutcome),
}

// maxBody holds the metrics of some ten thousand SLOs.
const maxBody = 128 << 20

// fetch gives the endpoint's answer, at most maxBody of it.
func (s *statusSource) fetch(ctx context.Context) (body []byte, contentType string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String(), http.NoBody)
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5")
	response, err := s.client.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err // the message names the URL already
		}
		return nil, "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("the answer is longer than %d MiB", maxBody>>20)
	}
	return body, response.Header.Get("Content-Type"), err
}

// readStatuses joins the slo_ metrics of a Prometheus or OpenMetrics exposition, worst SLO first.
func readStatuses(body []byte, contentType string) ([]sloStatus, error) {
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(),
		textparse.ParserOptions{FallbackContentType: "text/plain"})
	if parser == nil {
		return nil, err
	}
	type key struct{ namespace, service, environment, slo, group string }
	bySLO, alive := map[key]*sloStatus{}, map[string]bool{}
	var series labels.Labels
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		text, _, value := parser.Series()
		if bytes.HasPrefix(text, []byte(metricLastSeen)) {
			parser.Labels(&series)
			alive[series.Get(scraped.Attribute(semconv.ServiceName))] = true
			continue
		}
		if !bytes.HasPrefix(text, []byte("slo_")) {
			continue
		}
		parser.Labels(&series)
		of := func(attribute string) string { return series.Get(scraped.Attribute(attribute)) }
		group := groupOf(series)
		k := key{of(semconv.ServiceNamespace), of(semconv.ServiceName), of(semconv.Environment), of(semconv.SLOName), fmt.Sprintf("%q", group)}
		status := bySLO[k]
		if status == nil {
			nan := output.Number(math.NaN())
			status = &sloStatus{
				Service: terminal.Label(k.service), Namespace: terminal.Label(k.namespace), Environment: terminal.Label(k.environment), SLO: terminal.Label(k.slo), Group: group,
				Objective: nan, Burn1h: nan, BudgetLeft: nan, Coverage: nan, SpentIn: nan,
			}
		}
		switch name := series.Get(model.MetricNameLabel); {
		case name == metricObjective:
			status.Objective = output.Number(value)
		case name == metricBurnRate && of(semconv.SLOWindow) == "1h":
			status.Burn1h = output.Number(value)
		case name == metricRemaining:
			status.BudgetLeft = output.Number(value)
		case name == metricCoverage:
			status.Coverage = output.Number(value)
		case name == metricSpentIn:
			status.SpentIn = output.Number(value)
		case name == metricState && value == 1: // the label of the same name says which
			status.State = semconv.State(terminal.Label(of(semconv.SLOState)))
		default:
			continue // the counters alone do not make a row
		}
		bySLO[k] = status
	}
	statuses := make([]sloStatus, 0, len(bySLO))
	for k, status := range bySLO {
		if status.State == semconv.StateNeverSeen { // a budget of which nothing is known is not whole
			status.Hint, status.BudgetLeft, status.Burn1h = hint(k.service, alive), output.Number(math.NaN()), output.Number(math.NaN())
		}
		statuses = append(statuses, *status)
	}
	slices.SortFunc(statuses, worstFirst)
	return statuses, nil
}
