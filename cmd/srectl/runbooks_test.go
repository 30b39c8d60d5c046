// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// onCall is gatedWorld with incidents that take notes.
func onCall(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && path == "/incidents/"+incidentID+"/notes":
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"data": {"time": "2026-11-21T03:04:05Z", "author": "ada", "text": %q}}`, r.FormValue("text"))
	case path == "/incidents/"+incidentID:
		_, _ = fmt.Fprint(w, `{"time": "2026-11-21T04:00:00Z", "data": {"id": "`+incidentID+`", "state": "open", "start": "2026-11-21T03:02:00Z", "alerted": "2026-11-21T03:04:00Z",
			"origin": {"service": "checkout", "slos": ["availability"]}, "services": [], "burning": [], "timeline": [], "undo": {"commands": []}}}`)
	case strings.HasPrefix(path, "/incidents/"):
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"problem": {"what": "There is no such incident.", "fix": ""}}`)
	default:
		gatedWorld(w, r)
	}
}

const incidentID = "20261121-030200-0a1b2c3d"

// runbookCommands are the lines that the page tells to run.
func runbookCommands(t *testing.T, page string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "runbooks", "examples", "checkout", page+".md"))
	require.NoError(t, err)
	for _, c := range runbooks.Commands(text) {
		if c.Language != "sh" {
			continue
		}
		for line := range strings.Lines(c.Text) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "srectl ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Each command of srectl in the pages about procedures runs and does what the page says. With a mistake in it, it does not.
func TestRunbookCommands(t *testing.T) {
	commands := map[string][]string{}
	for _, page := range []string{"incident-lead", "rollback", "feature-freeze", "data-fix"} {
		commands[page] = runbookCommands(t, page)
		require.NotEmpty(t, commands[page], page)
	}
	server := httptest.NewServer(http.HandlerFunc(onCall))
	t.Cleanup(server.Close)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples", "catalog"))
	require.NoError(t, err)
	repository := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(repository, "catalog"), os.DirFS(examples)))
	t.Chdir(repository)
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "first"}, {"commit", "-qm", "second", "--allow-empty"}} {
		git := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=ada", "-c", "user.email=ada@example.com"}, args...)...)
		out, err := git.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	filled := strings.NewReplacer("http://localhost:8686", server.URL, "INCIDENT", incidentID, "VERSION", "1.4.0", "CATALOG", "catalog", "NAME", "ada",
		"YYYY-MM-DD", time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	run := func(line string) (said string, ok bool) {
		_ = os.Remove("postmortem.md") // there is none before
		words := quotedWords.FindAllString(filled.Replace(line), -1)
		for i := range words {
			words[i] = strings.Trim(words[i], "'")
		}
		var out, log bytes.Buffer
		root := newRootCommand()
		root.SetArgs(words[1:])
		root.SetOut(&out)
		root.SetErr(&log)
		code := exit.Code(root.Execute(), &log)
		return out.String() + log.String(), code == exit.OK
	}
	ran := 0
	for page, lines := range commands {
		for _, line := range lines {
			said, ok := run(line)
			assert.True(t, ok, "%s: %s\n%s", page, line, said)
			ran++
			switch strings.Fields(line)[1] {
			case "note":
				assert.Contains(t, said, "I lead. NEXT STEP")
			case "postmortem":
				assert.FileExists(t, "postmortem.md")
			case "rollback":
				assert.Contains(t, said, "kubectl rollout undo deployment/checkout -n shop")
			case "budget":
				assert.Contains(t, said, "checkout")
			}
		}
	}
	assert.Equal(t, 7, ran)
	for _, mistake := range [][3]string{
		{"incident-lead", "note INCIDENT", "note OTHER"}, {"incident-lead", "note INCIDENT", "nota INCIDENT"}, {"incident-lead", "postmortem INCIDENT", "postmortem OTHER"},
		{"incident-lead", "--out", "--to"}, {"rollback", "shop/checkout", "shop/none"}, {"rollback", "--version VERSION", "--version 9.9.9"}, {"rollback", "--catalog CATALOG", "--catalog NOWHERE"},
		{"feature-freeze", "--fail-below 0", "--fail-below none"}, {"feature-freeze", "--service shop/checkout", "--service shop/none"}, {"feature-freeze", "owner=", "owned="},
		{"data-fix", "validate CATALOG", "validate NOWHERE"}, {"data-fix", "HEAD~1", "HEAD~9"},
	} {
		seen := false
		for _, line := range commands[mistake[0]] {
			if wrong := strings.Replace(line, mistake[1], mistake[2], 1); wrong != line {
				_, ok := run(wrong)
				seen = true
				assert.False(t, ok, "%s: the mistake is not seen", wrong)
			}
		}
		assert.True(t, seen, "no command says %s", mistake[1])
	}
}

// onCallCommands are the lines of srectl in all pages of the example services and of the collector, each once.
func onCallCommands(t *testing.T) (lines []string) {
	t.Helper()
	for _, service := range []string{"checkout", "otelcol-sre"} {
		pages, err := filepath.Glob(filepath.Join("..", "..", "runbooks", "examples", service, "*.md"))
		require.NoError(t, err)
		require.NotEmpty(t, pages)
		for _, page := range pages {
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			for _, c := range runbooks.Commands(text) {
				for line := range strings.Lines(c.Text) {
					if line = strings.TrimSpace(line); strings.HasPrefix(line, "srectl ") && !slices.Contains(lines, line) {
						lines = append(lines, line)
					}
				}
			}
		}
	}
	return lines
}

// correlationID is that of a request in the telemetry that is searched.
const correlationID = "req-7f3a9c"

// mistakes are a command without each of its flags, and with a slip in each of its words. Without --url, it would ask whatever runs on this machine.
func mistakes(words []string) (all [][]string) {
	for i := 1; i < len(words); i++ {
		slip := slices.Clone(words)
		slip[i] += "x"
		all = append(all, slip)
		if strings.HasPrefix(words[i], "--") && words[i] != "--url" {
			value := 1
			if i+1 == len(words) || strings.HasPrefix(words[i+1], "--") {
				value = 0
			}
			all = append(all, slices.Delete(slices.Clone(words), i, i+1+value))
		}
	}
	return all
}

// Each command of srectl in each page does what the page says, and none does with any mistake in any of its words.
func TestMistakesInRunbookCommandsAreSeen(t *testing.T) {
	lines := onCallCommands(t)
	left := 0.9 // of the budget of checkout
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const slo = `{"namespace": "shop", "service": %q, "slo": "availability", "environment": "production", "page": "/services/checkout", "state": "ok", "error_budget_remaining": %v, "burn_rate": 0}`
		switch {
		case r.URL.Path == "/": // the budget of mailer is spent
			_, _ = fmt.Fprintf(w, `{"time": "2026-11-30T12:00:00Z", "data": {"slos": [`+slo+`, `+slo+`], "pages": 1}}`, "checkout", left, "mailer", -0.5)
		case r.URL.Path == "/metrics":
			const of = `{service_name="checkout",service_namespace="shop",slo_name="availability",deployment_environment_name="production"} `
			_, _ = fmt.Fprint(w, "slo_objective_ratio"+of+"0.999\nslo_error_budget_remaining_ratio"+of+"0.9\n"+strings.Replace("slo_state"+of, "}", `,slo_state="ok"}`, 1)+"1\n")
		case r.URL.Path == "/services/checkout" && r.URL.Query().Get("environment") != "production": // elsewhere nothing runs
			_, _ = fmt.Fprint(w, `{"time": "2026-11-30T12:00:00Z", "data": {"versions": []}}`)
		default:
			onCall(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("OTELCOL_SRE_CATALOG", "")
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples", "catalog"))
	require.NoError(t, err)
	found, err := filepath.Abs(filepath.Join("internal", "find", "testdata", "requests.json"))
	require.NoError(t, err)
	repository := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(repository, "services"), os.DirFS(examples)))
	t.Chdir(repository)
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "first"}, {"commit", "-qm", "second", "--allow-empty"}} {
		git := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=ada", "-c", "user.email=ada@example.com"}, args...)...)
		out, err := git.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	filled := strings.NewReplacer("http://localhost:8686", server.URL, "INCIDENT", incidentID, "VERSION", "1.4.0", "CATALOG", "services", "NAME", "ada", "CORRELATION_ID", correlationID,
		"/var/lib/otelcol-sre/telemetry*.json", found, "YYYY-MM-DD", time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	// check runs a command, and says what is wrong; "" if it did what the page says of the right one.
	check := func(right, words []string) string {
		left = 0.9
		if slices.Contains(right, "--except") {
			left = -0.1
		}
		stale := filepath.Join("alerts", "gone.rules.yaml")
		require.NoError(t, os.RemoveAll("alerts"))
		_ = os.Remove("postmortem.md") // there is none before
		require.NoError(t, os.Mkdir("alerts", 0o700))
		require.NoError(t, os.WriteFile(stale, staleRules(t, examples), 0o600))
		var out, log bytes.Buffer
		root := newRootCommand()
		args := words[1:]
		if right[1] == "status" { // it reads the usual address
			args = append(slices.Clone(args), "--endpoint", server.URL+"/metrics", "--prometheus", "")
		}
		root.SetArgs(args)
		root.SetOut(&out)
		root.SetErr(&log)
		code := exit.Code(root.Execute(), &log)
		said := out.String() + log.String()
		has := func(text string) string {
			if code != exit.OK || !strings.Contains(said, text) {
				return fmt.Sprintf("exit status %d: %s", code, said)
			}
			return ""
		}
		exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
		switch right[1] {
		case "note":
			return has("I lead. NEXT STEP\n")
		case "postmortem":
			if !exists("postmortem.md") {
				return "there is no post-mortem: " + said
			}
			return has("")
		case "rollback":
			return has("kubectl rollout undo deployment/checkout -n shop")
		case "find":
			return has(correlationID)
		case "generate":
			if !exists(filepath.Join("alerts", "checkout.rules.yaml")) || slices.Contains(right, "--prune") && exists(stale) {
				return "the rules are not those of the catalog: " + said
			}
			return has("")
		case "budget", "status":
			return has("checkout")
		case "validate", "diff":
			return has("")
		}
		return "no check knows this command: add one here"
	}
	for _, line := range lines {
		words := quotedWords.FindAllString(filled.Replace(line), -1)
		for i := range words {
			words[i] = strings.Trim(words[i], "'")
		}
		if said := check(words, words); !assert.Empty(t, said, line) {
			continue
		}
		for _, wrong := range mistakes(words) {
			assert.NotEmpty(t, check(words, wrong), "the mistake is not seen: %v", wrong)
		}
	}
	assert.GreaterOrEqual(t, len(lines), 10)
}

// staleRules are generated rules of a service that the catalog has not.
func staleRules(t *testing.T, examples string) []byte {
	t.Helper()
	c, problems := catalog.Load(examples)
	require.NoError(t, problems.Err())
	gone := *c.Services[0]
	gone.Name = "gone"
	var text bytes.Buffer
	require.NoError(t, alerts.Of(&gone, alerts.DefaultOptions()).WriteRules(&text))
	return text.Bytes()
}
