// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMissingVariablesAreNamed(t *testing.T) {
	_, err := resolve(t, "builtin:gateway", "builtin:grafana-cloud")
	assert.ErrorContains(t, err, "built-in config grafana-cloud.yaml: set OTELCOL_SRE_GRAFANA_CLOUD_USER, OTELCOL_SRE_GRAFANA_CLOUD_TOKEN, OTELCOL_SRE_GRAFANA_CLOUD; "+
		`this is "Grafana Cloud: everything, traces sampled. Reads OTELCOL_SRE_GRAFANA_CLOUD (OTLP endpoint of the stack`)
	t.Setenv("OTELCOL_SRE_TEMPO", "") // as a Secret's key that was left empty
	_, err = resolve(t, "builtin:gateway", "builtin:tempo")
	assert.ErrorContains(t, err, "set OTELCOL_SRE_TEMPO; ")
	t.Setenv("OTELCOL_SRE_TEMPO", "tempo:4317")
	_, err = resolve(t, "builtin:gateway", "builtin:tempo")
	assert.NoError(t, err)
}

// Roles start without a variable set, and what a file says of the variables it reads is so.
func TestFilesNameTheirVariables(t *testing.T) {
	variable := regexp.MustCompile(`\$\{env:(\w+)`)
	shared := []string{"OTELCOL_SRE_STORAGE", "OTELCOL_SRE_QUEUE"} // of the README
	for _, role := range Roles {
		for _, layer := range role {
			text, err := files.ReadFile(layer)
			require.NoError(t, err)
			assert.NoError(t, required(text), layer)
		}
	}
	for _, fragment := range Fragments() {
		text, err := files.ReadFile(fragment + ".yaml")
		require.NoError(t, err)
		config := strings.Index(string(text), "\n") + 1
		for strings.HasPrefix(string(text[config:]), "#") {
			config += strings.Index(string(text[config:]), "\n") + 1
		}
		about := string(text[:config])
		for _, match := range variable.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(shared, match[1]) {
				assert.Regexp(t, `\b`+match[1]+`\b`, about, fragment)
			}
		}
	}
}
