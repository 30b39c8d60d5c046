// Command srectl is the command line of otelcol-sre: it checks and converts service catalogs,
// asks a running collector how the services are, and finds a request in what a collector wrote.
//
// It exits 0 when all is well, 1 when what was asked about is not, and 2 when it could not
// be asked: wrong flags, no such folder, no answer.
package main

import (
	"errors"
	"fmt"
	"os"
)

// version is set by the build, with the commit and its date: -ldflags "-X main.version=...".
var version = "devel"

const (
	exitOK    = 0
	exitNotOK = 1
	exitUsage = 2
)

// errNotOK makes srectl exit 1. The command has already said what is not well.
var errNotOK = errors.New("not well")

func main() {
	os.Exit(exitCode(newRootCommand().Execute()))
}

// exitCode tells "it is not well" from "it could not be asked", and reports the latter.
func exitCode(err error) int {
	var exit errExit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, errNotOK):
		return exitNotOK
	default:
		fmt.Fprintln(os.Stderr, "srectl:", err)
		return exitUsage
	}
}
