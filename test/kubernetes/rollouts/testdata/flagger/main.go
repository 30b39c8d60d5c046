// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Flagger asks what a Canary asks, as Flagger does, and prints the answers: flagger < documents.yaml, which has the Canary and its MetricTemplates. Queries are
// rendered and run, and webhooks called, by Flagger's own code; the range of a metric is read here, because there it is a part of its controller.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/util/yaml"

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	"github.com/fluxcd/flagger/pkg/controller"
	"github.com/fluxcd/flagger/pkg/metrics/observers"
	"github.com/fluxcd/flagger/pkg/metrics/providers"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(documents io.Reader, out io.Writer) error {
	canary, templates, err := read(documents)
	if err != nil {
		return err
	}
	for _, metric := range canary.GetAnalysis().Metrics {
		template, ok := templates[metric.TemplateRef.Name]
		if !ok {
			return fmt.Errorf("there is no template %q", metric.TemplateRef.Name)
		}
		answer, err := measure(canary, &metric, &template)
		if err != nil {
			answer = "error " + err.Error()
		}
		if _, err := fmt.Fprintln(out, metric.Name, answer); err != nil {
			return err
		}
	}
	for _, hook := range canary.GetAnalysis().Webhooks {
		answer := "confirmed"
		if err := controller.CallWebhook(*canary, flaggerv1.CanaryPhaseProgressing, hook); err != nil {
			answer = "refused"
		}
		if _, err := fmt.Fprintln(out, hook.Name, hook.Type, answer); err != nil {
			return err
		}
	}
	return nil
}

func measure(canary *flaggerv1.Canary, metric *flaggerv1.CanaryMetric, template *flaggerv1.MetricTemplate) (string, error) {
	query, err := observers.RenderQuery(template.Spec.Query, flaggerv1.MetricTemplateModel{
		Name: canary.Name, Namespace: canary.Namespace, Target: canary.Spec.TargetRef.Name, Interval: metric.Interval, Variables: metric.TemplateVariables,
	})
	if err != nil {
		return "", err
	}
	provider, err := providers.NewPrometheusProvider(template.Spec.Provider, nil)
	if err != nil {
		return "", err
	}
	value, err := provider.RunQuery(query)
	switch {
	case err != nil:
		return "", err
	case metric.ThresholdRange.Max != nil && value > *metric.ThresholdRange.Max:
		return "halted", nil
	}
	return "good", nil
}

// read reads a Canary and the templates by name. Fields that Flagger does not know are errors.
func read(documents io.Reader) (canary *flaggerv1.Canary, templates map[string]flaggerv1.MetricTemplate, err error) {
	templates = map[string]flaggerv1.MetricTemplate{}
	reader := yaml.NewYAMLReader(bufio.NewReader(documents))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			if canary == nil {
				err = errors.New("there is no Canary")
				return nil, nil, err
			}
			return canary, templates, nil
		}
		if err != nil {
			return nil, nil, err
		}
		text, err := yaml.ToJSON(document)
		if err != nil {
			return nil, nil, err
		}
		var kind struct{ Kind string }
		if err := json.Unmarshal(text, &kind); err != nil {
			return nil, nil, err
		}
		switch kind.Kind {
		case "Canary":
			canary = &flaggerv1.Canary{}
			err = yaml.UnmarshalStrict(document, canary)
		case "MetricTemplate":
			var template flaggerv1.MetricTemplate
			err = yaml.UnmarshalStrict(document, &template)
			templates[template.Name] = template
		}
		if err != nil {
			return nil, nil, err
		}
	}
}
