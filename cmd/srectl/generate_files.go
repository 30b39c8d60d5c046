package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// An output is a file to be written, its name relative to the output folder.
type output struct {
	name string
	text []byte
}

// write writes the files that are not there as they should be.
func (g *generation) write(files []output) error {
	for _, f := range files {
		path := filepath.Join(g.out, f.name)
		old, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(old, f.text):
			continue
		case err == nil && !isGenerated(old):
			g.complain("%s: error: is there and was not generated; move it away", path)
			continue
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := replaceFile(path, f.text); err != nil {
			return err
		}
	}
	return nil
}

// isGenerated tells a file that may be overwritten: somebody may have written one by hand.
func isGenerated(text []byte) bool { return bytes.HasPrefix(text, []byte(alerts.Header)) }

// replaceFile writes a file so that a reader sees the old text or the new, never a part.
func replaceFile(path string, text []byte) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".srectl-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what is left of a failure that is reported
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// retire reports generated files that no service has any more, and removes them with --prune.
func (g *generation) retire(patterns []string, current []output) error {
	kept := map[string]bool{}
	for _, f := range current {
		kept[filepath.Clean(f.name)] = true
	}
	found, err := glob(os.DirFS(g.out), patterns)
	if err != nil {
		return err
	}
	for _, name := range found {
		path := filepath.Join(g.out, name)
		if kept[filepath.Clean(name)] {
			continue
		}
		generated, err := beginsGenerated(path)
		switch {
		case err != nil:
			return err
		case !generated:
		case g.prune:
			if err := os.Remove(path); err != nil {
				return err
			}
			g.tell("%s: removed: its service is not in the catalog", path)
		default:
			g.tell("%s: warning: its service is not in the catalog; --prune removes it", path)
		}
	}
	return nil
}

func glob(folder fs.FS, patterns []string) (all []string, err error) {
	for _, pattern := range patterns {
		some, err := fs.Glob(folder, pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// beginsGenerated reads no more of a file than tells whether it was generated.
func beginsGenerated(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read from
	begin, err := io.ReadAll(io.LimitReader(f, int64(len(alerts.Header))))
	return err == nil && isGenerated(begin), err
}
