// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package revision reads a catalog as it was in a revision of its git repository.
package revision

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// maxError is the length to which errors of git are shortened.
const maxError = 300

// Catalog writes a catalog as it was in a revision into a temporary folder, which remove removes.
// It reads git's objects and does not change the working tree, the index or the branches.
func Catalog(revision, path string) (folder string, remove func(), err error) {
	if strings.HasPrefix(revision, "-") || strings.ContainsAny(revision, "\x00\n:") {
		return "", nil, fmt.Errorf("%q is not a revision: write a branch, a tag or a commit", revision)
	}
	where, pattern := path, "."
	if info, err := os.Stat(path); err != nil {
		return "", nil, err
	} else if !info.IsDir() {
		where, pattern = filepath.Split(path)
	}
	listed, err := git(where, nil, "ls-tree", "-r", "-z", revision, "--", pattern)
	if err != nil {
		return "", nil, err
	}
	folder, err = os.MkdirTemp("", "srectl-revision-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(folder) } // temporary
	if err := writeObjects(folder, where, listed); err != nil {
		remove()
		return "", nil, err
	}
	return folder, remove, nil
}

// An object is a file of a revision.
type object struct{ id, path string }

// writeObjects writes what ls-tree listed, MODE TYPE ID<tab>PATH, into a folder.
func writeObjects(folder, where string, listed []byte) error {
	var (
		objects []object
		ids     bytes.Buffer
	)
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		facts, path, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(facts)
		if !ok || len(fields) != 3 || !strings.HasPrefix(fields[0], "100") || !isCatalogName(path) {
			continue // links and submodules hold no text
		}
		objects = append(objects, object{fields[2], path})
		ids.WriteString(fields[2] + "\n")
	}
	text, err := git(where, &ids, "cat-file", "--batch")
	if err != nil {
		return err
	}
	from := bufio.NewReader(bytes.NewReader(text))
	for _, o := range objects {
		content, err := nextObject(from)
		if err != nil {
			return fmt.Errorf("git cat-file: %s: %w", o.id, err)
		}
		if !filepath.IsLocal(o.path) {
			return fmt.Errorf("git ls-tree: %q is not below the folder", o.path)
		}
		name := filepath.Join(folder, filepath.FromSlash(o.path))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// isCatalogName reports whether the loader would read the file.
func isCatalogName(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yaml" || ext == ".yml"
}

// nextObject reads ID TYPE SIZE, the object and a line break.
func nextObject(from *bufio.Reader) ([]byte, error) {
	header, err := from.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(header)
	if len(fields) != 3 {
		return nil, fmt.Errorf("%q is not an object", terminal.Printable(header, terminal.MaxLabel))
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil || size < 0 {
		return nil, fmt.Errorf("%q is not a size", terminal.Printable(fields[2], terminal.MaxLabel))
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(from, content); err != nil {
		return nil, err
	}
	_, err = from.Discard(1)
	return content, err
}

// git runs a command in a folder and returns its output.
func git(where string, in io.Reader, args ...string) ([]byte, error) {
	if where == "" {
		where = "."
	}
	cmd := exec.Command("git", append([]string{"-C", where}, args...)...)
	cmd.Stdin = in
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("git %s: %s", args[0], terminal.Printable(strings.TrimSpace(string(failed.Stderr)), maxError))
	}
	return out, err
}
