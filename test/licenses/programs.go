// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// progress are lines that are no complaint.
var progress = regexp.MustCompile(`(?m)^go: (downloading|added) .*\n`)

// modules returns the modules that a program links, its own among them. Of a module that only files are taken from, that is the module alone.
func (f foreign) modules(root, tags string) ([]module, error) {
	switch {
	case f.files:
		own, err := downloaded(f.path, f.version)
		return []module{own}, err
	case f.pinned:
		return f.pinnedModules(root, tags)
	case f.nested != "":
		return linked(filepath.Join(root, f.nested), nil, f.path)
	case f.module != nil:
		return f.moduleModules()
	}
	folder, err := os.MkdirTemp("", "licenses")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module program\n"), 0o600); err != nil {
		return nil, err
	}
	get := exec.Command("go", "get", "-tool", f.name())
	get.Dir, get.Env = folder, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var complaint bytes.Buffer
	get.Stderr = &complaint
	if err := get.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", get, err, progress.ReplaceAll(complaint.Bytes(), nil))
	}
	return linked(folder, nil, "-mod=mod", f.path)
}

// pinnedModules lists as gotool.Build builds.
func (f foreign) pinnedModules(root, tags string) ([]module, error) {
	folder, err := os.MkdirTemp("", "licenses")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	return linked(root, nil, "-modfile="+filepath.Join(folder, "go.mod"), "-mod=mod", "-tags="+tags, f.path)
}

// moduleModules lists as gotool.BuildWith, gotool.BuildOf and gotool.BuildTestsOf build.
func (f foreign) moduleModules() (modules []module, err error) {
	own, err := downloaded(f.path, f.version)
	if err != nil {
		return nil, err
	}
	var programs []string
	for _, folder := range append(f.folders, "cmd/"+path.Base(f.path)) {
		if program, err := isProgram(filepath.Join(own.root, folder)); err == nil && program {
			programs = append(programs, f.path+"/"+folder)
		}
	}
	if tests, err := filepath.Glob(filepath.Join(own.root, "*_test.go")); err == nil && len(programs)+len(f.sources) == 0 && len(tests) > 0 {
		programs = []string{"-test", cmp.Or(f.module.Declared, f.path)}
	}
	if len(programs)+len(f.sources) == 0 {
		return nil, fmt.Errorf("%s: which of its programs is built is unknown: name its folder as one string, like cmd/jaeger", f.name())
	}
	list := func(source string, args ...string) error {
		return f.module.In(func(root, folder string) error {
			if source != "" {
				if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, source))); err != nil {
					return err
				}
			}
			found, err := linked(folder, nil, append([]string{"-mod=mod"}, args...)...)
			modules = merge(modules, found)
			return err
		})
	}
	if len(programs) > 0 {
		err = list("", programs...)
	}
	for _, source := range f.sources {
		err = errors.Join(err, list(source, "."))
	}
	return modules, err
}

// downloaded is a module that comes from the module cache if it is there.
func downloaded(path, version string) (module, error) {
	download := exec.Command("go", "mod", "download", "-json", path+"@"+version)
	download.Dir, download.Env = os.TempDir(), append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var complaint bytes.Buffer
	download.Stderr = &complaint
	out, err := download.Output()
	var at struct{ Dir, Error string }
	if err := errors.Join(err, json.Unmarshal(out, &at)); err != nil {
		return module{}, fmt.Errorf("%s: %w\n%s%s", download, err, at.Error, complaint.String())
	}
	return module{path: path, version: version, root: at.Dir, folders: []string{at.Dir}}, nil
}

// isProgram reports whether the package in a folder is a main package.
func isProgram(folder string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return false, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		if strings.Contains("\n"+string(text), "\npackage main\n") {
			return true, nil
		}
	}
	return false, nil
}
