// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// commandLine is the command for running generate again in the same folder of another machine. It has placeholders for paths
// outside of the folder.
func commandLine(cmd *cobra.Command, args []string) string {
	words := append([]string{"srectl", cmd.Name()}, args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		switch f.Name {
		case "prune":
			return
		case "catalog", "out":
			value = elsewhere(value, strings.ToUpper(f.Name))
		}
		if f.Value.Type() == "bool" {
			words = append(words, "--"+f.Name+"="+value)
			return
		}
		words = append(words, "--"+f.Name, value)
	})
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}

// elsewhere is a path from here, or a name for one that is nowhere below.
func elsewhere(path, name string) string {
	if filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err == nil {
			path, err = filepath.Rel(here, path)
		}
		if err != nil {
			return name
		}
	}
	path = filepath.ToSlash(filepath.Clean(path))
	if path == ".." || strings.HasPrefix(path, "../") || terminal.Printable(path, len(path)) != path {
		return name
	}
	return path
}

// shellWord is s as one word of a POSIX shell.
func shellWord(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
