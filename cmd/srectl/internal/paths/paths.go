// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package paths checks the path arguments of commands.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

// Some requires at least one argument.
func Some(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no PATH: give catalog files or folders, as in\n%s", cmd.Example)
	}
	return nil
}

// Check reports paths that do not exist, which differ from invalid catalogs in the exit code.
func Check(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%q: no such file or folder; create it, or correct the path", path)
		} else if err != nil {
			return err
		}
	}
	return nil
}
