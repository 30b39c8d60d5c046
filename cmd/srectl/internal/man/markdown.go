// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package man

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// reference is a Markdown document about a command and those below it.
func reference(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n", cmd.Name(), strings.TrimSuffix(cmd.Short, "."))
	for _, below := range visible(cmd) {
		describe(&b, below)
	}
	return b.String()
}

// describe writes the section of a command. What the commands say is plain text, and stays that in fences.
func describe(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", cmd.CommandPath(), strings.TrimSuffix(cmd.Short, "."))
	fenced := func(language, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			fmt.Fprintf(b, "\n````%s\n%s\n````\n", language, text)
		}
	}
	fenced("sh", cmd.UseLine())
	fenced("text", cmd.Long)
	cmd.InitDefaultHelpFlag()
	fenced("text", cmd.Flags().FlagUsages())
	fenced("sh", cmd.Example)
	for _, below := range visible(cmd) {
		describe(b, below)
	}
}
