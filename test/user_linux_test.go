// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os/exec"
	"syscall"
)

// runAsUser runs a command as a user without rights, and reports whether that is possible.
func runAsUser(cmd *exec.Cmd) bool {
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return true
}
