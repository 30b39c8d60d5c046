package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	formatText = "text"
	formatJSON = "json"
)

func newValidateCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check catalog files and folders",
		Long: `Check catalog files, and folders with all their subfolders, with the same loader
as the collector's. Every problem is one line:

  file:line:column: error: path: message; mend

Exits 0 if there are no errors (warnings may be), 1 if there are, 2 if there is no such path.`,
		Example: "  srectl validate ./catalog",
		Args:    somePaths,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if format != formatText && format != formatJSON {
				return fmt.Errorf("--format %q is not known: write text or json", format)
			}
			if err := checkPaths(paths); err != nil {
				return err
			}
			loaded, problems := catalog.Load(paths...)
			if err := report(cmd.OutOrStdout(), format, loaded, problems); err != nil {
				return err
			}
			if problems.Err() != nil {
				return errNotOK
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", formatText, "text or json")
	return cmd
}

// somePaths asks for at least one argument.
func somePaths(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no PATH: name catalog files or folders, as in\n%s", cmd.Example)
	}
	return nil
}

// checkPaths tells a catalog that is not there from one that is not well.
func checkPaths(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%q: no such file or folder; create it, or mend the path", path)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// A summary is what validate says after the problems, and all it says in JSON.
type summary struct {
	Services int              `json:"services"`
	SLOs     int              `json:"slos"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Problems catalog.Problems `json:"problems"`
}

func report(out io.Writer, format string, loaded *catalog.Catalog, problems catalog.Problems) error {
	s := summary{
		Services: len(loaded.Services),
		Errors:   len(problems.Errors()), Warnings: len(problems.Warnings()),
		Problems: problems,
	}
	for _, service := range loaded.Services {
		s.SLOs += len(service.SLOs)
	}
	if format == formatJSON {
		if s.Problems == nil {
			s.Problems = catalog.Problems{}
		}
		return writeJSON(out, s)
	}
	_, err := fmt.Fprintf(out, "%s%s, %s, %s, %s\n", problems,
		count(s.Services, "service"), count(s.SLOs, "SLO"), count(s.Errors, "error"), count(s.Warnings, "warning"))
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
