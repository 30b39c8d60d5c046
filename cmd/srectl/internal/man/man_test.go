// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package man

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPages(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "man1")
	root := &cobra.Command{Use: "tool", Short: "Do things", Version: "1.2.3"}
	run := func(*cobra.Command, []string) {}
	below := &cobra.Command{Use: "thing NAME", Short: "Do one", Long: "It does.\n\n.hidden files stay.\n\n  tool thing a\\b", Example: "  tool thing --count 3", Run: run}
	below.Flags().IntP("count", "c", 1, "how `often`")
	below.Flags().Bool("old", false, "gone")
	require.NoError(t, below.Flags().MarkHidden("old"))
	root.AddCommand(below, NewCommand(), &cobra.Command{Use: "secret", Hidden: true, Run: run})
	root.SetArgs([]string{"man", "--out", folder})
	require.NoError(t, root.Execute())

	text, err := os.ReadFile(filepath.Join(folder, "tool-thing.1"))
	require.NoError(t, err)
	assert.Equal(t, `.TH TOOL-THING 1 "" "tool 1.2.3" "otelcol-sre"
.SH NAME
tool\-thing \- Do one
.SH SYNOPSIS
.B tool thing NAME [flags]
.SH DESCRIPTION
It does.
.PP
\&.hidden files stay.
.PP
.nf
  tool thing a\eb
.fi
.SH OPTIONS
.TP
.B \-c, \-\-count often
how often (default 1)
.TP
.B \-h, \-\-help
help for thing
.SH EXAMPLES
.nf
  tool thing \-\-count 3
.fi
.SH EXIT STATUS
0 if all is well, 1 if what was asked about is not, 2 if it could not be asked.
.SH SEE ALSO
\fBtool\fP(1)
`, string(text))
	pages, err := filepath.Glob(filepath.Join(folder, "*.1"))
	require.NoError(t, err)
	for _, page := range pages {
		assert.NotContains(t, page, "secret")
	}
	assert.FileExists(t, filepath.Join(folder, "tool.1"))

	without := NewCommand()
	without.SetArgs(nil)
	without.SetErr(io.Discard)
	without.SetOut(io.Discard)
	assert.ErrorContains(t, without.Execute(), "--out is missing")
}

// The Markdown document has a section for each command that is not hidden, and what commands say stays plain text in it.
func TestReference(t *testing.T) {
	folder := t.TempDir()
	root := &cobra.Command{Use: "tool", Short: "Do things"}
	run := func(*cobra.Command, []string) {}
	below := &cobra.Command{Use: "thing NAME", Short: "Do one", Long: "It *does*\n<b>.\n\n  tool thing a*b\n", Example: "  tool thing", Run: run}
	below.AddCommand(&cobra.Command{Use: "more", Short: "Do more", Run: run})
	root.AddCommand(below, NewCommand(), &cobra.Command{Use: "secret", Hidden: true, Run: run})
	root.SetArgs([]string{"man", "--format", "markdown", "--out", folder})
	require.NoError(t, root.Execute())
	text, err := os.ReadFile(filepath.Join(folder, "tool.md"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "# tool\n\nDo things.\n")
	assert.Contains(t, string(text), "## tool thing\n\nDo one.\n\n````sh\ntool thing NAME\n````\n\nIt \\*does\\* \\<b\\>.\n\n````text\n  tool thing a*b\n````\n\n- `-h, --help`: help for thing\n\n````sh\n  tool thing\n````\n")
	assert.Contains(t, string(text), "## tool thing more\n")
	assert.NotContains(t, string(text), "secret")

	root.SetArgs([]string{"man", "--format", "html", "--out", folder})
	root.SilenceErrors, root.SilenceUsage = true, true
	require.ErrorContains(t, root.Execute(), `--format "html" is not known: write roff or markdown`)
}
