// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

var composeGo = gotool.Module{
	Path: "github.com/compose-spec/compose-go/v2", Version: "v2.16.2",
	Sum: "h1:pTp1DqQwJzFd85GzlWsSszKA1ABrV/ySqsClujIcWA8=", GoModSum: "h1:Q1+qtN4vhzEjGrnqRtzx1xa8raDZQlMUe3WJxndYNiQ=",
}

// A composed is a service of the Compose file.
type composed struct {
	Image, User string
	Build       *struct{ Dockerfile, Target string }
	Command     []string
	Environment map[string]string
	ReadOnly    bool     `json:"read_only"`
	CapDrop     []string `json:"cap_drop"`
	CapAdd      []string `json:"cap_add"`
	SecurityOpt []string `json:"security_opt"`
	Privileged  bool
	MemLimit    string `json:"mem_limit"`
	NetworkMode string `json:"network_mode"`
	Ports       []struct {
		HostIP string `json:"host_ip"`
	}
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `json:"read_only"`
	}
	Healthcheck *struct{ Test []string }
}

// compose loads the Compose file with the variables.
func compose(t *testing.T, variables ...string) (map[string]composed, error) {
	t.Helper()
	program, err := gotool.BuildWith(composeGo, "testdata/compose")
	require.NoError(t, err)
	cmd := exec.Command(program, "../deploy/compose/compose.yaml")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, variables...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, assert.AnError
	}
	assert.Empty(t, said.String(), "no warnings")
	var project struct{ Services map[string]composed }
	require.NoError(t, json.Unmarshal(out.Bytes(), &project))
	return project.Services, nil
}

func composedServices(t *testing.T) map[string]composed {
	t.Helper()
	services, err := compose(t, "GRAFANA_ADMIN_PASSWORD=only-here")
	require.NoError(t, err)
	return services
}

func TestComposeHasNoPasswordOfItsOwn(t *testing.T) {
	_, err := compose(t)
	require.Error(t, err, "without GRAFANA_ADMIN_PASSWORD nothing starts")
	assert.Equal(t, "only-here", composedServices(t)["grafana"].Environment["GF_SECURITY_ADMIN_PASSWORD"])
}

func TestComposeIsRestricted(t *testing.T) {
	services := composedServices(t)
	pinned := regexp.MustCompile(`^[a-z]+/[a-z]+:v?\d+\.\d+\.\d+$`)
	for _, name := range []string{"shop", "agent", "gateway", "prometheus", "alertmanager", "grafana", "tempo", "loki", "jaeger"} {
		assert.Contains(t, services, name)
	}
	for name, s := range services {
		assert.True(t, s.ReadOnly, name)
		assert.False(t, s.Privileged, name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Empty(t, s.CapAdd, name)
		assert.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, name)
		assert.NotEmpty(t, s.MemLimit, name)
		assert.Empty(t, s.NetworkMode, name)
		for _, port := range s.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, name)
		}
		if s.Build != nil { // ours: the Dockerfile says the user
			assert.Contains(t, []string{"otelcol-sre", "shop"}, s.Build.Target, name)
		} else {
			assert.Regexp(t, pinned, s.Image, name)
			assert.Regexp(t, `^[1-9]\d*:\d+$`, s.User, name)
		}
		for _, v := range s.Volumes {
			if v.Type == "bind" {
				assert.True(t, v.ReadOnly, "%s: %s", name, v.Target)
				_, err := os.Stat(v.Source)
				assert.NoError(t, err, name)
			}
		}
	}
}

// Each collector's arguments and variables make a config that the collector takes.
func TestComposeCollectorsHaveValidConfigs(t *testing.T) {
	services := composedServices(t)
	for _, name := range []string{"agent", "gateway"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(binary, append([]string{"validate"}, services[name].Command...)...)
			for key, value := range services[name].Environment {
				cmd.Env = append(cmd.Env, key+"="+value)
			}
			cmd.Env = append(cmd.Env, "OTELCOL_SRE_STORAGE="+t.TempDir(), "OTELCOL_SRE_CATALOG=../examples/catalog")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
	// What the gateway sends on goes to services that are here.
	for key, value := range services["gateway"].Environment {
		if target := regexp.MustCompile(`^(?:http://)?([a-z]+):\d+$`).FindStringSubmatch(value); target != nil {
			assert.Contains(t, services, target[1], key)
		}
	}
}

// mounted is a folder with what the service has mounted, and the file that it reads as path.
func mounted(t *testing.T, s composed, path string) string {
	t.Helper()
	root := t.TempDir()
	for _, v := range s.Volumes {
		if v.Type != "bind" {
			continue
		}
		target := filepath.Join(root, v.Target)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o750))
		require.NoError(t, os.Symlink(v.Source, target))
	}
	return filepath.Join(root, path)
}

