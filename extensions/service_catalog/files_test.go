// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// service is a catalog file of one service with one SLO.
func service(name string) string {
	return fmt.Sprintf(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: %q}
spec:
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`, name)
}

// broken is a service whose objective cannot be.
func broken(name string) string {
	return fmt.Sprintf(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: %q}
spec:
  slos: [{name: availability, objective: 100, sli: {availability: {}}}]
`, name)
}

// write writes a file in place, with its folders.
func write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// replace writes a file as editors do: another file, renamed over it.
func replace(t testing.TB, dir, name, text string) {
	t.Helper()
	temporary := "." + name + ".tmp"
	write(t, dir, temporary, text)
	require.NoError(t, os.Rename(filepath.Join(dir, temporary), filepath.Join(dir, name)))
}

func link(t testing.TB, target, dir, name string) {
	t.Helper()
	require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
}

// A configMap is a mounted Kubernetes ConfigMap, written as kubelet's atomic writer does.
type configMap struct {
	dir     string
	version int
}

// publish makes files the content of the mount: a new folder with a time for its name, a
// link ..data_tmp to it that is renamed over ..data, and a link through ..data for each file.
func (m *configMap) publish(t testing.TB, files map[string]string) {
	t.Helper()
	m.version++
	versioned := fmt.Sprintf("..2026_01_02_03_04_05.%09d", m.version)
	for name, text := range files {
		write(t, m.dir, filepath.Join(versioned, name), text)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(m.dir, versioned), 0o755))
	data := filepath.Join(m.dir, "..data")
	old, _ := os.Readlink(data)
	link(t, versioned, m.dir, "..data_tmp")
	require.NoError(t, os.Rename(filepath.Join(m.dir, "..data_tmp"), data))
	for name := range files {
		if _, err := os.Lstat(filepath.Join(m.dir, name)); err != nil {
			link(t, filepath.Join("..data", name), m.dir, name)
		}
	}
	links, err := filepath.Glob(filepath.Join(m.dir, "*.yaml"))
	require.NoError(t, err)
	for _, path := range links {
		if _, still := files[filepath.Base(path)]; !still {
			require.NoError(t, os.Remove(path))
		}
	}
	if old != "" {
		require.NoError(t, os.RemoveAll(filepath.Join(m.dir, old)))
	}
}
