package main

import "github.com/spf13/cobra"

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "srectl",
		Short:         "Work with service catalogs, SLOs and a running otelcol-sre",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newValidateCommand(),
		newConvertCommand(),
		newGenerateCommand(),
		newLintCommand(),
		newDiffCommand(),
		newStatusCommand(),
		newFindCommand(),
		newMarkCommand(),
		newProbeCommand(),
	)
	return root
}
