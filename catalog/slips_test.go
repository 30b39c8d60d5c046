// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What people write first has a sentence of its own.
func TestSlipsOfTheFirstCatalog(t *testing.T) {
	head := "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: a}\nspec:\n  slos:\n    - name: availability\n"
	for name, slip := range map[string]struct{ text, want string }{
		"a tab":           {"apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata:\n\tname: a\n", "4:1: error: is indented by a tab; indent with spaces; YAML takes no tabs"},
		"a comma":         {head + "      objective: 99,9\n      sli: {availability: {}}\n", `7:18: error: spec.slos[0].objective: is the text "99,9", not a percentage; write 99.9, with a point and without %`},
		"a percent sign":  {head + "      objective: 99.9%\n      sli: {availability: {}}\n", `7:18: error: spec.slos[0].objective: is the text "99.9%", not a percentage; write 99.9, with a point and without %`},
		"no number":       {head + "      objective: high\n      sli: {availability: {}}\n", `7:18: error: spec.slos[0].objective: is the text "high", not a percentage; write the percentage of good events, such as 99.9`},
		"a bare kind":     {head + "      objective: 99.9\n      sli:\n        availability:\n", "9:22: error: spec.slos[0].sli.availability: has no value; write availability: {} for its defaults, or delete the line"},
		"a bare latency":  {head + "      objective: 99.9\n      sli:\n        latency:\n", "9:17: error: spec.slos[0].sli.latency: has no value; add one, or delete the line"},
		"another mistake": {"apiVersion: [\n", "1:1: error: is not YAML: did not find expected node content; fix the YAML here or just above this line"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.yaml")
			require.NoError(t, os.WriteFile(file, []byte(slip.text), 0o600))
			_, problems := Load(file)
			require.NotEmpty(t, problems)
			assert.Equal(t, file+":"+slip.want, problems[0].String())
		})
	}
}
