// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

func srectl(args ...string) (code int, stdout string) {
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	return exit.Code(root.Execute(), io.Discard), out.String()
}

func TestCannotBeAsked(t *testing.T) {
	folder := t.TempDir()
	for _, args := range [][]string{
		{"validate"},
		{"validate", filepath.Join(folder, "absent")},
		{"validate", "--format", "xml", folder},
		{"validate", "--frobnicate", folder},
		{"convert", folder},
		{"convert", "--to", "word", folder},
		{"convert", "--to", "sloth", filepath.Join(folder, "absent")},
		{"frobnicate"},
	} {
		code, _ := srectl(args...)
		assert.Equal(t, exit.Usage, code, args)
	}
}

func TestVersion(t *testing.T) {
	code, stdout := srectl("--version")
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, "srectl version "+version+"\n", stdout)
}
