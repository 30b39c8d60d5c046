// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package man

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
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

// describe writes the section of a command.
func describe(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n````sh\n%s\n````\n", cmd.CommandPath(), output.Markdown(strings.TrimSuffix(cmd.Short, ".")), cmd.UseLine())
	for paragraph := range strings.SplitSeq(strings.TrimSpace(cmd.Long), "\n\n") {
		switch {
		case paragraph == "":
		case strings.HasPrefix(paragraph, " "): // a command, or lines that belong under each other
			fmt.Fprintf(b, "\n````text\n%s\n````\n", paragraph)
		default:
			fmt.Fprintf(b, "\n%s\n", output.Markdown(strings.ReplaceAll(paragraph, "\n", " ")))
		}
	}
	cmd.InitDefaultHelpFlag()
	b.WriteString("\n")
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			written, usage := described(flag)
			fmt.Fprintf(b, "- `%s`: %s\n", written, output.Markdown(usage))
		}
	})
	if example := strings.Trim(cmd.Example, "\n"); example != "" {
		fmt.Fprintf(b, "\n````sh\n%s\n````\n", example)
	}
	for _, below := range visible(cmd) {
		describe(b, below)
	}
}
