// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// A foreign is a program or a module of others that make, a workflow or a test runs or reads, by how the repository names it.
type foreign struct {
	path, version string
	module        *gotool.Module // that the path is of
	folders       []string       // of the module's programs
	sources       []string       // of programs in the repository that are built with the module
	files         bool           // only files of the module are read
	pinned        bool           // its version is the one in go.mod
	nested        string         // the folder of a go.mod of its own, in the repository
}

func (f foreign) name() string { return f.path + "@" + f.version }

// repositoryFiles are the files that Git knows or would add, and that are there.
func repositoryFiles(root string) ([]string, error) {
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list, err)
	}
	var files []string
	for file := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if info, err := os.Stat(filepath.Join(root, file)); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files, nil
}

// planted are the folders of tests that plant names of programs.
var planted = []string{"test/licenses", "test/vulnerabilities"}

// discover finds the programs and modules of others in the repository's files.
func discover(root string, files []string) ([]foreign, error) {
	mentions := mentions{folders: map[string]bool{}, imports: map[string][]string{}, files: map[string]bool{}}
	var goMods []*modfile.File
	for _, file := range files {
		if slices.Contains(planted, filepath.Dir(file)) || slices.Contains([]string{".md", ".json", ".sum", ".svg", ".png"}, filepath.Ext(file)) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		if filepath.Base(file) == "go.mod" {
			goMod, err := modfile.Parse(file, text, nil)
			if err != nil {
				return nil, err
			}
			goMods = append(goMods, goMod)
			continue
		}
		mentions.readText(string(text))
		if filepath.Ext(file) == ".go" {
			if err := mentions.readSource(file, text); err != nil {
				return nil, err
			}
		}
	}
	return mentions.resolve(goMods)
}

// mentions are what files say of the programs of others.
type mentions struct {
	installed [][2]string // packages or modules, and versions
	modules   []gotool.Module
	nested    []string            // packages of a kubernetes.Tool with a module of its own
	pinned    []string            // packages that gotool.Build builds with the versions in go.mod
	folders   map[string]bool     // literals that may be a folder of a module: cmd/jaeger
	imports   map[string][]string // by the folder of a program in testdata
	files     map[string]bool     // modules, with versions, that only files are read of
}

// installable matches what `go install` and `go run` take.
var installable = regexp.MustCompile(`\b([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]+/[\w./-]+)@(v\d[\w.+-]*)`)

func (m *mentions) readText(text string) {
	for _, match := range installable.FindAllStringSubmatch(text, -1) {
		m.installed = append(m.installed, [2]string{match[1], match[2]})
	}
}

var programFolder = regexp.MustCompile(`^(cmd|app)(/[\w-]+)+$`)

// readSource reads the literals of gotool.Module and kubernetes.Tool, the calls of gotool.Build, and what files of modules are read.
func (m *mentions) readSource(file string, text []byte) error {
	tree, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if strings.Contains(file, "/testdata/") && tree.Name.Name == "main" {
		for _, imported := range tree.Imports {
			folder := filepath.Dir(file)
			m.imports[folder] = append(m.imports[folder], literal(imported.Path))
		}
	}
	ast.Inspect(tree, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CompositeLit:
			m.readLiteral(n)
		case *ast.CallExpr:
			m.readCall(n)
		case *ast.BasicLit:
			text := literal(n)
			if strings.HasPrefix(text, "@v") {
				err = fmt.Errorf("%s: %s: write a program and its version as one string: its license is looked up by it", file, n.Value)
			}
			if programFolder.MatchString(text) {
				m.folders[text] = true
			}
		}
		return err == nil
	})
	return err
}

func (m *mentions) readCall(n *ast.CallExpr) {
	called, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || len(n.Args) != 1 {
		return
	}
	switch argument := literal(n.Args[0]); {
	case called.Sel.Name == "Build" && strings.Contains(argument, "/"):
		m.pinned = append(m.pinned, argument)
	case called.Sel.Name == "ModuleFolder":
		m.files[argument] = true
	}
}

func (m *mentions) readLiteral(n *ast.CompositeLit) {
	fields := map[string]ast.Expr{}
	for _, element := range n.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); ok {
			fields[key.Name] = pair.Value
		}
		if _, list := pair.Value.(*ast.CompositeLit); list {
			m.files[literal(pair.Key)] = true // a module, and the names of files
		}
	}
	if path, version := literal(fields["Path"]), literal(fields["Version"]); path != "" && strings.HasPrefix(version, "v") {
		module := gotool.Module{Path: path, Version: version, Sum: literal(fields["Sum"]), GoModSum: literal(fields["GoModSum"]), Declared: literal(fields["Declared"])}
		if sources, ok := fields["Sources"].(*ast.CompositeLit); ok {
			for _, source := range sources.Elts {
				module.Sources = append(module.Sources, literal(source))
			}
		}
		m.modules = append(m.modules, module)
	}
	if pkg := literal(fields["Package"]); strings.Contains(pkg, "/") && !strings.Contains(pkg, "@") {
		m.nested = append(m.nested, pkg)
	}
}

// literal is the value of a string literal; empty for anything else.
func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// resolve makes one list of what was mentioned, sorted by name.
func (m *mentions) resolve(goMods []*modfile.File) ([]foreign, error) {
	all := map[string]foreign{}
	add := func(f foreign) { all[f.name()] = f }
	for _, i := range m.installed {
		add(foreign{path: i[0], version: i[1], files: m.files[i[0]+"@"+i[1]]})
	}
	for _, module := range m.modules {
		f := foreign{path: module.Path, version: module.Version, module: &module, folders: slices.Sorted(maps.Keys(m.folders))}
		if before := all[f.name()].module; before != nil {
			module.Sources = append(module.Sources, before.Sources...)
		}
		for folder, imports := range m.imports {
			if slices.ContainsFunc(imports, func(i string) bool { return within(i, module.Path) }) {
				f.sources = append(f.sources, folder)
			}
		}
		slices.Sort(f.sources)
		add(f)
	}
	for _, goMod := range goMods {
		packages, nested := m.pinned, filepath.Dir(goMod.Syntax.Name)
		if nested != "." {
			packages = m.nested
		}
		before := len(all)
		for _, pkg := range packages {
			if version := requiredBy(goMod, pkg); version != "" {
				add(foreign{path: pkg, version: version, pinned: nested == ".", nested: nested})
			}
		}
		if len(all) == before && len(goMods) > 1 {
			return nil, fmt.Errorf("%s: what is built in this module is unknown: name its programs in a gotool.Build or as the Package of a kubernetes.Tool", goMod.Syntax.Name)
		}
	}
	sorted := make([]foreign, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[name])
	}
	return sorted, nil
}

func within(pkg, module string) bool { return pkg == module || strings.HasPrefix(pkg, module+"/") }

// requiredBy is the version of the module of a package, among those that a go.mod requires directly.
func requiredBy(goMod *modfile.File, pkg string) (version string) {
	for _, r := range goMod.Require {
		if !r.Indirect && within(pkg, r.Mod.Path) {
			return r.Mod.Version
		}
	}
	return ""
}
