// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// region marks the start and the end of the command. Both have one ID; another run has another one.
func (m *marker) region(ctx context.Context, d deployment.Deployment, args []string, in io.Reader) error {
	command := exec.Command(args[0], args[1:]...)
	if command.Err != nil {
		return fmt.Errorf("cannot run: %w", command.Err)
	}
	command.Stdin, command.Stdout, command.Stderr = in, m.out, m.errOut
	if d.ID == "" {
		id := make([]byte, 8)
		_, _ = rand.Read(id) // never fails
		d.ID = hex.EncodeToString(id)
	}
	if d.Start.IsZero() {
		d.Start = m.now()
	}
	d.Status = deployment.Started
	if err := m.mark(ctx, d); err != nil && !errors.Is(err, exit.ErrNotOK) {
		return err
	}
	code := run(command, m.errOut)
	d.Status = deployment.Completed
	if code != 0 {
		d.Status = deployment.Failed
	}
	if err := m.mark(ctx, d); err != nil && !errors.Is(err, exit.ErrNotOK) {
		return err
	}
	if code != 0 {
		return exit.Status(code)
	}
	return nil
}

// run returns the exit code as a shell has it. It outlives the signals that end the command, to mark that end too.
func run(command *exec.Cmd, errOut io.Writer) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		_, _ = fmt.Fprintln(errOut, "srectl:", err)
		return 126
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM { // Ctrl-C reaches the command from the terminal
				_ = command.Process.Signal(s) // it may have ended
			}
		case err := <-ended:
			var exit *exec.ExitError
			switch {
			case err == nil:
				return 0
			case !errors.As(err, &exit):
				_, _ = fmt.Fprintln(errOut, "srectl:", err)
				return 1
			}
			if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
				return 128 + int(s.Signal())
			}
			return exit.ExitCode()
		}
	}
}
