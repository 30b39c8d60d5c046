// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package terminal writes text to terminals: safe, cut to their width, and in color where that is wanted.
package terminal

import (
	"io"
	"math"
	"os"

	"golang.org/x/term"
)

// Unbounded is the width of outputs that are not terminals.
const Unbounded = math.MaxInt

// Of is out if it is a terminal that can redraw.
func Of(out io.Writer) (*os.File, bool) {
	file, ok := out.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// Colored reports whether out wants colors: see https://no-color.org.
func Colored(out io.Writer) bool {
	_, ok := Of(out)
	return ok && os.Getenv("NO_COLOR") == ""
}
