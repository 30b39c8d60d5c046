// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// asItself has the binary of this test be srectl.
const asItself = "SRECTL_TEST_AS_ITSELF"

func TestMain(m *testing.M) {
	if os.Getenv(asItself) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The script for AWS CodeDeploy, as it is generated, with srectl and a gate; only aws is played. CodeDeploy reads the exit code, or is told by aws.
func TestHookOfCodeDeploy(t *testing.T) {
	var verdict, asked atomic.Pointer[string]
	set := func(of string) { verdict.Store(&of) }
	set("")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/gate/shop/checkout" {
			http.NotFound(w, r)
			return
		}
		version := r.URL.Query().Get("version")
		asked.Store(&version)
		_, _ = fmt.Fprintf(w, `{"time": "2026-11-30T12:00:00Z", "data": {"service": "checkout", "namespace": "shop", "since": "2026-11-30T11:50:00Z", "until": "2026-11-30T12:00:00Z", "verdict": %q, "reason": "So it is.", "slos": []}}`, *verdict.Load())
	}))
	t.Cleanup(server.Close)
	folder, bin := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkout.yaml"), []byte(gatedCatalog), 0o600))
	var log bytes.Buffer
	root := newRootCommand()
	root.SetArgs([]string{"generate", "rollouts", "--catalog", filepath.Join(folder, "checkout.yaml"), "--out", folder, "--gate-url", server.URL})
	root.SetOut(&log)
	root.SetErr(&log)
	require.Equal(t, exit.OK, exit.Code(root.Execute(), &log), log.String())
	script := filepath.Join(folder, "rollouts/checkout/codedeploy-hook.sh")
	text, err := os.ReadFile(script)
	require.NoError(t, err)
	syntax, err := exec.CommandContext(t.Context(), "sh", "-n", script).CombinedOutput()
	require.NoError(t, err, "%s", syntax)
	// What is not certain is waited for: not in this test.
	require.NoError(t, os.WriteFile(script, bytes.Replace(text, []byte("--for 13m"), []byte("--for 0"), 1), 0o600))

	itself, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "srectl"), fmt.Appendf(nil, "#!/bin/sh\nexec env %s=1 '%s' \"$@\"\n", asItself, itself), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "aws"), []byte("#!/bin/sh\necho \"$@\" > \"$(dirname \"$0\")/told\"\n"), 0o755))
	run := func(env ...string) (code int, told string) {
		cmd := exec.CommandContext(t.Context(), "sh", script)
		cmd.Env = append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + folder}, env...)
		out, err := cmd.CombinedOutput()
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			code = failed.ExitCode()
		} else {
			require.NoError(t, err, "%s", out)
		}
		if *verdict.Load() != "" {
			assert.Contains(t, string(out), "So it is.")
		}
		was, err := os.ReadFile(filepath.Join(bin, "told"))
		if err == nil {
			require.NoError(t, os.Remove(filepath.Join(bin, "told")))
		}
		return code, strings.TrimSpace(string(was))
	}
	for of, want := range map[string]struct {
		code   int
		status string
	}{"pass": {0, "Succeeded"}, "fail": {1, "Failed"}, "inconclusive": {2, "Failed"}} {
		set(of)
		code, told := run("VERSION=1.4.0")
		assert.Equal(t, want.code, code, of)
		assert.Empty(t, told, "the exit code is enough")
		assert.Equal(t, "1.4.0", *asked.Load())
		code, told = run("VERSION=1.4.0", "DEPLOYMENT_ID=d-1", "LIFECYCLE_EVENT_HOOK_EXECUTION_ID=hook 2")
		assert.Zero(t, code, "the answer was sent")
		assert.Equal(t, "deploy put-lifecycle-event-hook-execution-status --deployment-id d-1 --lifecycle-event-hook-execution-id hook 2 --status "+want.status, told)
	}
	set("pass")
	_, _ = run()
	assert.Empty(t, *asked.Load(), "the newest")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "rollouts/checkout/VERSION"), []byte("1.5.0\n"), 0o600))
	_, _ = run()
	assert.Equal(t, "1.5.0", *asked.Load())
	code, told := run("LIFECYCLE_EVENT_HOOK_EXECUTION_ID=hook")
	assert.NotZero(t, code, "without the ID of the deployment")
	assert.Empty(t, told)
	server.Close()
	set("")
	code, told = run("DEPLOYMENT_ID=d-1", "LIFECYCLE_EVENT_HOOK_EXECUTION_ID=hook")
	assert.Zero(t, code)
	assert.Contains(t, told, "--status Failed", "a gate that does not answer")
}
