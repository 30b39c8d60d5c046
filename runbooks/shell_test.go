// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// A stand-in for a program: it writes down how it was called, and prints a number.
const standIn = `#!/bin/sh
{ printf '%s' "${0##*/}"; for word; do printf '\037%s' "$word"; done; printf '\036'; } >> "$CALLS"
echo 3
`

// calls runs the commands where there are no programs but the stand-ins, and returns the words of each call.
func calls(t *testing.T, commands string) (all [][]string) {
	t.Helper()
	bin, dir := t.TempDir(), t.TempDir()
	for _, name := range []string{"kubectl", "amtool", "srectl", "tar", "mkdir"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(standIn), 0o700))
	}
	written := filepath.Join(bin, "calls")
	cmd := exec.Command("bash", "-c", commands)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + bin, "CALLS=" + written, "USER=on-call"}
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Run(), "%s\n%s", said.String(), commands)
	assert.Empty(t, said.String(), "%s", commands)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "files of a redirection: %s", commands)
	text, err := os.ReadFile(written)
	require.NoError(t, err)
	for call := range strings.SplitSeq(strings.TrimSuffix(string(text), "\036"), "\036") {
		all = append(all, strings.Split(call, "\037"))
	}
	return all
}

// Whatever a workload and its namespace are called, commands have them as one word, and run nothing else.
func TestHostileNamesAreWordsOfCommands(t *testing.T) {
	for _, s := range hostile {
		service := hostileService(s)
		f, _ := alerts.Generate(service, alerts.DefaultOptions())
		pages, _ := Generate(f, none, configured())
		var blocks []string
		for _, page := range pages {
			for _, b := range blocksOf(page.Text, "sh") {
				if !slices.Contains(blocks, b) {
					blocks = append(blocks, b)
				}
			}
		}
		name, workload := unmarked(oneLine(s)), unmarked(oneLine("deployment/"+s))
		asked := 0
		for _, words := range calls(t, strings.Join(blocks, "")) {
			if words[0] != "kubectl" {
				continue
			}
			asked++
			assert.Contains(t, words, workload, "%q", s)
			assert.Equal(t, []string{"-n", name}, words[len(words)-2:], "%q", s)
		}
		assert.Greater(t, asked, 5, "%q", s)
	}
}
