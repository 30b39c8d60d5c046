// Package wholefile writes files so that a reader sees the old text or the new, never a part of one.
package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts text into the file, and makes its folder if there is none.
func Write(path string, text []byte) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".writing-*")
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		f, err = os.CreateTemp(folder, ".writing-*")
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
