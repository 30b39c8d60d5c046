// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package wholefile writes files so that a reader sees the old text or the new, never a part of one.
package wholefile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts text into the file, and makes its folder if there is none.
func Write(path string, text []byte) error {
	folder := filepath.Dir(path)
	temporary := filepath.Join(folder, ".writing-"+rand.Text())
	err := write(temporary, text)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		err = write(temporary, text)
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// write writes a file that is not there yet.
func write(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
