package main

import "github.com/spf13/cobra"

func newConvertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert PATH...",
		Short: "Write a catalog as another format",
		Args:  cobra.MinimumNArgs(1),
	}
}
