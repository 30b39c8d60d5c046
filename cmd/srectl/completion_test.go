// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

func TestShellCompletesValues(t *testing.T) {
	t.Setenv("OTELCOL_SRE_CATALOG", "../../examples/catalog")
	for args, want := range map[string]string{
		"status --service":            "checkout frontend inventory mailer payment",
		"mark --service":              "checkout frontend inventory mailer payment",
		"mark --status":               "started canary completed rolled_back failed",
		"convert --to":                "catalog openslo pyrra sloth sloth-kubernetes",
		"diff --format":               "text markdown json yaml",
		"backtest --format":           "table markdown json yaml",
		"report --format":             "markdown html csv json yaml",
		"lint --format":               "text json yaml",
		"status -o":                   "table wide json yaml",
		"generate --format":           "rules prometheusrule mimir",
		"generate --dashboard-format": "json configmap grafanadashboard",
	} {
		code, out := srectl(append(append([]string{"__complete"}, strings.Fields(args)...), "")...)
		assert.Equal(t, exit.OK, code, args)
		values := strings.Fields(out)
		assert.Equal(t, want, strings.Join(values[:len(values)-1], " "), args)
	}
	t.Setenv("OTELCOL_SRE_CATALOG", t.TempDir())
	_, out := srectl("__complete", "status", "--service", "")
	assert.Equal(t, ":4", strings.TrimSpace(out), "no catalog")
}

// A flag whose help lists values has a completion: one that is added later as well.
func TestEveryListOfValuesIsCompleted(t *testing.T) {
	for _, command := range newRootCommand().Commands() {
		flag := command.Flags().Lookup("format")
		if flag == nil {
			continue
		}
		assert.Contains(t, listed(flag.Usage), flag.DefValue, "%s --format", command.Name())
	}
}

func TestSchemaIsThatOfTheCatalog(t *testing.T) {
	code, out := srectl("schema")
	assert.Equal(t, exit.OK, code)
	want, err := os.ReadFile("../../catalog/service.schema.json")
	require.NoError(t, err)
	assert.Equal(t, string(want), out)
}

// Editors find the schema by the first line of each example.
func TestExamplesNameTheirSchema(t *testing.T) {
	files, err := filepath.Glob("../../examples/catalog/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		path, found := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if assert.True(t, found, file) {
			assert.FileExists(t, filepath.Join(filepath.Dir(file), path))
		}
	}
}
