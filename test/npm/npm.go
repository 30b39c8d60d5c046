// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package npm installs the packages of npm that tests need, by the lock files beside them.
package npm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Install installs what the folder's package-lock.json says, if that is not installed already. Tests of several packages
// may ask for the same folder at once: the lock file is locked meanwhile.
func Install(folder string) error {
	lock, err := os.Open(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	wanted, err := lock.Stat()
	if err != nil {
		return err
	}
	installed, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json")) // npm writes it last
	if err == nil && !installed.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("%w: tests need it; on Debian: apt-get install nodejs npm", err)
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w\n%s", folder, err, out)
	}
	return nil
}
