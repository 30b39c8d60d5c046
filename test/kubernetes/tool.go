// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// The programs that users run on the manifests, in the versions that are tested.
var (
	Kustomize   = &Tool{Name: "kustomize", Package: "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"}
	Helm        = &Tool{Name: "helm", Package: "helm.sh/helm/v3/cmd/helm@v3.22.0"}
	Kubeconform = &Tool{Name: "kubeconform", Package: "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"}
	KubeScore   = &Tool{Name: "kube-score", Package: "github.com/zegl/kube-score/cmd/kube-score@v1.20.0"}
	Kwok        = &Tool{Name: "kwok", Package: "sigs.k8s.io/kwok/cmd/kwok@v0.8.0"}
)

// A Tool is a program that is built from a Go module, once a process.
type Tool struct {
	Name string
	// Package is what `go install` takes, or a package of the module in Module.
	Package string
	// Module is a folder with a go.mod of its own, for what cannot be installed; empty otherwise. It is relative to the repository.
	Module string
	// Stamp are further linker flags, for programs that are asked which version they are.
	Stamp string

	once sync.Once
	path string
	err  error
}

// Path builds the program if need be and says where it is.
func (t *Tool) Path() (string, error) {
	t.once.Do(func() {
		folder := Root(".cache", "tools")
		t.path = filepath.Join(folder, t.Name)
		build := exec.Command("go", "install", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", t.Package)
		build.Dir = os.TempDir() // no go.mod of ours has a say in the versions
		if t.Module != "" {
			build = exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w "+t.Stamp, "-o", t.path, t.Package)
			build.Dir = Root(t.Module)
		}
		build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOBIN="+folder)
		if out, err := build.CombinedOutput(); err != nil {
			t.err = fmt.Errorf("building %s: %w\n%s", t.Package, err, out)
		}
	})
	return t.path, t.err
}

// Run runs the program in the repository and returns what it prints. An error says what it complained of.
func (t *Tool) Run(args ...string) ([]byte, error) { return t.RunWith(nil, nil, args...) }

// RunWith is Run with standard input and with further environment variables.
func (t *Tool) RunWith(input []byte, env []string, args ...string) ([]byte, error) {
	path, err := t.Path()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdin, cmd.Env = Root(), bytes.NewReader(input), append(os.Environ(), env...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s %q: %w\n%s", t.Name, args, err, complaint.String())
	}
	return out, nil
}

// Root is a path in the repository.
var Root = func() func(...string) string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "builder-config.yaml")); err == nil {
			return func(parts ...string) string { return filepath.Join(append([]string{folder}, parts...)...) }
		} else if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			panic(err)
		}
		folder = filepath.Dir(folder)
	}
}()

// ModuleFolder is where the files of a Go module are, which is downloaded if need be.
func ModuleFolder(module string) (string, error) {
	download := exec.Command("go", "mod", "download", "-json", module)
	download.Dir, download.Env = os.TempDir(), append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := download.Output()
	var at struct{ Dir, Error string }
	if err := errors.Join(err, json.Unmarshal(out, &at)); err != nil {
		return "", fmt.Errorf("downloading %s: %w %s", module, err, at.Error)
	}
	return at.Dir, nil
}
