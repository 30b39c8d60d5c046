// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// writeLayer writes what is copied as a tar. Files belong to the owner and have the time of the commit; of their
// mode counts only whether they can be run, so that nobody's umask shows.
func writeLayer(w io.Writer, c copied, folder string, created time.Time) error {
	t := tar.NewWriter(w)
	add := func(name, file string, d fs.DirEntry) error {
		info, err := d.Info()
		if err != nil {
			return err
		}
		header := &tar.Header{
			Name: strings.TrimPrefix(name, "/"), Mode: 0o644, Uid: c.owner, Gid: c.owner,
			ModTime: created, Typeflag: tar.TypeReg, Size: info.Size(), Format: tar.FormatPAX,
		}
		if info.Mode()&0o100 != 0 {
			header.Mode = 0o755
		}
		if d.IsDir() {
			header.Name, header.Typeflag, header.Size = header.Name+"/", tar.TypeDir, 0
		}
		if header.Name == "/" { // the root itself
			return nil
		}
		if err := t.WriteHeader(header); err != nil || d.IsDir() {
			return err
		}
		return copyFile(t, file)
	}
	for _, source := range c.sources {
		start := filepath.Join(folder, source)
		// Of a folder its content is copied, a file by its name.
		to := c.to
		if !strings.HasSuffix(source, "/") {
			to = path.Join(c.to, path.Base(source))
		}
		err := filepath.WalkDir(start, func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			below, err := filepath.Rel(start, file)
			if err != nil {
				return err
			}
			return add(path.Join(to, filepath.ToSlash(below)), file, d)
		})
		if err != nil {
			return err
		}
	}
	return t.Close()
}

func copyFile(w io.Writer, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = io.Copy(w, file)
	return err
}
