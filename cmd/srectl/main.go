// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command srectl is the command line of otelcol-sre: it checks and converts service catalogs,
// shows the SLOs of a running collector, and finds a request in a collector's files.
//
// It exits 0 on success, 1 if a check fails, and 2 if a check cannot run:
// wrong flags, no such folder, no answer.
package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/backtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/budget"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/convert"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/diff"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/doctor"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/explain"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/find"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generate"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/lint"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/man"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/mark"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/mcp"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/note"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/postmortem"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/probe"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/proposal"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/report"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/rollback"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/schema"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/services"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/silence"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/status"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/validate"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/verify"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/whynot"
)

// version is set by the build, with the commit and its date: -ldflags "-X main.version=...".
var version = "devel"

func main() {
	os.Exit(exit.Code(newRootCommand().Execute(), os.Stderr))
}

var unknownFlag = regexp.MustCompile(`^unknown (?:shorthand )?flag: (?:'.' in )?(-+[^ =]+)`)

// nearFlag names the flag that was meant.
func nearFlag(command *cobra.Command, err error) error {
	match := unknownFlag.FindStringSubmatch(err.Error())
	if match == nil {
		return err
	}
	var known []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, flag.Name) })
	if near := nearest.Word(strings.TrimLeft(match[1], "-"), known); near != "" {
		return fmt.Errorf("there is no flag %.60s; did you mean --%s?", match[1], near)
	}
	return fmt.Errorf("there is no flag %.60s; `%s --help` lists those that exist", match[1], command.CommandPath())
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "srectl",
		Short:         "Work with service catalogs, SLOs and a running otelcol-sre",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(nearFlag)
	root.AddCommand(
		proposal.NewCommand(),
		validate.NewCommand(),
		convert.NewCommand(),
		generate.NewCommand(),
		lint.NewCommand(),
		diff.NewCommand(),
		backtest.NewCommand(),
		report.NewCommand(),
		status.NewCommand(),
		doctor.NewCommand(),
		whynot.NewCommand(),
		find.NewCommand(),
		mark.NewCommand(version),
		explain.NewCommand(),
		note.NewCommand(),
		postmortem.NewCommand(),
		mcp.NewCommand(version),
		probe.NewCommand(),
		schema.NewCommand(),
		services.NewCommand(),
		silence.NewCommand(),
		verify.NewCommand(),
		rollback.NewCommand(),
		budget.NewCommand(),
		man.NewCommand(),
	)
	complete(root)
	return root
}
