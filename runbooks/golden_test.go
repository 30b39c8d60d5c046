// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// examples are the alerts of the example services and of the collector.
func examples(t testing.TB) []alerts.File {
	t.Helper()
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	var files []alerts.File
	for _, s := range loaded.Services {
		f, _ := alerts.Generate(s, alerts.DefaultOptions())
		files = append(files, f)
	}
	return append(files, alerts.Collector(alerts.DefaultOptions()))
}

// The pages in the repository are what the generator writes, with the notes they have.
func TestPagesOfTheRepositoryAreCurrent(t *testing.T) {
	o := configured()
	o.Command = "srectl generate --alertmanager-url http://localhost:9093 --catalog examples/catalog --out examples --prometheus-url http://localhost:9090 --telemetry-files '/var/lib/otelcol-sre/telemetry*.json'" // as the Makefile has it
	if golden.Update() {
		reports, err := Write("../examples", examples(t), o)
		require.NoError(t, err)
		require.Empty(t, reports)
	}
	root := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(root, Folder), os.DirFS("examples")))
	_, err := Write(root, examples(t), o)
	require.NoError(t, err)
	pages := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(root, Folder), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		pages++
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		relative, err := filepath.Rel(filepath.Join(root, Folder), path)
		require.NoError(t, err)
		golden.Equal(t, filepath.Join("examples", relative), want)
		return nil
	}))
	assert.Greater(t, pages, 30)
}

// configured are the options of a place with a Prometheus, an Alertmanager and files of telemetry, as the Makefile has it.
func configured() Options {
	o := DefaultOptions()
	o.Prometheus, o.Alertmanager, o.Files = "http://localhost:9090", "http://localhost:9093", "/var/lib/otelcol-sre/telemetry*.json"
	return o
}
