// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package packaging installs the packages on machines of their own, small Debians that systemd boots, and runs what the image has as the
// user that is to run it. `make test-packages` builds all that; it needs root.
package packaging

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// A place is a folder that programs take for the root of all files.
type place string

// debian is a fresh one, with systemd and rpm.
func debian(t *testing.T) place {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "debian")
	out, err := exec.Command("cp", "--archive", "--reflink=auto", "../../.cache/debian", folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	// What an installer writes.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/hosts"), []byte("127.0.0.1\tlocalhost\n"), 0o644))
	return place(folder)
}

// command runs there as root.
func (p place) command(args ...string) *exec.Cmd {
	return exec.Command("chroot", append([]string{string(p)}, args...)...)
}

// run is what a command prints that must succeed, stdout and stderr apart.
func (p place) run(t *testing.T, args ...string) (string, string) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), "%s: %s%s", args, out.String(), said.String())
	return out.String(), said.String()
}

// files are all below, with modes.
func (p place) files(t *testing.T) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(string(p), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		all[strings.TrimPrefix(path, string(p))] = info.Mode()
		return err
	})
	require.NoError(t, err)
	return all
}

// A service is what runs there: a user, its environment and the arguments of its program.
type service struct {
	user, group int
	environment []string
	arguments   []string
	probe       string // srectl
}

// value is that of a variable: the last one holds.
func value(environment []string, name string) (value string) {
	for _, variable := range environment {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
}

// command runs there as the service's user. A container's runtime and systemd mount /proc; the mount is seen by it alone.
func (s service) command(p place, arguments ...string) *exec.Cmd {
	const mounted = `mount --rbind /proc "$0/proc" && exec chroot --groups= --userspec "$1" "$0" "${@:2}"`
	ids := strconv.Itoa(s.user) + ":" + strconv.Itoa(s.group)
	cmd := exec.Command("unshare", append([]string{"--mount", "bash", "-c", mounted, string(p), ids}, arguments...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, s.environment...)
	return cmd
}

// works runs it, asks it how it is as a health check would, sees that it takes telemetry, and stops it. Nothing is
// written but below the state folder.
func (s service) works(t *testing.T, p place) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(string(p), "proc"), 0o755))
	before := p.files(t)
	var said bytes.Buffer
	cmd := s.command(p, s.arguments...)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	for s.command(p, s.probe, "probe").Run() != nil {
		select {
		case err := <-ended:
			require.NoError(t, err, said.String())
		case <-time.After(200 * time.Millisecond):
		}
	}
	accepted(t, s.environment)
	status, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
	require.NoError(t, err)
	assert.Contains(t, string(status), "Uid:\t"+strings.Repeat(strconv.Itoa(s.user)+"\t", 3))
	assert.Regexp(t, `CapEff:\t0+\n`, string(status))

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	select {
	case err := <-ended:
		require.NoError(t, err, said.String())
	case <-time.After(time.Minute):
		require.Fail(t, "it does not end", said.String())
	}
	var written []string
	for path := range p.files(t) {
		if _, old := before[path]; !old {
			written = append(written, path)
			assert.Regexp(t, `^/var/lib/otelcol-sre/`, path)
		}
	}
	assert.NotEmpty(t, written, "its state")
}

// accepted sees that telemetry is taken where the environment says, refused that nobody is there any more.
func accepted(t *testing.T, environment []string) {
	t.Helper()
	connection, err := net.Dial("tcp", value(environment, "OTELCOL_SRE_OTLP_GRPC"))
	require.NoError(t, err)
	require.NoError(t, connection.Close())
}

func refused(t *testing.T, environment []string) {
	t.Helper()
	_, err := net.Dial("tcp", value(environment, "OTELCOL_SRE_OTLP_GRPC"))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// freeAddresses has the collector's servers listen where nobody else does.
func freeAddresses(t *testing.T) []string {
	t.Helper()
	var variables []string
	for _, name := range []string{"OTLP_GRPC", "OTLP_HTTP", "PROMETHEUS", "PROMETHEUS_API", "STATUS_PAGE", "HEALTH"} {
		address, err := observed.FreeAddress()
		require.NoError(t, err)
		variables = append(variables, "OTELCOL_SRE_"+name+"="+address)
	}
	address, err := observed.FreeAddress()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	return append(variables, "OTELCOL_SRE_TELEMETRY_PORT="+port)
}
