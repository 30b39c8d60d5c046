// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

var fence = regexp.MustCompile("(?s)```(yaml|sh)\n(.*?)```")

// Every command of docs/migrating.md runs without a problem, on the files that the page shows.
func TestMigrating(t *testing.T) {
	page, err := os.ReadFile("../../docs/migrating.md")
	require.NoError(t, err)
	chapters := strings.SplitSeq(string(page), "\n## ")
	for chapter := range chapters {
		title, _, _ := strings.Cut(chapter, "\n")
		if !strings.HasPrefix(title, "From ") {
			continue
		}
		t.Run(title, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var folders []string
			commands := 0
			for _, block := range fence.FindAllStringSubmatch(chapter, -1) {
				if block[1] == "yaml" {
					path, text, _ := strings.Cut(strings.TrimPrefix(block[2], "# "), "\n")
					require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
					require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
					folders = append(folders, filepath.Dir(path))
					continue
				}
				for line := range strings.SplitSeq(strings.TrimSpace(block[2]), "\n") {
					words := strings.Fields(line)
					require.Equal(t, "srectl", words[0], line)
					code, out := srectl(words[1:]...)
					assert.Equal(t, exit.OK, code, "%s: %s", line, out)
					commands++
				}
			}
			require.NotEmpty(t, folders)
			require.GreaterOrEqual(t, commands, 3)
			assert.NotEmpty(t, files(t, "generated/alerts/checkout*.rules.*"))
			before, problems := catalog.Load(folders...)
			require.Empty(t, problems)
			for _, converted := range []string{"catalog", "again"} {
				if _, err := os.Stat(converted); err != nil {
					continue
				}
				after, problems := catalog.Load(converted)
				require.Empty(t, problems)
				require.Len(t, after.Services, len(before.Services))
				for i, s := range after.Services {
					require.Len(t, s.SLOs, len(before.Services[i].SLOs))
					for j, slo := range s.SLOs {
						was := before.Services[i].SLOs[j]
						assert.Equal(t, []any{was.Name, was.Objective, was.Window, was.GroupBy, was.Labels, was.SLI}, []any{slo.Name, slo.Objective, slo.Window, slo.GroupBy, slo.Labels, slo.SLI}, converted)
					}
				}
			}
		})
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	return found
}
