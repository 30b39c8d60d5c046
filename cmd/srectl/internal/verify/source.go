// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/ranges"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// probing is how long a server has to say whether it has Prometheus' API.
const probing = 10 * time.Second

// source makes what is asked: the gate of a status page, or a server with Prometheus' API.
func (r *request) source(ctx context.Context) (func(context.Context, time.Time) (gate.Result, error), error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	release, err := r.release(time.Now())
	if err != nil {
		return nil, err
	}
	strategy := otlptranslator.TranslationStrategyOption(r.translation)
	if !slices.Contains(promname.Strategies, strategy) {
		return nil, fmt.Errorf("--translation %.60q is not known: write one of %v", r.translation, promname.Strategies)
	}
	page, err := collector.NewPage("--url", r.url)
	if err != nil {
		return nil, err
	}
	server, err := ranges.New("url", r.url)
	if err != nil {
		return nil, err
	}
	probe, done := context.WithTimeout(ctx, probing)
	defer done()
	if _, err := server.Range(probe, "vector(1)", time.Unix(60, 0), time.Unix(60, 0), time.Minute); err != nil {
		return func(ctx context.Context, now time.Time) (gate.Result, error) {
			result, err := r.ofPage(ctx, page, release.since(now))
			release.learn(&result, err)
			return result, err
		}, nil
	}
	names := promname.New(strategy)
	load := func(ctx context.Context, now time.Time) (*catalog.Catalog, *catalog.Service, error) {
		return r.measured(ctx, stepsOf{server}, names, now)
	}
	if r.catalog != "" {
		loaded, problems := catalog.Load(r.catalog)
		if problems.Err() != nil {
			return nil, fmt.Errorf("the catalog has errors: %w", problems.Err())
		}
		found := loaded.Lookup(r.service)
		if found == nil {
			return nil, fmt.Errorf("--service %s is not in the catalog %s: name one of its services", terminal.Label(r.service), terminal.Label(r.catalog))
		}
		load = func(context.Context, time.Time) (*catalog.Catalog, *catalog.Service, error) {
			return loaded, found, nil
		}
	}
	return func(ctx context.Context, now time.Time) (gate.Result, error) {
		server.Forget()
		c, service, err := load(ctx, now)
		if err != nil {
			return gate.Result{}, err
		}
		most, err := gate.ParseSaturation(r.saturation)
		if err != nil {
			return gate.Result{}, err
		}
		result, err := gate.Ask(ctx, stepsOf{server}, gate.Question{
			Catalog: c, Service: service, Version: r.version, Flag: r.flag, Variant: r.variant, Baseline: r.baseline, Environment: r.environment, SLOs: r.slos, Since: release.since(now), MaxSaturation: most, Now: now, Names: names,
		})
		if errors.Is(err, gate.ErrQuestion) {
			err = errors.New(terminal.Printable(strings.TrimPrefix(err.Error(), gate.ErrQuestion.Error()+": "), terminal.MaxMessage))
		}
		release.learn(&result, err)
		return result, err
	}, nil
}

// A release has one beginning, however long one waits for the answer: evidence that was counted stays.
type release struct{ asked, begun time.Time }

func (r *request) release(now time.Time) (*release, error) {
	begun, err := r.begin(now)
	return &release{now, begun}, err
}

// since is what is asked at a time; zero is not known. What began within reach stays in it.
func (r *release) since(now time.Time) time.Time {
	if oldest := now.Add(-gate.Reach); r.begun.Before(oldest) && !r.begun.IsZero() && r.asked.Sub(r.begun) <= gate.Reach {
		return oldest
	}
	return r.begun
}

// learn takes from an answer when the events of the version began, if nobody has said when the release did.
func (r *release) learn(answer *gate.Result, err error) {
	if err == nil && r.begun.IsZero() && slices.ContainsFunc(answer.SLOs, func(s gate.SLO) bool { return s.Events > 0 }) {
		r.begun = answer.Since
	}
}

