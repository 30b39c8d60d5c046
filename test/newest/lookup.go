// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const latest = "@latest"

// lookups remembers what the module proxy answered, so that it is asked once a day for each module and version.
type lookups struct {
	file string
	// had is the version that a query such as MODULE@v0.165 was answered with; empty: refused.
	had map[string]string
}

// openLookups reads what was asked since then.
func openLookups(file string, since time.Time) (*lookups, error) {
	l := &lookups{file: file, had: map[string]string{}}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().Before(since) {
		return l, os.MkdirAll(filepath.Dir(file), 0o750)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &l.had); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it", file, err)
	}
	return l, nil
}

// ask answers queries such as MODULE@latest, or MODULE@v0.165, whose answer is the last patch of it. A list of a module's
// versions is not always served, or not complete: where a release's prefix gives nothing, the release itself is asked for.
func (l *lookups) ask(ctx context.Context, queries []string) error {
	if err := l.download(ctx, queries, func(query string) string { return query }); err != nil {
		return err
	}
	var again []string
	for _, query := range queries {
		if l.had[query] == "" && !strings.HasSuffix(query, latest) {
			again = append(again, query)
		}
	}
	if err := l.download(ctx, again, func(query string) string { return query + ".0" }); err != nil {
		return err
	}
	for _, query := range again {
		l.had[query] = l.had[query+".0"]
	}
	text, err := json.MarshalIndent(l.had, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(l.file, text, 0o600)
}

// download asks for what was not asked before: that a version is listed does not mean that it can be had.
func (l *lookups) download(ctx context.Context, queries []string, exact func(string) string) error {
	var unknown []string
	for _, query := range queries {
		if _, known := l.had[exact(query)]; !known {
			unknown = append(unknown, exact(query))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	fmt.Fprintf(os.Stderr, "asking for %d modules\n", len(unknown))
	for _, query := range unknown {
		l.had[query] = ""
	}
	out, failed := goCommand(ctx, os.TempDir(), append([]string{"mod", "download", "-json"}, unknown...)...)
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var answer struct{ Path, Query, Version, Error string }
		if err := decoder.Decode(&answer); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return errors.Join(fmt.Errorf("answers of go mod download: %w", err), failed)
		}
		if answer.Error != "" { // Version is the query then
			continue
		}
		for _, query := range unknown {
			path, version, _ := strings.Cut(query, "@")
			if path == answer.Path && ("@"+version == latest || answer.Version == version || strings.HasPrefix(answer.Version, version+".")) {
				l.had[query] = answer.Version
			}
		}
	}
	return nil // a module that is refused makes the command fail, too
}

// goCommand returns what it prints. Modules come from the module proxy alone: what a version control system might have besides
// differs from machine to machine. A newer Go is taken where a module asks for it.
func goCommand(ctx context.Context, folder string, args ...string) ([]byte, error) {
	cmd := command(ctx, folder, "go", args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %w\n%s", args[0], err, said.String())
	}
	return out, err
}

func command(ctx context.Context, folder, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "GOTOOLCHAIN=auto", "GOWORK=off")
	if proxies, err := exec.CommandContext(ctx, "go", "env", "GOPROXY").Output(); err == nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(proxies)), ",")
		cmd.Env = append(cmd.Env, "GOPROXY="+first)
	}
	return cmd
}
