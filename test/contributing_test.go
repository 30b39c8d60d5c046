// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/deploy/configs"
)

var (
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	aStep      = regexp.MustCompile(`(?m)^\d+\. `)
	goFileLink = regexp.MustCompile(`\]\(([\w./-]+\.go)\)`)
	makeTarget = regexp.MustCompile(`(?m)^\s*make ([a-z-]+)|` + "`make ([a-z-]+)[^`]*`")
	goTestOf   = regexp.MustCompile(`(?m)^go test.*`)
	topLevel   = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// What CONTRIBUTING.md names is there: make targets, packages, tests, and the Go names beside each linked file.
func TestContributingNamesWhatIsThere(t *testing.T) {
	page := contents(t, "CONTRIBUTING.md")
	makefile := topLevel.FindAllString(contents(t, "Makefile"), -1)
	targets := makeTarget.FindAllStringSubmatch(page, -1)
	assert.Greater(t, len(targets), 5)
	for _, target := range targets {
		assert.Contains(t, makefile, target[1]+target[2]+":", "the Makefile has no such target")
	}

	commands := goTestOf.FindAllString(page, -1)
	assert.Greater(t, len(commands), 5)
	for _, command := range commands {
		for word := range strings.FieldsSeq(command) {
			if strings.HasPrefix(word, "./") {
				assert.DirExists(t, filepath.Join("..", strings.TrimSuffix(word, "/...")), command)
			}
		}
	}

	var named int
	for i, step := range aStep.Split(page, -1)[1:] {
		var declared []string
		for _, file := range goFileLink.FindAllStringSubmatch(step, -1) {
			declared = append(declared, declaredIn(t, file[1])...)
		}
		if declared == nil {
			continue
		}
		step, _, _ = strings.Cut(step, "\n\n") // what follows the last step of a list
		for _, span := range codeSpan.FindAllStringSubmatch(step, -1) {
			if !token.IsIdentifier(span[1]) || strings.HasPrefix(span[1], "Test") || slices.Contains(notGo, span[1]) {
				continue
			}
			named++
			assert.True(t, slices.Contains(declared, span[1]), "step %d of CONTRIBUTING.md: no linked file declares %s", i+1, span[1])
		}
	}
	assert.Greater(t, named, 10)

	tests := testsOfTheRepository(t)
	for _, span := range codeSpan.FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(span[1], "Test") {
			assert.True(t, slices.Contains(tests, span[1]), "CONTRIBUTING.md names a test that is not there: %s", span[1])
		}
	}
}

// notGo are words in CONTRIBUTING.md's steps that are written as code and are not declared in Go.
var notGo = []string{"availability", "logs", "none"}

// declaredIn are the names that a file of Go declares: functions, methods, types, variables, fields.
func declaredIn(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name.Name)
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names = append(names, name.Name)
			}
		case *ast.Field:
			for _, name := range n.Names {
				names = append(names, name.Name)
			}
		}
		return true
	})
	return names
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

func testsOfTheRepository(t *testing.T) (names []string) {
	t.Helper()
	for _, file := range tracked(t, "*_test.go") {
		for _, match := range testFunction.FindAllStringSubmatch(contents(t, file), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// tracked are the files of the repository that Git knows or would add.
func tracked(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "-co", "--exclude-standard", "--deduplicate", "--", pattern).Output()
	require.NoError(t, err)
	return slices.DeleteFunc(strings.Fields(string(out)), func(file string) bool {
		_, err := os.Stat(filepath.Join("..", file))
		return err != nil // removed, and not yet committed
	})
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	require.NoError(t, err)
	return string(text)
}

// The recipe for a kind of SLI ends with an example. The end-to-end tests, rules, dashboards and runbooks have it from there.
func TestExamplesHaveEveryKindOfSLI(t *testing.T) {
	loaded, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	kind := reflect.TypeFor[catalog.SLI]()
	for i := range kind.NumField() {
		assert.True(t, slices.ContainsFunc(loaded.Services, func(s *catalog.Service) bool {
			return slices.ContainsFunc(s.SLOs, func(slo *catalog.SLO) bool { return !reflect.ValueOf(slo.SLI).Field(i).IsZero() })
		}), "no SLO of examples/catalog has the SLI %s: add one", kind.Field(i).Name)
	}
}

// The recipe for a fragment: it is documented, and one that sends to a backend is tried with what it requires.
func TestEveryFragmentIsDocumentedAndTried(t *testing.T) {
	documented := contents(t, "docs/backends.md") + contents(t, "deploy/configs/README.md")
	for _, fragment := range configs.Fragments() {
		assert.Contains(t, documented, "`"+fragment+"`", "neither docs/backends.md nor deploy/configs/README.md names the fragment")
		_, tried := backends[fragment]
		assert.Equal(t, strings.Contains(contents(t, "docs/backends.md"), "| `"+fragment+"` |") && fragment != "otlp", tried,
			"%s: a backend is in the table of docs/backends.md and in backends of fragments_test.go", fragment)
	}
}

// Each Go file that people write says whose it is and under which license.
func TestGoFilesHaveALicenseHeader(t *testing.T) {
	const header = "// Copyright The otelcol-sre Authors\n// SPDX-License-Identifier: Apache-2.0\n\n"
	for _, file := range tracked(t, "*.go") {
		if text := contents(t, file); !strings.HasPrefix(text, "// Code generated") {
			assert.True(t, strings.HasPrefix(text, header), "%s: begin with\n%s", file, header)
		}
	}
}