// ofPage asks the gate of a status page.
func (r *request) ofPage(ctx context.Context, page *collector.Page, since time.Time) (result gate.Result, err error) {
	parameters := url.Values{}
	for key, value := range map[string]string{"version": r.version, "flag": r.flag, "variant": r.variant, "baseline": r.baseline, "environment": r.environment, "max_saturation": r.saturation} {
		if value != "" {
			parameters.Set(key, value)
		}
	}
	if !since.IsZero() {
		parameters.Set("since", since.UTC().Format(time.RFC3339))
	}
	parameters["slo"] = r.slos
	parts := strings.SplitN(r.service, "/", 2)
	for i := range parts {
		parts[i] = catalog.PathSegment(parts[i])
	}
	if _, err = page.Ask(ctx, "gate/"+strings.Join(parts, "/"), parameters, &result); err == nil && !slices.Contains(deployment.GateVerdicts, string(result.Verdict)) {
		err = fmt.Errorf("the status page at %s answers without a verdict: use the srectl of its version", page.URL.Redacted())
	}
	return result, err
}

// stepsOf is a server as a source.
type stepsOf struct{ server *ranges.Server }

// Range is gate.Source's.
func (s stepsOf) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error) {
	found, err := s.server.Range(ctx, query, first, last, step)
	if err != nil {
		return nil, err
	}
	matrix := make(model.Matrix, 0, len(found))
	for _, series := range found {
		stream := &model.SampleStream{Metric: model.Metric{}}
		for name, value := range series.Metric.Map() {
			stream.Metric[model.LabelName(name)] = model.LabelValue(value)
		}
		for _, p := range series.Floats {
			stream.Values = append(stream.Values, model.SamplePair{Timestamp: model.Time(p.T), Value: model.SampleValue(p.F)})
		}
		matrix = append(matrix, stream)
	}
	return matrix, nil
}

// measured is a service with the objectives that the collector measures by. Of what it depends on, nothing is known.
func (r *request) measured(ctx context.Context, source gate.Source, names promname.Names, now time.Time) (*catalog.Catalog, *catalog.Service, error) {
	const lately = 10 * time.Minute
	service := &catalog.Service{Name: r.service}
	namespace, name, qualified := strings.Cut(r.service, "/")
	label := func(attribute string) string { return promname.QuoteLabel(names.Attribute(attribute)) }
	if qualified {
		service.Namespace, service.Name = namespace, name
	}
	matchers := []string{label(semconv.ServiceName) + "=" + strconv.Quote(service.Name)}
	if qualified {
		matchers = append(matchers, label(semconv.ServiceNamespace)+"="+strconv.Quote(namespace))
	}
	metric := names.Metric(semconv.SLOObjective.Metric)
	end := now.Truncate(time.Second)
	found, err := source.Range(ctx, promname.Select(metric, matchers...), end.Add(-lately), end, time.Minute)
	if err != nil {
		return nil, nil, err
	}
	objectives, namespaces := map[string]float64{}, map[string]bool{}
	for _, series := range found {
		namespaces[string(series.Metric[model.LabelName(names.Attribute(semconv.ServiceNamespace))])] = true
		if n := len(series.Values); n > 0 {
			objectives[string(series.Metric[model.LabelName(names.Attribute(semconv.SLOName))])] = float64(series.Values[n-1].Value)
		}
	}
	if len(namespaces) > 1 {
		return nil, nil, fmt.Errorf("several namespaces have a service %s: write --service NAMESPACE/%s", terminal.Label(r.service), terminal.Label(r.service))
	}
	for namespace := range namespaces {
		service.Namespace = namespace
	}
	for slo, objective := range objectives {
		if objective > 0 && objective < 1 && slo != "" {
			const precision = 1e9
			service.SLOs = append(service.SLOs, &catalog.SLO{Name: slo, Objective: math.Round(objective*100*precision) / precision})
		}
	}
	if len(service.SLOs) == 0 {
		return nil, nil, fmt.Errorf("the server has no objective of service %s: check its name, or give a --catalog", terminal.Label(r.service))
	}
	slices.SortFunc(service.SLOs, func(a, b *catalog.SLO) int { return strings.Compare(a.Name, b.Name) })
	return nil, service, nil
}
