// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
)

const ownModule = "github.com/otelcol-sre/otelcol-sre"

type manifest struct {
	Dist struct {
		Version   string
		BuildTags string `yaml:"build_tags"`
	}
	Telemetry  struct{ Gomod, Import string }
	Components map[string][]struct{ Gomod, Import string } `yaml:",inline"`
	Replaces   []string
}

var componentKinds = []string{"receivers", "processors", "exporters", "connectors", "extensions", "providers", "converters"}

func readManifest(t *testing.T) manifest {
	t.Helper()
	text, err := os.ReadFile("../builder-config.yaml")
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.Unmarshal(text, &m))
	return m
}

func readGoMod(t *testing.T) *modfile.File {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	mod, err := modfile.Parse("go.mod", text, nil)
	require.NoError(t, err)
	return mod
}

// What builder-config.yaml lists is what the binary says it has, module by module and kind by kind.
func TestBinaryRegistersWhatTheManifestLists(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "components").Output()
	require.NoError(t, err)
	var registered map[string]yaml.Node
	require.NoError(t, yaml.Unmarshal(out, &registered))

	listed := readManifest(t).Components
	for _, kind := range componentKinds {
		var inBinary []struct {
			Name, Scheme, Module string
		}
		node := registered[kind]
		require.NoError(t, node.Decode(&inBinary), kind)
		var got, want []string
		for _, c := range inBinary {
			got = append(got, c.Module)
		}
		for _, c := range listed[kind] {
			want = append(want, c.Gomod)
		}
		slices.Sort(got)
		slices.Sort(want)
		assert.Equal(t, want, got, kind)
	}
	for kind, names := range map[string][]string{
		"processors": {"correlation", "slo"}, "connectors": {"sli"}, "extensions": {"service_catalog", "deployment_tracker"}, "providers": {"builtin"},
	} {
		node := registered[kind]
		text, err := yaml.Marshal(&node)
		require.NoError(t, err)
		for _, name := range names {
			assert.Regexp(t, `(name|scheme): `+name+`\n`, string(text))
		}
	}
}

// `components` tells the versions that the linker took, not only those that the manifest asks for.
func TestComponentsTellsTheVersionsThatAreLinked(t *testing.T) {
	t.Parallel()
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	linked := map[string]string{}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = &debug.Module{Path: module.Path, Version: module.Replace.Version}
		}
		linked[module.Path] = module.Version
	}
	out, err := exec.Command(binary, "components").Output()
	require.NoError(t, err)
	told := regexp.MustCompile(`(?m)^ +module: (\S+) (\S+)$`).FindAllStringSubmatch(string(out), -1)
	require.NotEmpty(t, told)
	for _, module := range told {
		if module[1] != ownModule {
			assert.Equal(t, linked[module[1]], module[2], module[1])
		}
	}
}

// The versions in builder-config.yaml and its replacements are those of go.mod, where each replacement has its reason.
func TestManifestAndGoModAgree(t *testing.T) {
	t.Parallel()
	required := map[string]string{}
	mod := readGoMod(t)
	for _, r := range mod.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	m := readManifest(t)
	assert.Equal(t, ownModule+" v"+m.Dist.Version, m.Telemetry.Gomod)
	for _, kind := range componentKinds {
		require.NotEmpty(t, m.Components[kind], kind)
		for _, c := range m.Components[kind] {
			path, version, _ := strings.Cut(c.Gomod, " ")
			if path == ownModule {
				assert.Equal(t, "v"+m.Dist.Version, version, "our own components have the version of the distribution")
				continue
			}
			assert.Equal(t, required[path], version, path)
		}
	}
	var replaced []string
	for _, r := range mod.Replace {
		assert.NotEmpty(t, r.Syntax.Before, "the reason for the replacement of "+r.Old.Path)
		replaced = append(replaced, r.Old.Path+" => "+r.New.Path+" "+r.New.Version)
	}
	assert.ElementsMatch(t, replaced, m.Replaces)
}

// make build compiles with the tags that plain ocb would use.
func TestMakefileAndManifestAgreeOnBuildTags(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	assert.Contains(t, string(text), "TAGS := "+readManifest(t).Dist.BuildTags+"\n")
	linter, err := os.ReadFile("../.golangci.yaml")
	require.NoError(t, err)
	assert.Contains(t, string(linter), "build-tags: ["+strings.ReplaceAll(readManifest(t).Dist.BuildTags, ",", ", ")+"]")
}

func TestVersionIsStamped(t *testing.T) {
	t.Parallel()
	for _, program := range []string{binary, "../bin/srectl"} {
		out, err := exec.Command(program, "--version").Output()
		require.NoError(t, err)
		assert.Regexp(t, `\b`+regexp.QuoteMeta(readManifest(t).Dist.Version)+`\+[0-9a-f]{12}(\.dirty)?\.\d{8}T\d{6}Z\n`, string(out), program)
	}
}

func TestBuiltInConfigsAreValid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, downstream := range []string{"", "localhost:1"} {
		for _, name := range []string{"agent", "gateway", "standalone"} {
			cmd := exec.Command(binary, "validate", "--config", "builtin:"+name)
			cmd.Env = append(os.Environ(), "OTELCOL_SRE_STORAGE="+dir, "OTELCOL_SRE_DOWNSTREAM="+downstream)
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s: %s", name, out)
		}
	}
}

// The configuration in each component's README is one that the collector takes.
func TestReadmeExamplesAreValid(t *testing.T) {
	t.Parallel()
	readmes, err := filepath.Glob("../*/*/README.md")
	require.NoError(t, err)
	var tried int
	for _, readme := range readmes {
		text, err := os.ReadFile(readme)
		require.NoError(t, err)
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			example, _, _ := strings.Cut(block, "```")
			if !strings.Contains(example, "pipelines:") {
				continue
			}
			tried++
			file := filepath.Join(t.TempDir(), "config.yaml")
			example = strings.ReplaceAll(example, "/var/lib/otelcol-sre", t.TempDir())
			require.NoError(t, os.WriteFile(file, []byte(example), 0o600))
			cmd := exec.Command(binary, "validate", "--config", file)
			cmd.Env = append(os.Environ(), "GITHUB_WEBHOOK_SECRET=hunter2") // which its user sets
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s: %s", readme, out)
		}
	}
	assert.GreaterOrEqual(t, tried, 2)
}
