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
	"go.yaml.in/yaml/v3"
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

type workflow struct {
	Jobs map[string]struct {
		If    string
		Steps []struct{ If, Run, Uses string }
	}
}

func readWorkflow(t *testing.T, file string) (w workflow) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &w), file)
	return w
}

// What a workflow makes is a target of the Makefile.
func TestWorkflowsMakeWhatThereIs(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	files, err := filepath.Glob("../.github/workflows/*.yml")
	require.NoError(t, err)
	made := regexp.MustCompile(`(?m)(?:^|&& )make ([a-z][a-z0-9 -]*)`)
	found := 0
	for _, file := range files {
		for name, job := range readWorkflow(t, file).Jobs {
			for _, step := range job.Steps {
				for _, match := range made.FindAllStringSubmatch(step.Run, -1) {
					for target := range strings.FieldsSeq(match[1]) {
						found++
						assert.Regexp(t, `(?m)^`+regexp.QuoteMeta(target)+`:`, string(makefile), "%s: %s", file, name)
					}
				}
			}
		}
	}
	assert.GreaterOrEqual(t, found, 4)
}

// A dry run of the release builds all of it. Only the tag of a version publishes, and what is published was built by the same steps.
func TestDryRunOfARelease(t *testing.T) {
	w := readWorkflow(t, "../.github/workflows/release.yml")
	for _, step := range w.Jobs["build"].Steps {
		assert.NotContains(t, step.Run, "gh release")
		assert.NotContains(t, step.Run, "cosign")
		if strings.HasPrefix(step.Run, "make ") || strings.HasPrefix(step.Uses, "actions/upload-artifact") {
			assert.Empty(t, step.If, "a dry run makes it, too")
		}
	}
	assert.Equal(t, "github.ref_type == 'tag' && github.event_name == 'push'", w.Jobs["publish"].If)
	for name, job := range w.Jobs {
		if name != "build" {
			assert.Equal(t, w.Jobs["publish"].If, job.If, name)
		}
	}
}
