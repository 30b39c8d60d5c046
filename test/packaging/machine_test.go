// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A machine is a Debian that runs: systemd is its first process.
type machine struct {
	place place
	init  int // its process ID here
}

// boot starts systemd there, in namespaces of its own.
func (p place) boot(t *testing.T) machine {
	t.Helper()
	// What nobody here logs in to or looks at.
	for _, unit := range []string{"getty.target", "console-getty.service", "systemd-logind.service", "timers.target",
		"systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald-audit.socket"} {
		p.run(t, "systemctl", "mask", unit)
	}
	var console bytes.Buffer
	cmd := exec.Command("testdata/boot", string(p))
	cmd.Stdout, cmd.Stderr = &console, &console
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWCGROUP,
	}
	require.NoError(t, cmd.Start())
	m := machine{place: p, init: cmd.Process.Pid}
	t.Cleanup(func() { // with the first process all others of the namespace end
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(console.String())
		}
	})
	require.Eventually(t, func() bool {
		out, _ := m.command("systemctl", "is-system-running").Output()
		state := string(bytes.TrimSpace(out))
		return state == "running" || state == "degraded" // what needs more than a container
	}, time.Minute, 100*time.Millisecond)
	return m
}

// command runs on the machine as root.
func (m machine) command(args ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(m.init), "--mount", "--pid", "--uts", "--ipc", "--cgroup"}
	return exec.Command("nsenter", append(enter, args...)...)
}

// run is what a command prints that must succeed.
func (m machine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.command(args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", args, out)
	return string(bytes.TrimSpace(out))
}

// mainProcess is the status of the service's process, as the kernel tells it.
func (m machine) mainProcess(t *testing.T) (id, status string) {
	t.Helper()
	id = m.run(t, "systemctl", "show", "--property=MainPID", "--value", "otelcol-sre.service")
	return id, m.run(t, "cat", "/proc/"+id+"/status")
}

// healthy waits until a health check says so.
func (m machine) healthy(t *testing.T, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return m.command("/usr/bin/srectl", "probe", address).Run() == nil
	}, time.Minute, 100*time.Millisecond)
}

// put copies a file there and returns its path there.
func (p place) put(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	name := filepath.Base(file)
	require.NoError(t, os.WriteFile(filepath.Join(string(p), name), text, 0o600))
	return "/" + name
}
