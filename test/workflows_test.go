// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever moves a tag of an action does not run in ours, and no job may do more than it says.
func TestWorkflowsPinActionsAndPermissions(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	pinned := regexp.MustCompile(`uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Regexp(t, `(?m)^permissions: \{`, string(text), file)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "uses:") {
				assert.Regexp(t, pinned, strings.TrimRight(line, "\n"), file)
			}
			if strings.Contains(line, "checkout@") {
				assert.Contains(t, string(text), "persist-credentials: false", file)
			}
		}
	}
}
