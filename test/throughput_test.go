// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Under load, as fast as the machine can, an agent and a gateway lose nothing and send nothing twice. `make bench-load` measures the same.
func TestLoadLosesNothing(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "run", "./throughput", "-collector", binary, "-items", "20000").CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}
