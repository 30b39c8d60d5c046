// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzParse: whatever the bytes, there is an answer, in time, and every problem is a line of
// bounded length inside the file.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/problems/*.yaml", "testdata/openslo/*.yaml", "testdata/sloth/*.yaml", "testdata/formats/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: no seeds: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte("a: &a [b, b]\nc: &c [*a, *a]\nd: [*c, *c]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		began := time.Now()
		c, problems := Parse("a.yaml", text)
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("took %v", took)
		}
		if c == nil {
			t.Fatal("no catalog")
		}
		lines := strings.FieldsFunc("x"+string(text)+"x", func(rune) bool { return false })
		for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // YAML's line ends
			var split []string
			for _, line := range lines {
				split = append(split, strings.Split(line, end)...)
			}
			lines = split
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len(text)+1 {
				t.Errorf("outside of the file: %s", p)
			}
			if s := p.String(); len(s) > 2000 || strings.ContainsAny(s, "\n\r") {
				t.Errorf("not a line of bounded length: %q", s)
			}
		}
		for _, s := range c.Services {
			if _, err := s.YAML(); err != nil {
				t.Errorf("cannot be written: %v", err)
			}
		}
	})
}
