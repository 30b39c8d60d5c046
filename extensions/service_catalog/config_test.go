// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

var noObjects = configoptional.Default(Kubernetes{WriteStatus: true})

func TestConfigFile(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	for id, want := range map[string]*Config{
		"service_catalog": {
			Directory: []string{"/etc/otelcol-sre/catalog"}, PollInterval: 10 * time.Second, Admission: admission.DefaultLimits(), Kubernetes: noObjects,
		},
		"service_catalog/objects": {
			Directory: []string{"/etc/otelcol-sre/catalog"}, PollInterval: 10 * time.Second, Admission: admission.DefaultLimits(),
			Kubernetes: configoptional.Some(Kubernetes{Namespaces: []string{"shop", "warehouse"}, WriteStatus: true}),
		},
		"service_catalog/many": {Directory: []string{"/etc/otelcol-sre/catalog", "/srv/team/catalog"}, PollInterval: time.Minute, Admission: admission.DefaultLimits(), Kubernetes: noObjects, Defaults: map[string]any{
			"owner": "platform-team",
			"slos":  []any{map[string]any{"name": "availability", "objective": 99.5, "sli": map[string]any{"availability": map[string]any{}}}},
		}},
	} {
		t.Run(id, func(t *testing.T) {
			sub, err := conf.Sub("extensions::" + id)
			require.NoError(t, err)
			config := NewFactory().CreateDefaultConfig()
			require.NoError(t, sub.Unmarshal(config))
			require.NoError(t, confmap.Validate(config))
			assert.Equal(t, want, config)
		})
	}
}

// The README shows the very file that TestConfigFile loads.
func TestReadmeShowsTheConfigFile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```yaml\n"+string(example)+"```\n")
}

func TestDirectoryIsAStringOrAList(t *testing.T) {
	for name, test := range map[string]struct {
		directory any
		want      []string
	}{
		"string":                  {"catalog", []string{"catalog"}},
		"string with commas":      {"catalog,/srv/catalog", []string{"catalog", "/srv/catalog"}},
		"list":                    {[]any{"catalog", "/srv/catalog"}, []string{"catalog", "/srv/catalog"}},
		"comma in a list's entry": {[]any{"a,b"}, []string{"a,b"}},
		"empty string":            {"", []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			config := createDefaultConfig().(*Config)
			require.NoError(t, confmap.NewFromStringMap(map[string]any{"directory": test.directory}).Unmarshal(config))
			assert.Equal(t, test.want, config.Directory)
		})
	}
}

func TestConfigRefusesUnknownKeys(t *testing.T) {
	err := confmap.NewFromStringMap(map[string]any{"directories": "catalog"}).Unmarshal(createDefaultConfig())
	require.ErrorContains(t, err, "directories")
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		want   []string
	}{
		"namespaces of objects": {
			Config{Directory: []string{"a"}, PollInterval: time.Second, Kubernetes: configoptional.Some(Kubernetes{Namespaces: []string{"shop", "Shop", "shop"}})},
			[]string{`kubernetes::namespaces[1]: "Shop" is not the name of a namespace`, `kubernetes::namespaces[2]: "shop" is listed twice; remove one`},
		},
		"no folder":       {Config{PollInterval: time.Second}, []string{"directory: is missing; name the folder"}},
		"an empty folder": {Config{Directory: []string{"a", ""}, PollInterval: time.Second}, []string{"directory[1]: is empty; name a folder or remove"}},
		"a folder twice":  {Config{Directory: []string{"a", "b", "./a/"}, PollInterval: time.Second}, []string{`directory[2]: "./a/" is listed twice; remove one`}},
		"no polling":      {Config{Directory: []string{"a"}}, []string{"poll_interval: 0s is not positive; use a duration such as 10s"}},
		"all at once":     {Config{PollInterval: -1}, []string{"directory: is missing", "poll_interval: -1ns is not positive"}},
		"no tier": {
			Config{Directory: []string{"a"}, PollInterval: 1, Defaults: map[string]any{"teir": 1, "slos": []any{map[string]any{"name": "a", "objective": 100}}}},
			[]string{
				"defaults: teir is not known; did you mean tier?", "defaults: slos[0].objective 100 leaves no error budget; write less than 100",
				"defaults: slos[0].sli is missing",
			},
		},
		"right": {Config{Directory: []string{"a"}, PollInterval: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.config.Validate()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			assert.Len(t, strings.Split(err.Error(), "\n"), len(test.want))
		})
	}
}

func TestFind(t *testing.T) {
	id := component.MustNewIDWithName("service_catalog", "shop")
	other := component.MustNewID("file_storage")
	source := &serviceCatalog{}
	host := &recordingHost{extensions: map[component.ID]component.Component{id: source, other: nil}}

	found, err := Find(host, id)
	require.NoError(t, err)
	assert.Same(t, source, found)

	_, err = Find(host, component.MustNewID("service_catalog"))
	require.EqualError(t, err, `catalog: no extension "service_catalog" is running; add it to extensions and service::extensions, or name the one that runs`)
	_, err = Find(host, other)
	require.EqualError(t, err, `catalog: extension "file_storage" is not a service catalog; name an extension of type service_catalog`)
}
