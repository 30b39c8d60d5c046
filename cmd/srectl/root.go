package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "srectl",
		Short:         "Work with service catalogs, SLOs and a running otelcol-sre",
		Version:       fmt.Sprintf("%s (commit %s, built %s)", version, commit, date),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newValidateCommand(),
		newConvertCommand(),
		newStatusCommand(),
	)
	return root
}
