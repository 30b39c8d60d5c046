// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A document is the part of a catalog file that is proposed; what it does not say has its default.
type document struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace,omitempty"`
}

type spec struct {
	Owner        string     `yaml:"owner,omitempty"`
	Description  string     `yaml:"description,omitempty"`
	Repository   string     `yaml:"repository,omitempty"`
	Environments []string   `yaml:"environments,omitempty,flow"`
	DependsOn    []string   `yaml:"dependsOn,omitempty,flow"`
	Escalation   escalation `yaml:"escalation,omitempty"`
	Deployment   deployment `yaml:"deployment,omitempty"`
	SLOs         []slo      `yaml:"slos"`
}

type escalation struct {
	Chat string `yaml:"chat,omitempty"`
}

type deployment struct {
	Kubernetes *workload `yaml:"kubernetes,omitempty"`
}

type slo struct {
	Name      string                    `yaml:"name"`
	Objective float64                   `yaml:"objective"`
	SLI       map[string]map[string]any `yaml:"sli,flow"`
}

// text is the document as YAML. The error says why no catalog can have it.
func (d *document) text() ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(d); err != nil {
		return nil, err
	}
	_, problems := catalog.Parse("the file", b.Bytes())
	return b.Bytes(), problems.Err()
}
