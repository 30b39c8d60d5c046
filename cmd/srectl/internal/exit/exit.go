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
	// NotOK says that what was asked about is not well.
	NotOK = 1
	// Usage says that it could not be asked.
	Usage = 2
)

// ErrNotOK makes srectl exit with NotOK. The command has already said what is not well.
var ErrNotOK = errors.New("not well")

// Status is an error that makes srectl exit as a command did that it ran.
type Status int

func (s Status) Error() string { return "exit status " + strconv.Itoa(int(s)) }

// Code is the exit code for the error of a command. Why something could not be asked is written to stderr.
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
