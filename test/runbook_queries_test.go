// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
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
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// A runbookPage is a page in the repository.
type runbookPage struct{ path, text string }

func runbookPages(t *testing.T) (pages []runbookPage) {
	t.Helper()
	files, err := filepath.Glob("../runbooks/examples/*/*.md")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		pages = append(pages, runbookPage{strings.TrimPrefix(file, "../runbooks/examples/"), string(text)})
	}
	require.Greater(t, len(pages), 40)
	return pages
}

// under is the section with a heading of the second level.
func (p runbookPage) under(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(p.text, "\n## "+heading+"\n")
	require.True(t, found, "%s: no %s", p.path, heading)
	section, _, _ := strings.Cut(rest, "\n## ")
	return section
}

// pagesOf are the pages of a service.
func pagesOf(service *catalog.Service, o runbooks.Options) (pages []runbookPage) {
	file, _ := alerts.Generate(service, alerts.DefaultOptions())
	made, _ := runbooks.Generate(file, func(string) ([]byte, bool) { return nil, false }, o)
	for _, page := range made {
		pages = append(pages, runbookPage{page.Path, string(page.Text)})
	}
	return pages
}

// configured are the options of a place with a Prometheus, an Alertmanager and files of telemetry, as the Makefile has it.
func configured() runbooks.Options {
	o := runbooks.DefaultOptions()
	o.Prometheus, o.Alertmanager, o.Files = "http://localhost:9090", "http://localhost:9093", "/var/lib/otelcol-sre/telemetry*.json"
	return o
}

func hostilePages() (pages []runbookPage) {
	for _, service := range hostileServices() {
		pages = append(pages, pagesOf(service, configured())...)
	}
	return pages
}

// hostileServices are those whose names and conditions try to leave the strings they stand in.
func hostileServices() (services []*catalog.Service) {
	for _, s := range []string{`a"b`, `a\`, "a`b", `a" } || { true } //`, `"} | line_format "x`, "a'b", "a\nb", "a\x00b", "ü\u202e", `{{ . }}`, "` + \"", `\"`, "--", "#"} {
		slo := func(name string, sli catalog.SLI) *catalog.SLO {
			return &catalog.SLO{Name: name, Objective: 99, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}, SLI: sli}
		}
		server := catalog.SpanSelection{Kinds: []string{"server"}, Match: s}
		services = append(services, &catalog.Service{Name: s, Namespace: s, Environments: []string{s, "b"}, SLOs: []*catalog.SLO{
			slo("availability", catalog.SLI{Availability: &catalog.Availability{SpanSelection: server}}),
			slo("latency", catalog.SLI{Latency: &catalog.Latency{SpanSelection: server, Threshold: 90 * time.Second}}),
			slo("logs", catalog.SLI{Logs: &catalog.Conditions{Good: s}}),
		}})
	}
	return services
}

// Every command of every page is one that bash can read.
func TestRunbookCommandsAreShell(t *testing.T) {
	t.Parallel()
	var all []string
	for _, page := range append(runbookPages(t), hostilePages()...) {
		for _, command := range fenced(page.text, "sh") {
			if slices.Contains(all, command) {
				continue
			}
			all = append(all, command)
			out, err := exec.Command("bash", "-n", "-c", command).CombinedOutput()
			assert.NoError(t, err, "%s:\n%s\n%s", page.path, command, out)
		}
	}
	assert.Greater(t, len(all), 100)
}
