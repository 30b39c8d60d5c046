// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// generated is the distribution itself, which needs every component: it is not copied.
const generated = "cmd/otelcol-sre"

// telemetry is what the paths of OpenTelemetry's modules for Go begin with. They change together, and the Collector's newest needs
// theirs.
const telemetry = "go.opentelemetry.io/"

// A tree is a copy of the repository that is built with the release's modules.
type tree struct {
	folder  string
	release release
	lookups *lookups
}

// copy copies what Git would commit.
func (t *tree) copy(ctx context.Context) error {
	out, err := command(ctx, ".", "git", "ls-files", "-co", "--exclude-standard", "-z").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(name)
		if errors.Is(err, os.ErrNotExist) || strings.HasPrefix(name, generated+"/") { // removed, and not committed yet
			continue
		}
		if err != nil {
			return err
		}
		target := filepath.Join(t.folder, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
			return err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			if err := os.Symlink(link, target); err != nil {
				return err
			}
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, text, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// require writes the copy's go.mod: the newest of all modules of upstream that packages need, and nothing of upstream besides.
func (t *tree) require(ctx context.Context) error {
	file := filepath.Join(t.folder, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	mod, err := modfile.Parse(file, text, nil)
	if err != nil {
		return err
	}
	needed, err := neededModules(ctx)
	if err != nil {
		return err
	}
	versions := map[string]string{} // today's
	for _, r := range mod.Require {
		if (upstream(r.Mod.Path) || strings.HasPrefix(r.Mod.Path, telemetry)) && needed[r.Mod.Path] {
			versions[r.Mod.Path] = r.Mod.Version
		}
	}
	for _, r := range mod.Replace {
		if upstream(r.Old.Path) {
			versions[r.Old.Path] = r.New.Version
		}
	}
	had, err := t.resolve(ctx, versions)
	if err != nil {
		return err
	}
	kept, err := rewrite(mod, needed, had)
	if err != nil {
		return err
	}
	if text, err = mod.Format(); err != nil {
		return err
	}
	for _, module := range slices.Sorted(maps.Keys(versions)) {
		fmt.Printf("%-100s %-8s -> %s\n", module, versions[module], cmp.Or(had[module], "stays: nothing newer can be had"))
	}
	fmt.Printf("replaced as before: %s\n", cmp.Or(strings.Join(kept, ", "), "none"))
	return os.WriteFile(file, text, 0o600)
}

// resolve returns the newest version of each module that can be had. Some are stable by now and have other numbers; and what is
// listed as the latest is not always the latest.
func (t *tree) resolve(ctx context.Context, modules map[string]string) (map[string]string, error) {
	var queries []string
	for module := range modules {
		queries = append(queries, module+latest)
	}
	if err := t.lookups.ask(ctx, queries); err != nil {
		return nil, err
	}
	had := map[string]string{}
	var again []string
	for module, now := range modules {
		had[module] = t.lookups.had[module+latest]
		if release := t.release.of(module, now); upstream(module) && semver.Compare(had[module], release) < 0 {
			again = append(again, module+"@"+release)
		}
	}
	if err := t.lookups.ask(ctx, again); err != nil {
		return nil, err
	}
	for _, query := range again {
		if version := t.lookups.had[query]; version != "" {
			module, _, _ := strings.Cut(query, "@")
			had[module] = version
		}
	}
	maps.DeleteFunc(had, func(module, version string) bool { return semver.Compare(version, modules[module]) <= 0 })
	return had, nil
}

// rewrite puts the versions that can be had into go.mod. A replacement is kept only for a module that still cannot be had.
func rewrite(mod *modfile.File, needed map[string]bool, had map[string]string) (kept []string, err error) {
	for _, r := range slices.Clone(mod.Require) {
		switch version := had[r.Mod.Path]; {
		case upstream(r.Mod.Path) && !needed[r.Mod.Path]: // the modules that need it say which
			err = errors.Join(err, mod.DropRequire(r.Mod.Path))
		case version != "":
			err = errors.Join(err, mod.AddRequire(r.Mod.Path, version))
		}
	}
	for _, r := range slices.Clone(mod.Replace) {
		if had[r.Old.Path] != "" {
			err = errors.Join(err, mod.DropReplace(r.Old.Path, r.Old.Version))
		} else {
			kept = append(kept, r.Old.Path)
		}
	}
	for _, tool := range slices.Clone(mod.Tool) {
		if upstream(tool.Path) {
			err = errors.Join(err, mod.DropTool(tool.Path))
		}
	}
	mod.Cleanup()
	return kept, err
}

// A goPackage is one of ours, as go list describes it.
type goPackage struct {
	ImportPath       string
	GoFiles, Imports []string
	Module           *struct {
		Path string
		Main bool
	}
	Error *struct{ Err string }
}

// neededModules are those of which our packages need a package, tests included, the distribution aside.
func neededModules(ctx context.Context) (map[string]bool, error) {
	own, err := list(ctx, ".", "./...")
	if err != nil {
		return nil, err
	}
	args := []string{"-deps", "-test"}
	for _, p := range own {
		if !strings.HasSuffix(p.ImportPath, "/"+generated) {
			args = append(args, p.ImportPath)
		}
	}
	all, err := list(ctx, ".", args...)
	if err != nil {
		return nil, err
	}
	modules := map[string]bool{}
	for _, p := range all {
		if p.Module != nil {
			modules[p.Module.Path] = true
		}
	}
	return modules, nil
}

func list(ctx context.Context, folder string, args ...string) ([]goPackage, error) {
	out, err := goCommand(ctx, folder, append([]string{"list", "-e", "-json=ImportPath,GoFiles,Imports,Module,Error"}, args...)...)
	if err != nil {
		return nil, err
	}
	var all []goPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// test compiles all packages and their tests, and runs the short ones of the packages that the patterns name. Packages that
// need one of upstream that cannot be had, or does not compile beside the newest of the others, are left out.
func (t *tree) test(ctx context.Context, patterns []string) error {
	// Tests that call the go command are in the copy, too, whose go.mod is not complete before it has been used.
	if err := os.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -mod=mod"); err != nil {
		return err
	}
	broken, untestable, err := t.broken(ctx)
	if err != nil {
		return err
	}
	run := map[string]bool{}
	if len(patterns) > 0 {
		named, err := list(ctx, t.folder, patterns...)
		if err != nil {
			return err
		}
		for _, p := range named {
			run[p.ImportPath] = true
		}
	}
	all, err := list(ctx, t.folder, "./...")
	if err != nil {
		return err
	}
	var compiled, tested, built []string
	for _, p := range all {
		switch {
		case broken[p.ImportPath] != "":
			fmt.Printf("left out: %s, which needs %s\n", p.ImportPath, broken[p.ImportPath])
		case untestable[p.ImportPath] != "":
			fmt.Printf("without its tests: %s, which need %s\n", p.ImportPath, untestable[p.ImportPath])
			if len(p.GoFiles) > 0 {
				built = append(built, p.ImportPath)
			}
		case run[p.ImportPath]:
			tested = append(tested, p.ImportPath)
		default:
			compiled = append(compiled, p.ImportPath)
		}
	}
	fmt.Printf("compiling %d packages, and testing %d others\n", len(compiled)+len(built), len(tested))
	for _, args := range [][]string{
		append([]string{"build"}, built...),
		append([]string{"vet", "-unusedresult"}, compiled...), // vet compiles tests, too, and links nothing
	} {
		if !strings.Contains(args[len(args)-1], "/") { // no package of that kind
			continue
		}
		cmd := command(ctx, t.folder, "go", args...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if failed := cmd.Run(); failed != nil {
			err = errors.Join(err, fmt.Errorf("go %s with %s: %w", args[0], t.release, failed))
		}
	}
	return errors.Join(err, t.short(ctx, tested))
}

// short runs the short tests of packages. Those that are known to fail may fail.
func (t *tree) short(ctx context.Context, packages []string) error {
	out, failed := goCommand(ctx, t.folder, append([]string{"test", "-short", "-json"}, packages...)...)
	outcome, said, err := outcomes(out)
	if err != nil {
		return errors.Join(err, failed)
	}
	for _, test := range slices.Sorted(maps.Keys(outcome)) {
		reason, expected := knownToFail[strings.TrimPrefix(test, ownModule)]
		switch {
		case outcome[test] == "fail" && expected:
			fmt.Printf("fails, as known: %s: %s\n", test, reason)
		case outcome[test] == "fail":
			fmt.Printf("%s\nFAILS: %s\n", said[test], test)
			err = errors.Join(err, fmt.Errorf("%s fails with %s", test, t.release))
		case outcome[test] == "pass" && expected:
			err = errors.Join(err, fmt.Errorf("%s passes by now: remove it from knownToFail", test))
		}
	}
	if len(outcome) == 0 {
		return errors.Join(errors.New("no test ran"), failed)
	}
	fmt.Printf("%d tests ran\n", len(outcome))
	return err
}

// broken are our packages that cannot be compiled for a reason outside of them, and that reason; untestable are those of which
// that is true of the tests alone. It compiles everything.
func (t *tree) broken(ctx context.Context) (broken, untestable map[string]string, err error) {
	all, err := list(ctx, t.folder, "-export", "-deps", "-test", "./...")
	if err != nil {
		return nil, nil, err
	}
	needs := map[string]string{}
	for _, p := range all { // those that a package needs stand before it
		for _, imported := range p.Imports {
			if needs[imported] != "" {
				needs[p.ImportPath] = needs[imported]
			}
		}
		// A package that moved is what this is to find, and the importing package's fault.
		own := p.Module != nil && p.Module.Main
		if needs[p.ImportPath] == "" && !own && p.Error != nil && !strings.Contains(p.Error.Err, "does not contain package") {
			needs[p.ImportPath] = p.ImportPath + ": " + strings.TrimSpace(p.Error.Err)
		}
	}
	untestable = map[string]string{}
	for path, reason := range needs {
		name, _, _ := strings.Cut(path, " ") // "X.test", "X [X.test]", "X_test [X.test]"
		if name = strings.TrimSuffix(strings.TrimSuffix(name, ".test"), "_test"); needs[name] == "" {
			untestable[name] = reason
		}
	}
	return needs, untestable, nil
}
