// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

func TestGenerateDashboardsForKubernetes(t *testing.T) {
	catalog := commandtest.Catalog(t, commandtest.Service)
	for format, want := range map[string][]string{
		"configmap":        {"kind: ConfigMap\n", "grafana_dashboard: \"1\"\n", "grafana_folder: Promises\n", "sre-checkout.json: |\n"},
		"grafanadashboard": {"kind: GrafanaDashboard\n", "folder: Promises\n", "team: sre\n", "stage: prod\n"},
	} {
		out := t.TempDir()
		generate(t, exit.OK, "dashboards", "--catalog", catalog, "--out", out, "--dashboard-format", format,
			"--dashboard-folder", "Promises", "--grafana-labels", "team=sre,stage=prod")
		text, err := os.ReadFile(filepath.Join(out, "dashboards/checkout.yaml"))
		require.NoError(t, err)
		for _, part := range want {
			assert.Contains(t, string(text), part)
		}
		for _, name := range []string{"fleet", "deployments", "correlation", "collector"} {
			assert.FileExists(t, filepath.Join(out, "dashboards", name+".yaml"))
		}
		assert.NoFileExists(t, filepath.Join(out, "dashboards", provisioning), "nobody reads files then")
		assert.Empty(t, generate(t, exit.OK, "dashboards", "--catalog", catalog, "--out", out, "--dashboard-format", format))
	}
}

func TestGenerateProvisioning(t *testing.T) {
	out := t.TempDir()
	generate(t, exit.OK, "dashboards", "--catalog", commandtest.Catalog(t, commandtest.Service), "--out", out, "--dashboard-folder", "Promises", "--dashboard-directory", "/srv/dashboards")
	text, err := os.ReadFile(filepath.Join(out, "dashboards", provisioning))
	require.NoError(t, err)
	assert.Contains(t, string(text), "folder: Promises\n")
	assert.Contains(t, string(text), "path: /srv/dashboards\n")
}

func TestGenerateDashboardFlags(t *testing.T) {
	catalog := commandtest.Catalog(t, commandtest.Service)
	said := generate(t, exit.Usage, "--catalog", catalog, "--out", t.TempDir(), "--dashboard-format", "xml")
	assert.Contains(t, said, `--dashboard-format "xml" is not known`)
	said = generate(t, exit.Usage, "--catalog", catalog, "--out", t.TempDir(), "--grafana-labels", "team")
	assert.Contains(t, said, "write name=value")
}
