// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	state       = "/var/lib/otelcol-sre"
	environment = "/etc/otelcol-sre/otelcol-sre.env"
)

// built is the package of this machine's architecture.
func built(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob("../../bin/packages/" + pattern)
	require.NoError(t, err)
	require.Len(t, files, 1)
	return files[0]
}

func builtDeb(t *testing.T) string { return built(t, "*_"+runtime.GOARCH+".deb") }

func builtRPM(t *testing.T) string {
	return built(t, "*."+map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+".rpm")
}

// A package is installed on a machine that runs: as systemd starts it, it is healthy, behind every lock of its unit, and takes telemetry.
func installedOn(t *testing.T, install func(m machine, file string), file string) (m machine, before map[string]os.FileMode, health string) {
	t.Helper()
	p := debian(t)
	m = p.boot(t)
	before = p.files(t)
	edited(t, p)
	health = "http://" + value(edits(t, p), "OTELCOL_SRE_HEALTH")
	install(m, p.put(t, file))
	m.healthy(t, health)

	assert.Equal(t, "enabled", m.run(t, "systemctl", "is-enabled", "otelcol-sre.service"))
	_, status := m.mainProcess(t)
	user := m.run(t, "id", "--user", "otelcol-sre")
	assert.NotEqual(t, "0", user)
	assert.Contains(t, status, "Uid:\t"+strings.Repeat(user+"\t", 3))
	assert.Regexp(t, `CapBnd:\t0+\n`, status)
	assert.Contains(t, status, "NoNewPrivs:\t1\n")
	assert.Contains(t, status, "Seccomp:\t2\n")
	accepted(t, edits(t, p))
	assert.Equal(t, "otelcol-sre 750", m.run(t, "stat", "--format=%U %a", state))
	return m, before, health
}

// edited has the service listen where nobody else does: what an administrator does in the file.
func edited(t *testing.T, p place) {
	t.Helper()
	file := filepath.Join(string(p), environment)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(freeAddresses(t), "\n")+"\n"), 0o600))
}

func edits(t *testing.T, p place) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(p), environment))
	require.NoError(t, err)
	return strings.Split(string(text), "\n")
}

func TestDebIsInstalledRunsAndIsRemoved(t *testing.T) {
	install := func(m machine, deb string) { m.run(t, "dpkg", "--force-confold", "--install", deb) }
	m, before, health := installedOn(t, install, builtDeb(t))
	mine := edits(t, m.place)
	first, _ := m.mainProcess(t)
	m.run(t, "systemctl", "reload", "otelcol-sre.service")
	m.healthy(t, health)
	reloaded, _ := m.mainProcess(t)
	assert.Equal(t, first, reloaded, "another config, the same process")

	install(m, "/"+filepath.Base(builtDeb(t))) // as an upgrade
	m.healthy(t, health)
	upgraded, _ := m.mainProcess(t)
	assert.NotEqual(t, first, upgraded)
	assert.Equal(t, mine, edits(t, m.place))

	m.run(t, "dpkg", "--remove", "otelcol-sre")
	refused(t, mine)
	assert.Equal(t, mine, edits(t, m.place))
	assert.FileExists(t, filepath.Join(string(m.place), state, "processor_slo_"))
	m.run(t, "dpkg", "--purge", "otelcol-sre")
	assert.Empty(t, left(before, m.place.files(t)))
}

// Debian's rpm installs it: packages of this kind have no purge.
func TestRPMIsInstalledRunsAndIsRemoved(t *testing.T) {
	m, before, health := installedOn(t, func(m machine, rpm string) {
		m.run(t, "rpm", "--install", "--nodeps", "--dbpath", "/var/lib/rpm", rpm)
	}, builtRPM(t))
	m.run(t, "systemctl", "restart", "otelcol-sre.service")
	m.healthy(t, health)
	addresses := edits(t, m.place)
	m.run(t, "rpm", "--erase", "--dbpath", "/var/lib/rpm", "otelcol-sre")
	refused(t, addresses)
	after := left(before, m.place.files(t))
	after = slices.DeleteFunc(after, func(path string) bool { return strings.HasPrefix(path, state) })
	assert.Equal(t, []string{"/etc/otelcol-sre", environment + ".rpmnew", environment + ".rpmsave"}, after)
}

// left are the files that were not there before, but for what dpkg, rpm and systemd keep for themselves.
func left(before, after map[string]os.FileMode) []string {
	maps.DeleteFunc(after, func(path string, _ os.FileMode) bool {
		_, old := before[path]
		return old || strings.HasPrefix(path, "/var/lib/rpm/") || path == "/run/systemd/systemd-units-load" || path == "/proc" ||
			filepath.Ext(path) == ".deb" || filepath.Ext(path) == ".rpm"
	})
	return slices.Sorted(maps.Keys(after))
}

// systemd has nothing to say against the unit, and calls it little exposed: 1.1 of 10 when this was written.
func TestUnitIsValidAndHardened(t *testing.T) {
	p := debian(t)
	p.run(t, "dpkg", "--install", p.put(t, builtDeb(t)))
	_, said := p.run(t, "systemd-analyze", "verify", "otelcol-sre.service")
	assert.Empty(t, said)
	out, _ := p.run(t, "systemd-analyze", "security", "--offline=true", "--threshold=15", "otelcol-sre.service")
	assert.Contains(t, out, "Overall exposure level for otelcol-sre.service: 1.")
}
