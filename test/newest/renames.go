// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// renames are the changes that our own code needs past contrib v0.152, in gofmt's notation. What is here is done for good, and
// removed here, when go.mod moves there.
var renames = []struct{ rule, since string }{
	{"ottlfuncs.NewIsRootSpanFactoryNew -> ottlfuncs.NewIsRootSpanFactory", "pkg/ottl v1: the older function of that name is gone"},
	{"ottlspan.NewTransformContextPtr -> ottlspan.NewTransformContext", "pkg/ottl v1"},
	{"ottllog.NewTransformContextPtr -> ottllog.NewTransformContext", "pkg/ottl v1"},
	{"ottldatapoint.NewTransformContextPtr -> ottldatapoint.NewTransformContext", "pkg/ottl v1"},
}

// rename rewrites the copy.
func (t *tree) rename(ctx context.Context) error {
	files := map[string][]string{} // those of our files that a rule is about
	err := filepath.WalkDir(t.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, r := range renames {
			if old, _, _ := strings.Cut(r.rule, " "); strings.Contains(string(text), old+"(") {
				files[r.rule] = append(files[r.rule], path)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range renames {
		fmt.Printf("%-76s %d files (%s)\n", r.rule, len(files[r.rule]), r.since)
		if len(files[r.rule]) == 0 {
			continue
		}
		out, err := command(ctx, t.folder, "gofmt", append([]string{"-w", "-r", r.rule}, files[r.rule]...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("gofmt -r %q: %w\n%s", r.rule, err, out)
		}
	}
	return nil
}
