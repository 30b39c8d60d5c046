package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func newValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check catalog files and folders",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			_, problems := catalog.Load(paths...)
			fmt.Fprint(cmd.OutOrStdout(), problems)
			if problems.Err() != nil {
				return errNotOK
			}
			return nil
		},
	}
}
