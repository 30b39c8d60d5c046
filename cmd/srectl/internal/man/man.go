// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package man is srectl man: manual pages, made from the commands themselves.
package man

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const roff, markdown = "roff", "markdown"

// NewCommand makes the command.
func NewCommand() *cobra.Command {
	var out, format string
	cmd := &cobra.Command{
		Use:     "man --out DIR",
		Short:   "Write a manual page for each command, or one Markdown document",
		Example: "  srectl man --out /usr/local/share/man/man1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return errors.New("--out is missing: name the folder to write to")
			}
			if format != roff && format != markdown {
				return fmt.Errorf("--format %q is not known: write %s or %s", format, roff, markdown)
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			if format == markdown {
				return os.WriteFile(filepath.Join(out, name(cmd.Root())+".md"), []byte(reference(cmd.Root())), 0o644)
			}
			return write(cmd.Root(), out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write to")
	cmd.Flags().StringVar(&format, "format", roff, "roff, a manual page for each command, or markdown, one document")
	return cmd
}

// write writes the page of a command, and of those below it.
func write(cmd *cobra.Command, folder string) error {
	path := filepath.Join(folder, name(cmd)+".1")
	if err := os.WriteFile(path, []byte(page(cmd)), 0o644); err != nil {
		return err
	}
	for _, below := range visible(cmd) {
		if err := write(below, folder); err != nil {
			return err
		}
	}
	return nil
}

func visible(cmd *cobra.Command) (commands []*cobra.Command) {
	for _, below := range cmd.Commands() {
		if below.IsAvailableCommand() && !below.IsAdditionalHelpTopicCommand() {
			commands = append(commands, below)
		}
	}
	return commands
}

func name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// page is the page of a command, in roff.
func page(cmd *cobra.Command) string {
	var b strings.Builder
	section := func(title string) { fmt.Fprintf(&b, ".SH %s\n", title) }
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\" \"otelcol-sre\"\n", strings.ToUpper(name(cmd)), escaped(cmd.Root().Name()+" "+cmd.Root().Version))
	section("NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", escaped(name(cmd)), escaped(cmd.Short))
	section("SYNOPSIS")
	fmt.Fprintf(&b, ".B %s\n", escaped(cmd.UseLine()))
	if cmd.Long != "" {
		section("DESCRIPTION")
		paragraphs(&b, cmd.Long)
	}
	if cmd.HasAvailableFlags() {
		section("OPTIONS")
		cmd.InitDefaultHelpFlag()
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { option(&b, flag) })
	}
	if cmd.Example != "" {
		section("EXAMPLES")
		fmt.Fprintf(&b, ".nf\n%s\n.fi\n", escaped(strings.TrimRight(cmd.Example, "\n")))
	}
	section("EXIT STATUS")
	b.WriteString("0 if all is well, 1 if what was asked about is not, 2 if it could not be asked.\n")
	if others := related(cmd); len(others) > 0 {
		section("SEE ALSO")
		fmt.Fprintln(&b, strings.Join(others, ", "))
	}
	return b.String()
}

func option(b *strings.Builder, flag *pflag.Flag) {
	if !flag.Hidden {
		written, usage := described(flag)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", escaped(written), escaped(usage))
	}
}

// described is a flag as it is written, and what it is for.
func described(flag *pflag.Flag) (written, usage string) {
	written = "--" + flag.Name
	if flag.Shorthand != "" {
		written = "-" + flag.Shorthand + ", " + written
	}
	kind, usage := pflag.UnquoteUsage(flag)
	if kind != "" {
		written += " " + kind
	}
	if flag.DefValue != "" && flag.DefValue != "false" && flag.DefValue != "[]" && flag.DefValue != "0" {
		usage += " (default " + flag.DefValue + ")"
	}
	return written, usage
}

func paragraphs(b *strings.Builder, text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, " ") || strings.HasPrefix(paragraph, "\t") {
			fmt.Fprintf(b, ".nf\n%s\n.fi\n", escaped(paragraph))
			continue
		}
		fmt.Fprintln(b, escaped(paragraph))
	}
}

func related(cmd *cobra.Command) (pages []string) {
	if cmd.HasParent() {
		pages = append(pages, fmt.Sprintf("\\fB%s\\fP(1)", escaped(name(cmd.Parent()))))
	}
	for _, below := range visible(cmd) {
		pages = append(pages, fmt.Sprintf("\\fB%s\\fP(1)", escaped(name(below))))
	}
	return pages
}

// escaped is text as roff prints it: a backslash, a hyphen, and a line that begins with a dot or a quote would be commands.
func escaped(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
