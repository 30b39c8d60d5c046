// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package bearertokenauth

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/config/configopaque"
)

// maxFile bounds the file, in bytes.
const maxFile = 1 << 20

// A file has a token in each line; what follows it in the line is a comment.
type file struct {
	name  string
	last  []string
	empty bool // at the last reading, too
}

// read returns the tokens, and whether they differ from those of the reading before. A file that is being written may be empty for a
// moment, so that only the second empty reading counts.
func (f *file) read() (found []string, changed bool, err error) {
	opened, err := os.Open(f.name)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = opened.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
		return nil, false, err
	case len(text) > maxFile:
		return nil, false, fmt.Errorf("%s is larger than %d KiB", f.name, maxFile>>10)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 {
			found = append(found, words[0])
		}
	}
	first := len(found) == 0 && !f.empty
	f.empty = len(found) == 0
	if first || slices.Equal(found, f.last) {
		return f.last, false, nil
	}
	f.last = found
	return found, true, nil
}

func opaque(token string) configopaque.String { return configopaque.String(token) }
