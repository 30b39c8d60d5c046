// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// shopFile is one of the example services.
func shopFile(t testing.TB, name string) alerts.File {
	t.Helper()
	for _, f := range examples(t) {
		if f.Service.Name == name {
			return f
		}
	}
	require.Fail(t, "no such example: "+name)
	return alerts.File{}
}

func write(t *testing.T, root string, files ...alerts.File) []Report {
	t.Helper()
	reports, err := Write(root, files, configured())
	require.NoError(t, err)
	return reports
}

func read(t *testing.T, root, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// replace changes a page by hand.
func replace(t *testing.T, root, path, old, by string) {
	t.Helper()
	text := read(t, root, path)
	require.Contains(t, text, old)
	require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(strings.Replace(text, old, by, 1)), 0o644))
}

const critical = "runbooks/mailer/ErrorBudgetBurnCritical.md"

var hint = hints[knownCauses] + "\n"

func TestNotesSurviveByteForByte(t *testing.T) {
	for name, notes := range map[string]string{
		"prose":            "The relay's certificate ran out in May. See [the log](https://wiki.example.com/may).\n",
		"nothing":          "",
		"Windows":          "one\r\ntwo\r\n",
		"blanks":           "\n\n  \t \n\n",
		"HTML and a fence": "<details>\n\n```sh\nrm -rf /tmp/x # <!-- a comment -->\n",
		"percent signs":    "100 % %s %d %!\n",
		"no UTF-8":         "\xff\xfe\x00\n",
		"a heading":        "## Meaning\n# Impact\n",
	} {
		t.Run(name, func(t *testing.T) {
			root, mailer := t.TempDir(), shopFile(t, "mailer")
			require.Empty(t, write(t, root, mailer))
			replace(t, root, critical, hint, notes)
			before := read(t, root, critical)
			mailer.Service.Owner = "another-team"
			require.Empty(t, write(t, root, mailer))
			after := read(t, root, critical)
			assert.Contains(t, after, "another-team")
			_, was, _ := strings.Cut(before, "## Known causes")
			_, is, _ := strings.Cut(after, "## Known causes")
			assert.Equal(t, was, is)
			assert.Contains(t, is, "known-causes -->\n"+notes+"<!-- notes:end -->\n")
		})
	}
}

func TestBlocksOfPeopleAreKept(t *testing.T) {
	root, mailer := t.TempDir(), shopFile(t, "mailer")
	write(t, root, mailer)
	mine := "<!-- notes:begin relay -->\nAsk the relay's people.\n<!-- notes:end -->\n"
	replace(t, root, critical, "## Impact\n", mine+"## Impact\n")
	reports := write(t, root, mailer)
	require.Len(t, reports, 1)
	assert.Equal(t, catalog.Warning, reports[0].Severity)
	assert.Contains(t, reports[0].String(), `the section of the block "relay" no longer exists`)
	assert.True(t, strings.HasSuffix(read(t, root, critical), "\n"+mine))
	assert.Equal(t, read(t, root, critical), func() string { write(t, root, mailer); return read(t, root, critical) }(), "again")
}

func TestBrokenMarkersOverwriteNothing(t *testing.T) {
	end := "<!-- notes:end -->"
	for name, test := range map[string]struct{ old, by, want string }{
		"no end":         {end, "", "does not end"},
		"no beginning":   {"<!-- notes:begin known-causes -->", "", "notes:end without notes:begin"},
		"nested":         {end, "<!-- notes:begin b -->\n" + end, "inside the block that began"},
		"twice":          {end, end + "\n<!-- notes:begin known-causes -->\n" + end, "exists twice"},
		"without name":   {"notes:begin known-causes", "notes:begin", "is not a valid marker"},
		"capitals":       {"notes:begin known-causes", "Notes:Begin Known", "is not a valid marker"},
		"not alone":      {end, "text " + end, "is not a valid marker"},
		"wide of spaces": {end, "<!--  notes:end -->", "is not a valid marker"},
	} {
		t.Run(name, func(t *testing.T) {
			root, mailer := t.TempDir(), shopFile(t, "mailer")
			write(t, root, mailer)
			replace(t, root, critical, test.old, test.by)
			before := snapshot(t, root)
			mailer.Service.Description = "It does something else now."
			reports := write(t, root, mailer)
			require.NotEmpty(t, reports)
			assert.Equal(t, catalog.Error, reports[0].Severity)
			assert.Regexp(t, `^runbooks/mailer/ErrorBudgetBurnCritical\.md:\d+: error: .*`+test.want+`.*; \S`, reports[0].String())
			assert.Equal(t, before, snapshot(t, root), "no page was written")
		})
	}
}

func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			all[path] = string(text)
		}
		return err
	}))
	return all
}

// without leaves out the alerts of a name.
func without(f alerts.File, name string) alerts.File {
	var some []alerts.Alert
	for _, a := range f.Alerts {
		if a.Name != name {
			some = append(some, a)
		}
	}
	f.Alerts = some
	return f
}

