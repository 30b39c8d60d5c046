// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package schema is srectl schema: the JSON Schema of catalog files, for editors.
package schema

import (
	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// NewCommand makes the command.
func NewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of catalog files",
		Long: `Print the JSON Schema of catalog files. Editors with a YAML language server complete and check a file whose first line names the schema:

  # yaml-language-server: $schema=service.schema.json`,
		Example: "  srectl schema > catalog/service.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := catalog.JSONSchema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
