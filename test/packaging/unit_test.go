package packaging

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readUnit makes a service of a systemd unit that is installed in p, as systemd does.
func readUnit(t *testing.T, p place) service {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(p), "usr/lib/systemd/system/otelcol-sre.service"))
	require.NoError(t, err)
	s := service{probe: "/usr/bin/srectl"}
	var start string
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "User":
			s.user, s.group = p.user(t, value)
		case "Environment":
			s.environment = append(s.environment, strings.ReplaceAll(value, `"`, ""))
		case "EnvironmentFile":
			s.environment = append(s.environment, p.environmentFile(t, strings.TrimPrefix(value, "-"))...)
		case "ExecStart":
			start = value
		}
	}
	require.NotEmpty(t, start)
	for _, word := range strings.Fields(start) {
		if name, isVariable := strings.CutPrefix(word, "$"); isVariable { // stands for words
			s.arguments = append(s.arguments, strings.Fields(s.value(name))...)
			continue
		}
		s.arguments = append(s.arguments, word)
	}
	return s
}

// user are the numbers of a user there.
func (p place) user(t *testing.T, name string) (user, group int) {
	t.Helper()
	out, _ := p.run(t, "getent", "passwd", name)
	fields := strings.Split(out, ":")
	require.Greater(t, len(fields), 6)
	user, err := strconv.Atoi(fields[2])
	require.NoError(t, err)
	group, err = strconv.Atoi(fields[3])
	require.NoError(t, err)
	require.NotZero(t, user)
	require.Contains(t, fields[6], "nologin")
	return user, group
}

func (p place) environmentFile(t *testing.T, path string) (variables []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(p), path))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			variables = append(variables, line)
		}
	}
	return variables
}
