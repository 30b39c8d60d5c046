// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// Others are the manifests in deploy/ beside Kustomize's overlays and Helm's chart, by where they are. What is generated from
// a team's catalog is made in the folder first.
func Others(folder string) (map[string][]byte, error) {
	if err := generateTeam(folder); err != nil {
		return nil, err
	}
	others := map[string][]byte{}
	for name, path := range map[string]string{
		"operator":         Root("deploy/operator"),
		"operator/objects": Root("test/kubernetes/testdata/operator-catalog-objects"),
		"team/app":         filepath.Join(folder, "gitops/team/app"),
		"team/lint":        filepath.Join(folder, "gitops/team/lint"),
		"team/standalone":  filepath.Join(folder, "gitops/team/standalone"),
	} {
		text, err := Kustomize.Run("build", path)
		if err != nil {
			return nil, err
		}
		others[name] = text
	}
	for _, pattern := range []string{"deploy/gitops/argo-cd/*.yaml", "deploy/gitops/flux/*.yaml", "deploy/kustomize/examples/*.yaml"} {
		files, err := filepath.Glob(Root(pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if others[filepath.Base(file)], err = os.ReadFile(file); err != nil {
				return nil, err
			}
		}
	}
	return others, nil
}

// generateTeam copies the example of a team's repository and runs its pipeline's script there.
func generateTeam(folder string) error {
	err := errors.Join(
		os.CopyFS(filepath.Join(folder, "gitops", "team"), os.DirFS(Root("deploy/gitops/team"))),
		os.CopyFS(filepath.Join(folder, "kustomize"), os.DirFS(Root("deploy/kustomize"))))
	if err != nil {
		return err
	}
	generate := exec.Command(filepath.Join(folder, "gitops", "team", "generate"))
	generate.Env = append(os.Environ(), "PATH="+Root("bin")+":"+os.Getenv("PATH"))
	if out, err := generate.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}