func TestOrphans(t *testing.T) {
	root, mailer := t.TempDir(), shopFile(t, "mailer")
	write(t, root, mailer)
	foreign := filepath.Join(root, "runbooks/mailer/Relay.md")
	require.NoError(t, os.WriteFile(foreign, []byte("# Written by hand\n"), 0o644))
	mailer = without(mailer, "ErrorBudgetBurnCritical")
	mailer = without(mailer, "ErrorBudgetBurnHigh")
	replace(t, root, critical, hint, "The relay.\n")
	before := read(t, root, critical)

	reports := write(t, root, mailer)
	require.Len(t, reports, 1)
	assert.Contains(t, reports[0].String(), critical+":")
	assert.Contains(t, reports[0].String(), "the page is kept for its notes")
	kept := read(t, root, critical)
	assert.True(t, Orphaned([]byte(kept)))
	assert.True(t, strings.HasSuffix(kept, before), "as it was")
	assert.NoFileExists(t, filepath.Join(root, "runbooks/mailer/ErrorBudgetBurnHigh.md"), "nobody wrote into it")
	assert.FileExists(t, foreign)
	assert.NotContains(t, read(t, root, "runbooks/mailer/README.md"), "ErrorBudgetBurnCritical")

	write(t, root, mailer)
	assert.Equal(t, kept, read(t, root, critical), "again")

	reports = write(t, root, shopFile(t, "mailer"))
	assert.Empty(t, reports)
	assert.Equal(t, before, read(t, root, critical), "the alert is back, and so is its page")
}

func TestFoldersOfOtherServicesAreLeftAlone(t *testing.T) {
	root := t.TempDir()
	write(t, root, shopFile(t, "mailer"), shopFile(t, "payment"))
	before := snapshot(t, root)
	write(t, root, shopFile(t, "mailer"))
	assert.Equal(t, before, snapshot(t, root))
}

func TestTwoServicesOfOneName(t *testing.T) {
	root, one, two := t.TempDir(), shopFile(t, "mailer"), shopFile(t, "mailer")
	two.Service.Namespace = "post"
	reports := write(t, root, one, two)
	require.Len(t, reports, 1)
	assert.Contains(t, reports[0].String(), `the runbooks of "mailer" would overwrite those of another service with that name`)
	assert.Empty(t, snapshot(t, root))
}

func TestInput(t *testing.T) {
	mailer := shopFile(t, "mailer")
	pages, _ := Generate(mailer, none, configured())
	input, line := InputOf(pages[0].Text)
	assert.Equal(t, Input(mailer.Service.Digest()), input)
	assert.Equal(t, 2, line)
	mailer.Service.SLOs[0].Objective = 99.5
	assert.NotEqual(t, input, Input(mailer.Service.Digest()))
}

// A fuzzed block comes back as it was, or the page is not touched.
func FuzzNotes(f *testing.F) {
	f.Add([]byte("notes\n"))
	f.Add([]byte("<!-- notes:begin b -->\n"))
	f.Add([]byte("\r\n<!-- notes:end -->"))
	mailer := shopFile(f, "mailer")
	mailer.Alerts = mailer.Alerts[:1]
	f.Fuzz(func(t *testing.T, content []byte) {
		page := append([]byte("<!-- notes:begin known-causes -->\n"), content...)
		page = append(page, "\n<!-- notes:end -->\n"...)
		pages, reports := Generate(mailer, func(path string) ([]byte, bool) {
			return page, !strings.HasSuffix(path, Index)
		}, configured())
		if catalog.Problems(reports).Err() != nil {
			assert.Len(t, pages, 1, "only the index is written")
			return
		}
		before, _ := notesOf("before", page)
		after, broken := notesOf("after", pages[0].Text)
		require.Empty(t, broken)
		contents := map[string][]byte{}
		for _, n := range after {
			contents[n.name] = n.content
		}
		for _, n := range before {
			assert.Equal(t, n.content, contents[n.name])
		}
	})
}

// A page that somebody wrote in the place of a generated one is not overwritten.
func TestPagesOfPeopleAreNotOverwritten(t *testing.T) {
	root, mailer := t.TempDir(), shopFile(t, "mailer")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "runbooks/mailer"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, critical), []byte("# Mine\n"), 0o644))
	reports := write(t, root, mailer)
	require.Len(t, reports, 1)
	assert.Equal(t, critical+": error: exists and was not generated; move it away", reports[0].String())
	assert.Len(t, snapshot(t, root), 1)
}

func BenchmarkWrite(b *testing.B) {
	checkout := shopFile(b, "checkout")
	b.ReportAllocs()
	for b.Loop() {
		pages, _ := Generate(checkout, none, configured())
		size := 0
		for _, p := range pages {
			size += len(p.Text)
		}
		b.ReportMetric(float64(size), "B/service")
	}
}
