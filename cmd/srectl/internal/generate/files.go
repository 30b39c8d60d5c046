// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
	"github.com/otelcol-sre/otelcol-sre/internal/wholefile"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// write writes a file below the output folder, unless it is up to date.
func (g *generation) write(folder, name string, content func(io.Writer) error, r *account) error {
	var text bytes.Buffer
	if err := content(&text); err != nil {
		return err
	}
	path := filepath.Join(g.out, folder, name)
	old, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(old, text.Bytes()):
		r.unchanged++
		return nil
	case err == nil && !generated.Is(old):
		r.complain("%s: error: exists and was not generated; move it away", path)
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	r.written++
	return wholefile.Write(path, text.Bytes())
}

// retire reports generated files of services that no longer exist, and removes them with --prune.
func (g *generation) retire(folder, extension string, kept map[string]bool, r *account) error {
	entries, err := os.ReadDir(filepath.Join(g.out, folder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if kept[entry.Name()] || !entry.Type().IsRegular() || !strings.HasSuffix(entry.Name(), extension) {
			continue
		}
		path := filepath.Join(g.out, folder, entry.Name())
		generated, err := beginsGenerated(path)
		switch {
		case err != nil:
			return err
		case !generated:
		case g.prune:
			if err := os.Remove(path); err != nil {
				return err
			}
			r.tell("%s: removed: its service is not in the catalog", path)
		default:
			r.tell("%s: warning: its service is not in the catalog; --prune removes it", path)
		}
	}
	return nil
}

// leftRunbooks reports folders of runbooks whose service no longer exists.
func (g *generation) leftRunbooks(services []*catalog.Service, r *account) error {
	known := map[string]bool{}
	for _, s := range services {
		known[filepath.Dir(filepath.FromSlash(runbooks.IndexPath(s.Slug())))] = true
	}
	entries, err := os.ReadDir(filepath.Join(g.out, runbooks.Folder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := filepath.Join(runbooks.Folder, entry.Name())
		index, err := os.ReadFile(filepath.Join(g.out, name, runbooks.Index))
		if !known[name] && err == nil && runbooks.Generated(index) {
			r.tell("%s: warning: its service is not in the catalog; check the notes in the folder, then remove it", filepath.Join(g.out, name))
		}
	}
	return nil
}

// beginsGenerated reads only the beginning of a file to find out whether it was generated.
func beginsGenerated(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read from
	begin, err := io.ReadAll(io.LimitReader(f, int64(len(alerts.Header))))
	return err == nil && generated.Is(begin), err
}
