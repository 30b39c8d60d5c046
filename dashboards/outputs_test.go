// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func written(t *testing.T, write func(io.Writer, Placement) error) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b, DefaultPlacement()))
	require.True(t, bytes.HasPrefix(b.Bytes(), []byte(Header)))
	return b.Bytes()
}

// grafanaDashboard is what is used of grafana-operator's type.
type grafanaDashboard struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		InstanceSelector *metav1.LabelSelector `json:"instanceSelector"`
		FolderTitle      string                `json:"folder"`
		JSON             string                `json:"json"`
	} `json:"spec"`
}

// hostileServices have names that are not fit to name an object, or only differ in what such a name cannot have.
func hostileServices() []*catalog.Service {
	var services []*catalog.Service
	for _, name := range []string{hostile, "Checkout", "check_out", "check-out", "-", "_", "fleet", "\ufeff: |\n---\n", strings.Repeat("x", 200)} {
		services = append(services, &catalog.Service{Name: name, Description: hostile, SLOs: []*catalog.SLO{{
			Name: "availability", Objective: 99, Window: catalog.Window{Rolling: 36 * time.Hour}, SLI: catalog.SLI{Availability: &catalog.Availability{}},
		}}})
	}
	return services
}

func TestObjectsAreAsKubernetesReadsThem(t *testing.T) {
	files := generate(t, append(examples(t)[:1], hostileServices()[2:]...)...)
	files = append(files, generate(t, hostileServices()[:2]...)...)
	names := map[string]string{}
	for _, f := range files {
		uid := decode(t, f.JSON)["uid"].(string)

		var config corev1.ConfigMap
		require.NoError(t, yaml.UnmarshalStrict(written(t, f.WriteConfigMap), &config), f.Path)
		assert.Empty(t, validation.IsDNS1123Label(config.Name), config.Name)
		assert.Contains(t, []string{"", uid}, names[config.Name], "two dashboards are called %s", config.Name)
		names[config.Name] = uid
		assert.Equal(t, "1", config.Labels["grafana_dashboard"])
		assert.Equal(t, "SLOs", config.Annotations["grafana_folder"])
		require.Len(t, config.Data, 1)
		for key, text := range config.Data {
			assert.Equal(t, uid+".json", key)
			assert.Empty(t, validation.IsConfigMapKey(key))
			assert.JSONEq(t, string(f.JSON), text)
		}

		var custom grafanaDashboard
		require.NoError(t, yaml.UnmarshalStrict(written(t, f.WriteGrafanaDashboard), &custom), f.Path)
		assert.Equal(t, metav1.TypeMeta{Kind: "GrafanaDashboard", APIVersion: "grafana.integreatly.org/v1beta1"}, custom.TypeMeta)
		assert.Equal(t, config.Name, custom.Name)
		assert.Equal(t, "SLOs", custom.Spec.FolderTitle)
		assert.Equal(t, map[string]string{"dashboards": "grafana"}, custom.Spec.InstanceSelector.MatchLabels)
		assert.JSONEq(t, string(f.JSON), custom.Spec.JSON)
	}
	assert.Equal(t, "sre_fleet", names["otelcol-sre-fleet"])
	assert.Equal(t, "sre-fleet", names["sre-fleet"], "the dashboard of a service of that name is another one")
}

// What Kubernetes would refuse is refused here, with the fix.
func TestObjectsFitIntoKubernetes(t *testing.T) {
	f := File{Path: "dashboards/large.json", JSON: []byte(`{"uid": "sre-large", "title": "` + strings.Repeat("x", largestObject) + `"}`)}
	var b bytes.Buffer
	assert.ErrorContains(t, f.WriteConfigMap(&b, DefaultPlacement()), "dashboards/large.json: the dashboard has")
	assert.ErrorContains(t, f.WriteGrafanaDashboard(&b, DefaultPlacement()), "write it as json")
	assert.Empty(t, b.String())
}

func TestProvisioning(t *testing.T) {
	assert.Equal(t, alerts.Header, Header, "srectl tells by it what it may overwrite")
	text := written(t, WriteProvisioning)
	var read struct {
		APIVersion int `json:"apiVersion"`
		Providers  []struct {
			Name                  string            `json:"name"`
			Folder                string            `json:"folder"`
			Type                  string            `json:"type"`
			DisableDeletion       *bool             `json:"disableDeletion"`
			AllowUIUpdates        *bool             `json:"allowUiUpdates"`
			UpdateIntervalSeconds int               `json:"updateIntervalSeconds"`
			Options               map[string]string `json:"options"`
		} `json:"providers"`
	}
	require.NoError(t, yaml.UnmarshalStrict(text, &read))
	assert.Equal(t, 1, read.APIVersion)
	require.Len(t, read.Providers, 1)
	assert.Equal(t, "SLOs", read.Providers[0].Folder)
	assert.Equal(t, "file", read.Providers[0].Type)
	assert.False(t, *read.Providers[0].AllowUIUpdates)
	assert.Equal(t, "/var/lib/grafana/dashboards/otelcol-sre", read.Providers[0].Options["path"])
}
