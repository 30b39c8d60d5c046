// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

const soundService = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: legacy, objective: 99, sli: {prometheus: {errorRatio: 'avg_over_time(x[{{.window}}])'}}}
`

// srectl runs convert as main does.
func srectl(args ...string) (code int, stdout, stderr string) {
	r := commandtest.Run(NewCommand(), nil, args...)
	return r.Code, r.Stdout, r.Stderr
}

func TestConvert(t *testing.T) {
	root := commandtest.Folder(t, map[string]string{"checkout.yaml": soundService})
	for _, format := range []string{"openslo", "sloth"} {
		out := filepath.Join(t.TempDir(), "new", "folder")
		code, _, stderr := srectl("convert", "--to", format, "--out", out, root)
		assert.Equal(t, exit.NotOK, code, "availability is lost")
		assert.Contains(t, stderr, `SLO "availability" of "checkout" is not written`)
		loaded, problems := catalog.Load(out)
		require.NoError(t, problems.Err())
		require.Len(t, loaded.Services, 1)
		require.Len(t, loaded.Services[0].SLOs, 1)
		assert.Equal(t, "legacy", loaded.Services[0].SLOs[0].Name)

		code, stdout, stderr := srectl("convert", "--to", "catalog", out)
		assert.Equal(t, exit.OK, code, stderr)
		back, problems := catalog.Parse("stdout", []byte(stdout))
		require.NoError(t, problems.Err())
		assert.Equal(t, loaded.Revision, back.Revision)
	}
}

func TestConvertKeepsNamespacesApart(t *testing.T) {
	document := func(namespace string) string {
		return "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: checkout, namespace: " + namespace + "}\n"
	}
	root := commandtest.Folder(t, map[string]string{"a.yaml": document("a") + "---\n" + document("b")})
	out := t.TempDir()
	code, _, stderr := srectl("convert", "--to", "catalog", "--out", out, root)
	require.Equal(t, exit.OK, code, stderr)
	for _, name := range []string{"checkout.yaml", "b.checkout.yaml"} {
		assert.FileExists(t, filepath.Join(out, name))
	}
	code, _, stderr = srectl("convert", "--to", "openslo", "--out", out, root)
	assert.Equal(t, exit.NotOK, code)
	assert.Contains(t, stderr, "has no namespaces")
}

func TestDefaultsAreConverted(t *testing.T) {
	folder := commandtest.Folder(t, map[string]string{"all.yaml": "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Defaults\nmetadata: {name: all}\nspec: {tier: 2}\n"})
	r := commandtest.Run(NewCommand(), nil, "convert", "--to", "catalog", folder)
	require.NoError(t, r.Err)
	assert.Equal(t, "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Defaults\nmetadata:\n  name: all\nspec:\n  tier: 2\n", r.Stdout)
	r = commandtest.Run(NewCommand(), nil, "convert", "--to", "sloth", folder)
	assert.Equal(t, exit.NotOK, r.Code)
	assert.Contains(t, r.Stderr, `Defaults "all" are not written`)
}
