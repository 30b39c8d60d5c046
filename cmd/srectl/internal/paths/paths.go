// Package paths checks the paths that commands are given.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

// Some asks for at least one argument.
func Some(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no PATH: name catalog files or folders, as in\n%s", cmd.Example)
	}
	return nil
}

// Check tells a catalog that is not there from one that is not well.
func Check(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%q: no such file or folder; create it, or mend the path", path)
		} else if err != nil {
			return err
		}
	}
	return nil
}
