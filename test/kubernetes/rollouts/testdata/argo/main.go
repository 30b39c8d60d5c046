// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Argo asks what the metrics of an AnalysisTemplate ask, as Argo Rollouts does, and prints the phase of each: argo TEMPLATE ARGUMENTS < documents.yaml, with
// the name of the template and its arguments as JSON. It is Argo Rollouts' own code: its providers, its templates of arguments and its conditions.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	log "github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/argoproj/argo-rollouts/metricproviders/prometheus"
	"github.com/argoproj/argo-rollouts/metricproviders/webmetric"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	analysisutil "github.com/argoproj/argo-rollouts/utils/analysis"
)

func main() {
	log.SetOutput(os.Stderr)
	if err := run(os.Args[1], os.Args[2], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A provider measures.
type provider interface {
	Run(run *v1alpha1.AnalysisRun, metric v1alpha1.Metric) v1alpha1.Measurement
}

func run(name, arguments string, documents io.Reader, out io.Writer) error {
	template, err := find(name, documents)
	if err != nil {
		return err
	}
	var given map[string]string
	if err := json.Unmarshal([]byte(arguments), &given); err != nil {
		return err
	}
	args := template.Spec.Args
	for i := range args {
		if value, ok := given[args[i].Name]; ok {
			args[i].Value, args[i].ValueFrom = &value, nil
		}
	}
	for _, metric := range template.Spec.Metrics {
		resolved, err := analysisutil.ResolveMetricArgs(metric, args)
		if err != nil {
			return err
		}
		p, err := providerOf(resolved)
		if err != nil {
			return err
		}
		measured := p.Run(&v1alpha1.AnalysisRun{}, *resolved)
		if _, err := fmt.Fprintf(out, "%s %s %s %s\n", metric.Name, measured.Phase, measured.Value, measured.Message); err != nil {
			return err
		}
	}
	return nil
}

// find reads the template with the name. Fields that Argo Rollouts does not know are errors.
func find(name string, documents io.Reader) (*v1alpha1.AnalysisTemplate, error) {
	reader := yaml.NewYAMLReader(bufio.NewReader(documents))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("there is no template %q", name)
		}
		if err != nil {
			return nil, err
		}
		var template v1alpha1.AnalysisTemplate
		text, err := yaml.ToJSON(document)
		if err != nil {
			return nil, err
		}
		var kind struct{ Kind string }
		if err := json.Unmarshal(text, &kind); err != nil || kind.Kind != "AnalysisTemplate" {
			continue
		}
		if err := yaml.UnmarshalStrict(document, &template); err != nil {
			return nil, err
		}
		if template.Name == name {
			return &template, nil
		}
	}
}

func providerOf(metric *v1alpha1.Metric) (provider, error) {
	logger := *log.NewEntry(log.StandardLogger())
	if metric.Provider.Web != nil {
		client, err := webmetric.NewWebMetricHttpClient(*metric)
		if err != nil {
			return nil, err
		}
		parser, err := webmetric.NewWebMetricJsonParser(*metric)
		if err != nil {
			return nil, err
		}
		return webmetric.NewWebMetricProvider(logger, client, parser), nil
	}
	api, err := prometheus.NewPrometheusAPI(*metric)
	if err != nil {
		return nil, err
	}
	return prometheus.NewPrometheusProvider(api, logger, *metric)
}
