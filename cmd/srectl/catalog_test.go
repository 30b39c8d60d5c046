package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	soundService = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: legacy, objective: 99, sli: {prometheus: {errorRatio: 'avg_over_time(x[{{.window}}])'}}}
`
	brokenService = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: payment}\nspec: {teir: 1}\n"
)

func catalogFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root
}

func srectl(args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errOut)
	return exitCode(root.Execute()), out.String(), errOut.String()
}

func TestValidate(t *testing.T) {
	sound := catalogFolder(t, map[string]string{"checkout.yaml": soundService})
	code, stdout, _ := srectl("validate", sound)
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "1 service, 2 SLOs, 0 errors, 0 warnings\n", stdout)

	mixed := catalogFolder(t, map[string]string{"checkout.yaml": soundService, "payment.yaml": brokenService})
	code, stdout, _ = srectl("validate", mixed)
	assert.Equal(t, exitNotOK, code)
	assert.Equal(t, filepath.Join(mixed, "payment.yaml")+`:4:8: error: spec.teir: is not known; did you mean tier?
1 service, 2 SLOs, 1 error, 0 warnings
`, stdout)

	code, stdout, _ = srectl("validate", "--format", "json", mixed)
	assert.Equal(t, exitNotOK, code)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, map[string]any{
		"services": 1.0, "slos": 2.0, "errors": 1.0, "warnings": 0.0,
		"problems": []any{map[string]any{
			"severity": "error", "file": filepath.Join(mixed, "payment.yaml"), "line": 4.0, "column": 8.0,
			"path": "spec.teir", "message": "is not known", "mend": "did you mean tier?",
		}},
	}, got)
}

func TestCannotBeAsked(t *testing.T) {
	folder := t.TempDir()
	for _, args := range [][]string{
		{"validate"},
		{"validate", filepath.Join(folder, "absent")},
		{"validate", "--format", "xml", folder},
		{"validate", "--frobnicate", folder},
		{"convert", folder},
		{"convert", "--to", "word", folder},
		{"convert", "--to", "sloth", filepath.Join(folder, "absent")},
		{"frobnicate"},
	} {
		code, _, _ := srectl(args...)
		assert.Equal(t, exitUsage, code, args)
	}
}

func TestConvert(t *testing.T) {
	root := catalogFolder(t, map[string]string{"checkout.yaml": soundService})
	for _, format := range []string{"openslo", "sloth"} {
		out := filepath.Join(t.TempDir(), "new", "folder")
		code, _, stderr := srectl("convert", "--to", format, "--out", out, root)
		assert.Equal(t, exitNotOK, code, "availability is lost")
		assert.Contains(t, stderr, `SLO "availability" of "checkout" is not written`)
		loaded, problems := catalog.Load(out)
		require.NoError(t, problems.Err())
		require.Len(t, loaded.Services, 1)
		require.Len(t, loaded.Services[0].SLOs, 1)
		assert.Equal(t, "legacy", loaded.Services[0].SLOs[0].Name)

		code, stdout, stderr := srectl("convert", "--to", "catalog", out)
		assert.Equal(t, exitOK, code, stderr)
		back, problems := catalog.Parse("stdout", []byte(stdout))
		require.NoError(t, problems.Err())
		assert.Equal(t, loaded.Revision, back.Revision)
	}
}

func TestConvertKeepsNamespacesApart(t *testing.T) {
	document := func(namespace string) string {
		return "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: checkout, namespace: " + namespace + "}\n"
	}
	root := catalogFolder(t, map[string]string{"a.yaml": document("a") + "---\n" + document("b")})
	out := t.TempDir()
	code, _, stderr := srectl("convert", "--to", "catalog", "--out", out, root)
	require.Equal(t, exitOK, code, stderr)
	for _, name := range []string{"checkout.yaml", "b.checkout.yaml"} {
		assert.FileExists(t, filepath.Join(out, name))
	}
	code, _, stderr = srectl("convert", "--to", "openslo", "--out", out, root)
	assert.Equal(t, exitNotOK, code)
	assert.Contains(t, stderr, "has no namespaces")
}

func TestVersion(t *testing.T) {
	code, stdout, _ := srectl("--version")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "srectl version "+version+"\n", stdout)
}
