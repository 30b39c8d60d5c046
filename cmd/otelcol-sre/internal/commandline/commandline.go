// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package commandline is the command line of otelcol-sre: the Collector's, which tells a person what to do. The Makefile builds it into
// the main package that the builder writes.
//
//   - A mistake in a flag, a config, the environment or the machine is one sentence that names the fix (plain.go). What was logged until
//     then is dropped if that sentence says it all (held.go). Lines of the log have no stack traces, except for bugs.
//   - A variable that nothing reads is reported (variables.go).
//   - print-config prints a config that loads again (printconfig.go).
package commandline

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A Command is a command line. Its Execute prints errors itself.
type Command struct {
	*cobra.Command
	log *heldLog
	set otelcol.CollectorSettings
	// locations are those of the configs, for each command that has any.
	locations   []locations
	environment *environment
}

// New is the command line of a collector.
func New(set otelcol.CollectorSettings) *Command {
	log := newHeldLog(patience)
	set.LoggingOptions = append(set.LoggingOptions, zap.AddStacktrace(zapcore.DPanicLevel), zap.WrapCore(log.wrap))
	environment := watch(&set.ConfigProviderSettings.ResolverSettings, os.Environ())

	root := otelcol.NewCommand(set)
	root.SilenceErrors = true
	c := &Command{Command: root, log: log, set: set, environment: environment}
	for _, command := range append(root.Commands(), root) {
		if command.Flags().Lookup("config") == nil {
			continue
		}
		from := locations{config: record(command, "config"), set: record(command, "set")}
		c.locations = append(c.locations, from)
		if command.Name() == "print-config" {
			printLoadable(command, set, from)
		}
	}
	return c
}

// Execute runs the command of os.Args. Of an error it prints what a person can do about it.
func (c *Command) Execute() error {
	command, err := c.ExecuteC()
	if name := command.Name(); err == nil && (name == "validate" || name == "print-config") { // they have no log
		for _, problem := range c.environment.unread() {
			fmt.Fprintln(os.Stderr, "Warning: "+problem)
		}
	}
	if err == nil {
		c.log.release()
		return nil
	}
	e := explainer{set: c.set, variable: os.Getenv}
	for _, from := range c.locations {
		e.locations = append(e.locations, from.all()...)
	}
	text, known := e.explain(err)
	if known {
		c.log.drop()
	} else {
		c.log.release()
	}
	fmt.Fprintln(os.Stderr, "Error: "+text)
	return err
}
