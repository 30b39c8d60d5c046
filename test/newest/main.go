// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command newest compiles the packages of this repository against the newest release of the Collector's core and contrib
// that can be had, and runs their short tests: make build-newest. The distribution stays at older releases for as long as the
// newest lacks components of it (docs/building.md); this tells what the move will need besides.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	docs := flag.Bool("docs", false, "also write the table of docs/building.md")
	flag.Parse()
	if err := run(*docs, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "newest:", err)
		os.Exit(1)
	}
}

// run works in the repository's root folder. Patterns name the packages whose short tests run; all others are only compiled.
func run(docs bool, patterns []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	began := time.Now()
	release, err := newestRelease(ctx)
	if err != nil {
		return err
	}
	asked, err := openLookups(filepath.Join(".cache", "newest", "lookups.json"), time.Now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	if err := showTable(ctx, asked, release, docs); err != nil {
		return err
	}

	folder, err := os.MkdirTemp("", "newest")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // some of it may still be open
	t := &tree{folder: folder, release: release, lookups: asked}
	for _, step := range []func(context.Context) error{t.copy, t.rename, t.require} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := t.test(ctx, patterns); err != nil {
		return err
	}
	fmt.Printf("\n%s: what is not named above compiles and passes; %s\n", release, time.Since(began).Round(time.Second))
	return nil
}

// A release is what core and contrib publish together: unstable modules have the one number, stable ones of core the other.
type release struct{ unstable, stable string }

func (r release) String() string { return "core " + r.unstable + " / " + r.stable }

const (
	core    = "go.opentelemetry.io/collector"
	contrib = "github.com/open-telemetry/opentelemetry-collector-contrib"
)

func upstream(module string) bool {
	return module == core || strings.HasPrefix(module, core+"/") || strings.HasPrefix(module, contrib+"/")
}

// newestRelease asks for the newest of two modules of core, one of each kind.
func newestRelease(ctx context.Context) (release, error) {
	out, err := goCommand(ctx, os.TempDir(), "list", "-m", "-f", "{{.Version}}", core+latest, core+"/component"+latest)
	if err != nil {
		return release{}, err
	}
	versions := strings.Fields(string(out))
	if len(versions) != 2 {
		return release{}, fmt.Errorf("asked for the newest versions of two modules of core, got %q", versions)
	}
	return release{unstable: versions[0], stable: versions[1]}, nil
}

// of is the release's number for a module, without the patch: v0.165, or v1.71 for what is at v1 now.
func (r release) of(module, now string) string {
	whole := r.unstable
	if strings.HasPrefix(module, core) && strings.HasPrefix(now, "v1.") {
		whole = r.stable
	}
	return whole[:strings.LastIndex(whole, ".")]
}