func TestComposePrometheusTakesItsConfig(t *testing.T) {
	promtool, err := gotool.Build("github.com/prometheus/prometheus/cmd/promtool")
	require.NoError(t, err)
	prometheus := composedServices(t)["prometheus"]
	assert.Contains(t, prometheus.Command, "--config.file=/etc/prometheus/prometheus.yaml")
	config := mounted(t, prometheus, "/etc/prometheus/prometheus.yaml")
	// promtool looks beside the file itself, not beside the link.
	beside := filepath.Join(filepath.Dir(config), "copy.yaml")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(beside, text, 0o600))
	out, err := exec.Command(promtool, "check", "config", "--lint=all", "--lint-fatal", beside).CombinedOutput()
	require.NoError(t, err, "%s", out)
	rules, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	assert.Equal(t, len(rules), strings.Count(string(out), " rules found"), "%s", out)
}

func TestComposeAlertmanagerTakesItsConfig(t *testing.T) {
	config := mounted(t, composedServices(t)["alertmanager"], "/etc/alertmanager/alertmanager.yaml")
	out, err := exec.Command(installed(t, amtoolPackage), "check-config", config).CombinedOutput()
	require.NoError(t, err, "%s", out)
	inhibition, err := os.ReadFile("../alerts/examples/alertmanager-inhibit.yaml")
	require.NoError(t, err)
	_, rules, _ := strings.Cut(string(inhibition), "inhibit_rules:")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	assert.Contains(t, string(text), "inhibit_rules:"+rules, "run make generate")
}

// Grafana has a data source of each type that a dashboard asks for, every dashboard, and links only to what there is.
func TestComposeGrafanaIsProvisioned(t *testing.T) {
	services := composedServices(t)
	grafana := services["grafana"]
	text, err := os.ReadFile(mounted(t, grafana, "/etc/grafana/provisioning/datasources/otelcol-sre.yaml"))
	require.NoError(t, err)
	var provisioned struct {
		Datasources []struct{ UID, Type, URL string }
	}
	require.NoError(t, yaml.Unmarshal(text, &provisioned))
	var types, uids []string
	for _, d := range provisioned.Datasources {
		types, uids = append(types, d.Type), append(uids, d.UID)
		at, err := url.Parse(d.URL)
		require.NoError(t, err)
		assert.Contains(t, services, at.Hostname())
	}
	for _, link := range regexp.MustCompile(`datasourceUid: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, uids, link[1])
	}

	var folder struct {
		Providers []struct{ Options struct{ Path string } }
	}
	text, err = os.ReadFile(mounted(t, grafana, "/etc/grafana/provisioning/dashboards/otelcol-sre.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &folder))
	dashboards, err := filepath.Glob("../dashboards/examples/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, dashboards)
	for _, file := range dashboards {
		text, err := os.ReadFile(mounted(t, grafana, filepath.Join(folder.Providers[0].Options.Path, filepath.Base(file))))
		require.NoError(t, err, "mount it")
		for _, kind := range dataSources(t, text) {
			if kind != "elasticsearch" { // optional, and not here
				assert.Contains(t, types, kind, file)
			}
		}
	}
}

// dataSources are the types of those that a dashboard lets choose.
func dataSources(t *testing.T, dashboard []byte) (types []string) {
	t.Helper()
	var d struct {
		Templating struct {
			List []struct {
				Type  string
				Query any
			}
		}
	}
	require.NoError(t, json.Unmarshal(dashboard, &d))
	for _, variable := range d.Templating.List {
		if name, ok := variable.Query.(string); ok && variable.Type == "datasource" && !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	require.NotEmpty(t, types)
	return types
}
