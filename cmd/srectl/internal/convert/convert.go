// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package convert is `srectl convert`: it writes a catalog, OpenSLO, Sloth and Pyrra files as any of them.
package convert

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
)

const formatCatalog = "catalog"

// writers turn a service into the text of a format.
var writers = map[string]func(*catalog.Service) ([]byte, catalog.Problems){
	formatCatalog: func(s *catalog.Service) ([]byte, catalog.Problems) {
		text, err := s.YAML()
		if err != nil {
			return nil, catalog.Problems{{Position: s.Position, Message: err.Error()}}
		}
		return text, nil
	},
	"openslo":          (*catalog.Service).OpenSLO,
	"sloth":            (*catalog.Service).Sloth,
	"sloth-kubernetes": (*catalog.Service).PrometheusServiceLevel,
	"pyrra":            (*catalog.Service).Pyrra,
}

// formats are the names of all of them.
var formats = strings.Join(slices.Sorted(maps.Keys(writers)), ", ")

// NewCommand is `srectl convert`.
func NewCommand() *cobra.Command {
	var to, out string
	cmd := &cobra.Command{
		Use:   "convert --to FORMAT [--out DIR] PATH...",
		Short: "Write a catalog, OpenSLO, Sloth or Pyrra files as any of them",
		Long: `Read catalog documents, OpenSLO, Sloth (files and PrometheusServiceLevel objects) and Pyrra, mixed as they may be, and
write each service as one file of the chosen format, or all of them to the standard output.

convert reports everything that the format cannot express, with the SLO and the reason, and writes the rest.
Exits 0 if everything was written, 1 if something was left out, 2 if there is no such path.`,
		Example: `  srectl convert --to catalog --out ./catalog ./sloth
  srectl convert --to openslo ./catalog`,
		Args: paths.Some,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := writers[to]
			if !ok {
				return fmt.Errorf("--to %q is not known: write one of %s", to, formats)
			}
			if err := paths.Check(args); err != nil {
				return err
			}
			loaded, problems := catalog.Load(args...)
			files, more := convert(loaded, to, write)
			problems = append(problems, more...)
			if err := save(cmd.OutOrStdout(), out, files); err != nil {
				return err
			}
			if _, err := fmt.Fprint(cmd.ErrOrStderr(), problems); err != nil {
				return err
			}
			if problems.Err() != nil {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", formats)
	cmd.Flags().StringVar(&out, "out", "", "folder to write to, one file per service; default: the standard output")
	_ = cmd.MarkFlagRequired("to") // fails for an unknown flag only
	return cmd
}

// A file is one service's text and its file name.
type file struct {
	name string
	text []byte
}

// convert writes every service. Services that differ only in their namespace get different
// files. OpenSLO has no namespaces, so it gets only the first of these services.
func convert(loaded *catalog.Catalog, to string, write func(*catalog.Service) ([]byte, catalog.Problems)) (files []file, problems catalog.Problems) {
	seen := map[string]bool{}
	for _, s := range loaded.Services {
		name := s.Name
		if seen[s.Name] {
			name = s.Namespace + "." + s.Name
			if to == "openslo" {
				problems = append(problems, catalog.Problem{
					Position: s.Position,
					Message:  fmt.Sprintf("service %q of namespace %q is not written: %s has no namespaces, and another service has the same name", s.Name, s.Namespace, to),
					Fix:      "rename one",
				})
				continue
			}
		}
		seen[s.Name] = true
		text, more := write(s)
		problems = append(problems, more...)
		if len(text) > 0 {
			files = append(files, file{name + ".yaml", text})
		}
	}
	for _, d := range loaded.Defaults {
		text, err := d.YAML()
		if to != formatCatalog || err != nil {
			problems = append(problems, catalog.Problem{Position: d.Position, Message: fmt.Sprintf("Defaults %q are not written: only the catalog's own format has them", d.Name)})
			continue
		}
		files = append(files, file{"defaults." + d.Name + ".yaml", text})
	}
	return files, problems
}

// save writes the files to the folder, or one after the other if there is none.
func save(stdout io.Writer, folder string, files []file) error {
	if folder == "" {
		texts := make([][]byte, len(files))
		for i, f := range files {
			texts[i] = f.text
		}
		_, err := stdout.Write(bytes.Join(texts, []byte("---\n")))
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(folder, f.name), f.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
