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

// What is installed is enabled and runs, its user owns nothing but its state, and what was edited stays.
func TestDebIsInstalledRunsAndIsRemoved(t *testing.T) {
	p := debian(t)
	before := p.files(t)
	deb := p.put(t, builtDeb(t))
	p.run(t, "dpkg", "--install", deb)
	_, err := os.Lstat(filepath.Join(string(p), "/etc/systemd/system/multi-user.target.wants/otelcol-sre.service"))
	require.NoError(t, err, "enabled")

	secrets, err := os.Stat(filepath.Join(string(p), environment))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), secrets.Mode())
	edited := strings.Join(freeAddresses(t), "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(string(p), environment), []byte(edited), 0o600))

	unit := readUnit(t, p)
	require.NoError(t, os.Mkdir(filepath.Join(string(p), state), 0o750)) // as StateDirectory= is
	require.NoError(t, os.Chown(filepath.Join(string(p), state), unit.user, unit.group))
	unit.works(t, p)

	p.run(t, "dpkg", "--install", deb) // as an upgrade
	text, err := os.ReadFile(filepath.Join(string(p), environment))
	require.NoError(t, err)
	assert.Equal(t, edited, string(text))

	p.run(t, "dpkg", "--remove", "otelcol-sre")
	assert.FileExists(t, filepath.Join(string(p), environment))
	assert.DirExists(t, filepath.Join(string(p), state))
	p.run(t, "dpkg", "--purge", "otelcol-sre")
	assert.Empty(t, left(before, p.files(t)))
}

// The same of the rpm, which Debian's rpm installs.
func TestRPMIsInstalledRunsAndIsRemoved(t *testing.T) {
	p := debian(t)
	before := p.files(t)
	p.run(t, "rpm", "--install", "--nodeps", "--dbpath", "/var/lib/rpm", p.put(t, builtRPM(t)))
	addresses := strings.Join(freeAddresses(t), "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(string(p), environment), []byte(addresses), 0o600))
	unit := readUnit(t, p)
	require.NoError(t, os.Mkdir(filepath.Join(string(p), state), 0o750))
	require.NoError(t, os.Chown(filepath.Join(string(p), state), unit.user, unit.group))
	unit.works(t, p)

	p.run(t, "rpm", "--erase", "--dbpath", "/var/lib/rpm", "otelcol-sre")
	assert.Equal(t, []string{"/etc/otelcol-sre", environment + ".rpmsave", state}, outermost(left(before, p.files(t))),
		"what was edited and the state; packages of Red Hat's kind have no purge")
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

// outermost leaves out what is in the state folder.
func outermost(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool { return strings.HasPrefix(path, state+"/") })
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
