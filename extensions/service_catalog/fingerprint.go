// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A fingerprint is a digest of all that can matter to the loader: equal fingerprints,
// equal catalogs. Modification times are left out: a ConfigMap swap or a checkout changes
// them for nothing, and an editor can keep them over a change.
type fingerprint [sha256.Size]byte

// maxHashed bounds what is read of one file. It is more than the loader reads.
const maxHashed = 4 << 20

// takeFingerprint reads the directories as the loader does: with subfolders, links followed,
// *.yaml and *.yml, no dot names. It also returns the folders it found, with links resolved.
//
// What cannot be read is part of the fingerprint: a file that becomes readable is a change.
func takeFingerprint(directories []string) (fingerprint, []string) {
	t := tree{digest: sha256.New(), seen: make(map[string]bool), content: sha256.New(), buffer: make([]byte, 32<<10)}
	for _, directory := range directories {
		t.add(directory, true)
	}
	return fingerprint(t.digest.Sum(nil)), t.folders
}

// A tree is a walk through the folders.
type tree struct {
	digest  hash.Hash
	folders []string
	// seen holds the resolved folders, so that links cannot make the walk go on forever.
	seen    map[string]bool
	content hash.Hash
	buffer  []byte
}

func (t *tree) add(path string, root bool) {
	info, err := os.Stat(path) // follows links
	switch {
	case err != nil:
		if root || isCatalogFile(path) {
			t.note("unreadable", path, err.Error())
		}
	case info.IsDir():
		t.folder(path)
	case !root && !isCatalogFile(path):
	case !info.Mode().IsRegular():
		t.note("irregular", path, info.Mode().Type().String())
	default:
		t.file(path)
	}
}

func (t *tree) folder(path string) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.note("unreadable", path, err.Error())
		return
	}
	t.note("folder", path, "")
	if t.seen[resolved] {
		t.note("again", path, resolved)
		return
	}
	t.seen[resolved] = true
	t.folders = append(t.folders, resolved)
	entries, err := os.ReadDir(path)
	if err != nil {
		t.note("unreadable", path, err.Error())
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			t.add(filepath.Join(path, entry.Name()), false)
		}
	}
}

func (t *tree) file(path string) {
	f, err := os.Open(path)
	if err != nil {
		t.note("unreadable", path, err.Error())
		return
	}
	defer func() { _ = f.Close() }() // nothing was written
	t.content.Reset()
	if _, err := io.CopyBuffer(t.content, io.LimitReader(f, maxHashed), t.buffer); err != nil {
		t.note("unreadable", path, err.Error())
		return
	}
	t.note("file", path, string(t.content.Sum(nil)))
}

// note adds one line that no other facts can spell.
func (t *tree) note(kind, path, what string) {
	_, _ = fmt.Fprintf(t.digest, "%s %q %q\n", kind, path, what) // a hash.Hash never fails
}

func isCatalogFile(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml":
		return true
	default:
		return false
	}
}
