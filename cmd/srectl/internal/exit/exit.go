// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package exit has the exit codes of srectl.
package exit

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The codes with which srectl exits.
const (
	OK = 0
	// NotOK says that a check has failed.
	NotOK = 1
	// Usage says that a check could not run.
	Usage = 2
)

// ErrNotOK makes srectl exit with NotOK. The command has already reported the problem.
var ErrNotOK = errors.New("not well")

// Status is an error that makes srectl exit as a command did that it ran.
type Status int

func (s Status) Error() string { return "exit status " + strconv.Itoa(int(s)) }

// Code is the exit code for the error of a command. It writes the reason for Usage to stderr.
func Code(err error, stderr io.Writer) int {
	var status Status
	switch {
	case err == nil:
		return OK
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, ErrNotOK):
		return NotOK
	default:
		_, _ = fmt.Fprintln(stderr, "srectl:", err) // there is nowhere else to say it
		return Usage
	}
}
