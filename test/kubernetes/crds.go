// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// crds are files of CustomResourceDefinitions in the Go modules of those who define them.
var crds = map[string][]string{
	"github.com/prometheus-operator/prometheus-operator@v0.85.0": {
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
	},
	"github.com/cert-manager/cert-manager@v1.21.2":        {"deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"},
	"sigs.k8s.io/gateway-api@v1.6.3":                      {"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"},
	"github.com/kedacore/keda/v2@v2.21.0":                 {"config/crd/bases/keda.sh_scaledobjects.yaml"},
	"github.com/argoproj/argo-cd/v3@v3.5.7":               {"manifests/crds/application-crd.yaml"},
	"github.com/fluxcd/source-controller@v1.8.0":          {"config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"},
	"github.com/bitnami-labs/sealed-secrets@v0.40.0":      {"helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml"},
	"github.com/external-secrets/external-secrets@v1.3.2": {"config/crds/bases/external-secrets.io_externalsecrets.yaml"},
}

// CRDs are the definitions of all custom resources in deploy/, as one stream. Those that no Go module can be had of are
// in testdata/crds, compressed, as their projects publish them: the OpenTelemetry Operator's of v0.158.0, and Flux'.
func CRDs() ([]byte, error) {
	var texts [][]byte
	for module, files := range crds {
		folder, err := ModuleFolder(module)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				return nil, err
			}
			texts = append(texts, text)
		}
	}
	files, err := filepath.Glob(Root("test", "kubernetes", "testdata", "crds", "*.yaml.gz"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := decompressed(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		texts = append(texts, text)
	}
	return bytes.Join(texts, []byte("\n---\n")), nil
}

func decompressed(file string) ([]byte, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(opened)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	text, err := io.ReadAll(reader)
	return text, errors.Join(err, opened.Close())
}
