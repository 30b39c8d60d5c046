// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package commandtest runs commands of srectl in tests.
package commandtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// Service is a catalog with one service.
const Service = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`

// Root is srectl with the command alone.
func Root(command *cobra.Command) *cobra.Command {
	root := &cobra.Command{Use: "srectl", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(command)
	return root
}

// A Result is how a command ended, and what it wrote.
type Result struct {
	Code           int
	Stdout, Stderr string
	// Err is of a command that could not be asked; main writes it to the standard error.
	Err error
}

// Run runs the command as main does. The arguments begin with its name.
func Run(command *cobra.Command, stdin io.Reader, args ...string) Result {
	var stdout, stderr bytes.Buffer
	root := Root(command)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	err := root.Execute()
	return Result{exit.Code(err, io.Discard), stdout.String(), stderr.String(), err}
}

// Folder is a folder with the files, by name.
func Folder(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root
}

// Catalog is a folder with one document.
func Catalog(t testing.TB, text string) string {
	t.Helper()
	return Folder(t, map[string]string{"checkout.yaml": text})
}

// Edit replaces the first occurrence in a file.
func Edit(t testing.TB, file, old, by string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), old, by, 1)), 0o644))
}
