// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gotool

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A Module is another project whose packages a program needs. Sums are its lines of a go.sum: they verify the
// download without a checksum database.
type Module struct {
	Path, Version, Sum, GoModSum string
	// Declared is what its own go.mod calls it, where that is not its path.
	Declared string
	// Sources are files of the module that become a package of the program, by their folder's name: those that
	// it needs of a package whose other files need what takes minutes to compile.
	Sources []string
}

// BuildWith builds the program in the folder source with packages of the module, and with the versions of
// all others that the module itself is built with. It returns its path, in the repository's cache. The program
// counts as a part of the module, so it may import what is internal there.
func BuildWith(m Module, source string) (string, error) {
	return m.build(filepath.Base(source), func(folder string) error { return os.CopyFS(folder, os.DirFS(source)) }, ".")
}

// BuildOf builds a program of the module itself, with the versions that it is released with, from the package in that folder
// of the module. It returns its path, in the repository's cache: a release does not change, so what is there is not built again.
func BuildOf(m Module, folder string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	name := path.Base(folder) + "-" + m.Version
	if built := filepath.Join(root, ".cache", "tools", name); exists(built) {
		return built, nil
	}
	return m.build(name, func(string) error { return nil }, "-ldflags=-s -w", m.Path+"/"+folder)
}

// BuildTestsOf builds the tests of the package at the root of the module, with the versions that it is released with, under
// that name. It returns the test program's path, in the repository's cache; what is there is not built again.
func BuildTestsOf(m Module, name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	program := filepath.Join(root, ".cache", "tools", name+"-"+m.Version)
	if exists(program) {
		return program, nil
	}
	return program, scratch(func(_, folder string) error {
		if err := m.prepare(folder); err != nil {
			return fmt.Errorf("%s@%s: %w", m.Path, m.Version, err)
		}
		_, err := goCommand(folder, "test", "-c", "-mod=mod", "-trimpath", "-o", program, m.declared())
		return err
	})
}

// declared is the path that its packages are imported by.
func (m Module) declared() string { return cmp.Or(m.Declared, m.Path) }

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// build builds a program of that name in a module made for it, to which add adds what it needs.
func (m Module) build(name string, add func(folder string) error, args ...string) (program string, err error) {
	err = m.In(func(root, folder string) error {
		if err := add(folder); err != nil {
			return err
		}
		program = filepath.Join(root, ".cache", "tools", name)
		_, err := goCommand(folder, append([]string{"build", "-mod=mod", "-trimpath", "-buildvcs=false", "-o", program}, args...)...)
		return err
	})
	return program, err
}

// In calls do with the root of this repository and with a folder, gone afterwards, of the module that m's programs are built in.
func (m Module) In(do func(root, folder string) error) error {
	return scratch(func(root, folder string) error {
		if err := m.prepare(folder); err != nil {
			return fmt.Errorf("%s@%s: %w", m.Path, m.Version, err)
		}
		return do(root, folder)
	})
}

// prepare writes the go.mod and go.sum of a module that is built as this one is.
func (m Module) prepare(folder string) error {
	module := "module " + m.Path + "/tool\n"
	own := fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", m.Path, m.Version, m.Sum, m.GoModSum)
	write := func(name, text string) error { return os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600) }
	if err := errors.Join(write("go.mod", module), write("go.sum", own)); err != nil {
		return err
	}
	out, err := goCommand(folder, "mod", "download", "-json", m.Path+"@"+m.Version)
	if err != nil {
		return err
	}
	var at struct{ Dir string }
	if err := json.Unmarshal(out, &at); err != nil {
		return err
	}
	if err := m.copySources(at.Dir, folder); err != nil {
		return err
	}
	goMod, err := os.ReadFile(filepath.Join(at.Dir, "go.mod"))
	if err != nil {
		return err
	}
	goSum, err := os.ReadFile(filepath.Join(at.Dir, "go.sum"))
	if err != nil {
		return err
	}
	var lines []string
	for line := range strings.Lines(string(goMod)) {
		if !strings.Contains(line, "=> ./") && !strings.HasPrefix(line, "module ") { // folders beside it are modules of their own
			lines = append(lines, line)
		}
	}
	require := fmt.Sprintf("\nrequire %[1]s %[2]s\n", m.Path, m.Version)
	if m.Declared != "" {
		require = fmt.Sprintf("\nrequire %[1]s v0.0.0\nreplace %[1]s => %[2]s %[3]s\n", m.Declared, m.Path, m.Version)
	}
	return errors.Join(write("go.mod", module+strings.Join(lines, "")+require), write("go.sum", string(goSum)+own))
}

func (m Module) copySources(from, to string) error {
	for _, source := range m.Sources {
		text, err := os.ReadFile(filepath.Join(from, source))
		if err != nil {
			return err
		}
		folder := filepath.Join(to, filepath.Base(filepath.Dir(source)))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(source)), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// goCommand returns what it prints. It is quiet about flags that others set for their own modules.
func goCommand(folder string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return out, nil
}
