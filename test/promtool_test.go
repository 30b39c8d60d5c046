package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// promtool builds promtool from the Prometheus module that go.mod pins. It needs a few modules that
// nothing here does; a copy of go.mod takes them up.
func promtool(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	binary := filepath.Join(dir, "promtool")
	build := exec.Command("go", "build", "-mod=mod", "-modfile="+filepath.Join(dir, "go.mod"), "-o", binary, "github.com/prometheus/prometheus/cmd/promtool")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// Every rule file that is committed passes what Prometheus' own tool asks of it.
func TestPromtoolPassesTheRules(t *testing.T) {
	files, err := filepath.Glob("../alerts/*.rules.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out, err := exec.Command(promtool(t), append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
