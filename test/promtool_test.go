// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// Every rule file that is committed passes what Prometheus' own tool asks of it.
func TestPromtoolPassesTheRules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	promtool, err := gotool.Build("github.com/prometheus/prometheus/cmd/promtool")
	require.NoError(t, err)
	out, err := exec.Command(promtool, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// The unit tests that are committed beside the rules pass, as a user would run them.
func TestPromtoolPassesTheUnitTests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../alerts/examples/*.test.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	promtool, err := gotool.Build("github.com/prometheus/prometheus/cmd/promtool")
	require.NoError(t, err)
	out, err := exec.Command(promtool, append([]string{"test", "rules"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
