// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package golden compares what a test made with a committed file, and shows no more than where they differ.
package golden

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Update tells that the test was run with -update: what it makes is right.
func Update() bool { return *update }

// maxLines is how much of a difference is shown.
const maxLines = 30

// Equal fails unless the file has this content. With -update it writes the file.
func Equal(t testing.TB, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run go test with -update to write it", err)
	}
	if d := difference(file, want, got); d != "" {
		t.Errorf("%sif it is right, run go test with -update", d)
	}
}

// difference is a unified diff of at most maxLines, "" if there is none.
func difference(file string, want, got []byte) string {
	lines := strings.SplitAfter(string(diff.Diff(file, want, "got", got)), "\n")
	if len(lines) == 1 {
		return ""
	}
	lines = lines[1:] // the command that it is not
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], "...\n")
	}
	for i, line := range lines {
		if len(line) > maxWidth {
			lines[i] = line[:maxWidth] + "...\n"
		}
	}
	return strings.Join(lines, "")
}

// maxWidth is how much of a line is shown, in bytes.
const maxWidth = 300
