// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
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

// srectl runs validate as main does.
func srectl(args ...string) (code int, stdout, stderr string) {
	r := commandtest.Run(NewCommand(), nil, args...)
	return r.Code, r.Stdout, r.Stderr
}

func TestValidate(t *testing.T) {
	sound := commandtest.Folder(t, map[string]string{"checkout.yaml": soundService})
	code, stdout, _ := srectl("validate", sound)
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, "1 service, 2 SLOs, 0 errors, 0 warnings\n", stdout)

	defaults := commandtest.Folder(t, map[string]string{"all.yaml": "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Defaults\nmetadata: {name: all}\nspec: {tier: 2}\n"})
	code, stdout, _ = srectl("validate", sound, defaults)
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, "1 service, 2 SLOs, 1 document of Defaults, 0 errors, 0 warnings\n", stdout)

	mixed := commandtest.Folder(t, map[string]string{"checkout.yaml": soundService, "payment.yaml": brokenService})
	code, stdout, _ = srectl("validate", mixed)
	assert.Equal(t, exit.NotOK, code)
	assert.Equal(t, filepath.Join(mixed, "payment.yaml")+`:4:8: error: spec.teir: is not known; did you mean tier?
1 service, 2 SLOs, 1 error, 0 warnings
`, stdout)

	code, stdout, _ = srectl("validate", "--format", "json", mixed)
	assert.Equal(t, exit.NotOK, code)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, map[string]any{
		"services": 1.0, "slos": 2.0, "errors": 1.0, "warnings": 0.0,
		"problems": []any{map[string]any{
			"severity": "error", "file": filepath.Join(mixed, "payment.yaml"), "line": 4.0, "column": 8.0,
			"path": "spec.teir", "message": "is not known", "fix": "did you mean tier?",
		}},
	}, got)
}
