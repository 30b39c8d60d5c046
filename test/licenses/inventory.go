// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An inventory is everything that has a license.
type inventory struct {
	policy   *policy
	all      bool   // nothing was taken from the page
	shipped  []item // modules in the programs that are shipped
	besides  []item // what is shipped with them
	tests    []item // modules that only tests and tools of go.mod link
	programs []item // programs of others
	npm      []npmPackage
	debian   []debianPackage
}

// An item is a thing with its licenses.
type item struct {
	name     string
	licenses []string
	where    []string       // it is used
	links    map[string]int // how many modules a program links, by license
}

// takeInventory reads what there is. The page is the one that was written before.
func takeInventory(root, page string, p *policy, all bool) (*inventory, error) {
	files, err := repositoryFiles(root)
	if err != nil {
		return nil, err
	}
	tags, err := buildTags(root)
	if err != nil {
		return nil, err
	}
	i := inventory{policy: p, all: all}
	if err := errors.Join(i.readShipped(root, tags), i.readTests(root, tags), i.readPrograms(root, tags, page, files)); err != nil {
		return nil, err
	}
	var locks []string
	for _, file := range files {
		if filepath.Base(file) == "package-lock.json" {
			locks = append(locks, file)
		}
	}
	if i.npm, err = npmPackages(root, locks); err != nil {
		return nil, err
	}
	i.debian, err = debianPackages(root, files)
	return &i, err
}

func buildTags(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	if err != nil {
		return "", err
	}
	var manifest struct {
		Dist struct {
			BuildTags string `yaml:"build_tags"`
		}
	}
	err = yaml.Unmarshal(text, &manifest)
	return manifest.Dist.BuildTags, err
}

var releasedPlatforms = regexp.MustCompile(`(?m)^\s*PLATFORMS: (.+)$`)

// readShipped reads what the programs in cmd link, on each platform of a release.
func (i *inventory) readShipped(root, tags string) error {
	release, err := os.ReadFile(filepath.Join(root, ".github", "workflows", "release.yml"))
	if err != nil {
		return err
	}
	platforms := releasedPlatforms.FindSubmatch(release)
	if platforms == nil {
		return errors.New(".github/workflows/release.yml: no PLATFORMS: the licenses of what is released cannot be told")
	}
	programs, err := os.ReadDir(filepath.Join(root, "cmd"))
	if err != nil {
		return err
	}
	var lists [][]module
	in := map[string][]string{}
	for _, program := range programs {
		for platform := range strings.FieldsSeq(string(platforms[1])) {
			system, arch, _ := strings.Cut(platform, "/")
			modules, err := linked(root, []string{"GOOS=" + system, "GOARCH=" + arch}, "-tags="+tags, "./cmd/"+program.Name())
			if err != nil {
				return err
			}
			lists = append(lists, modules)
			for _, m := range modules {
				in[m.name()] = sorted(append(in[m.name()], program.Name()))
			}
		}
	}
	i.shipped, err = i.items(merge(lists...), in)
	return errors.Join(err, i.readBesides(root))
}

// plots is the copy of uPlot that the status page serves. It begins with its version and its license.
const plots = "extensions/status_page/internal/web/assets/uplot.js"

func (i *inventory) readBesides(root string) error {
	script, err := os.ReadFile(filepath.Join(root, plots))
	if err != nil {
		return err
	}
	version := regexp.MustCompile(`^/\*\nuPlot ([0-9.]+),`).FindSubmatch(script)
	if version == nil {
		return fmt.Errorf("%s does not begin with a comment such as \"uPlot 1.6.32, ...\": say which version it is", plots)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	ids, err := licensesIn(strings.TrimSpace(string(goroot)))
	if len(ids) == 0 {
		ids = []string{unknown}
	}
	i.besides = []item{
		{name: "Go's standard library and runtime", licenses: ids, where: []string{"every program"}},
		{name: "Mozilla's CA certificates, from Debian's ca-certificates", licenses: []string{"MPL-2.0"}, where: []string{"the container image"}},
		{name: "uPlot " + string(version[1]), licenses: []string{"MIT"}, where: []string{"otelcol-sre, as a script of the status page"}},
	}
	return err
}

// readTests reads what else the tests, the tools of go.mod and the programs that are not shipped link.
func (i *inventory) readTests(root, tags string) error {
	modules, err := linked(root, nil, "-test", "-tags="+tags, "./...", "tool")
	if err != nil {
		return err
	}
	modules = slices.DeleteFunc(modules, func(m module) bool {
		return slices.ContainsFunc(i.shipped, func(s item) bool { return s.name == m.name() })
	})
	i.tests, err = i.items(modules, nil)
	return err
}

func (i *inventory) items(modules []module, in map[string][]string) (all []item, err error) {
	for _, m := range modules {
		ids, err := i.policy.licensesOf(m)
		if err != nil {
			return nil, err
		}
		all = append(all, item{name: m.name(), licenses: ids, where: in[m.name()]})
	}
	return all, nil
}

// readPrograms reads the programs of others.
func (i *inventory) readPrograms(root, tags, page string, files []string) error {
	known, err := knownPrograms(page)
	if err != nil {
		return err
	}
	programs, err := discover(root, files)
	if err != nil {
		return err
	}
	for _, f := range programs {
		program, ok := known[f.name()]
		if !ok || i.all || f.pinned {
			modules, err := f.modules(root, tags)
			if err != nil {
				return err
			}
			if program, err = i.asItem(f.name(), modules); err != nil {
				return err
			}
		}
		i.programs = append(i.programs, program)
	}
	return nil
}

// asItem makes one item of a program and the modules that it links.
func (i *inventory) asItem(name string, modules []module) (item, error) {
	program := item{name: name, links: map[string]int{}}
	path, _, _ := strings.Cut(name, "@")
	for _, m := range modules {
		ids, err := i.policy.licensesOf(m)
		if err != nil {
			return item{}, err
		}
		if within(path, m.path) {
			program.licenses = sorted(append(program.licenses, ids...))
			continue
		}
		for _, id := range ids {
			program.links[id]++
		}
	}
	if len(program.licenses) == 0 {
		return item{}, fmt.Errorf("%s: its own module is not among those that it links", name)
	}
	return program, nil
}

var (
	programRow = regexp.MustCompile(`(?m)^\| (\S+@v\S+) \| ([^|]+) \| ([^|]*) \|$`)
	counted    = regexp.MustCompile(`(\S+) \((\d+)\)`)
)

// knownPrograms are the programs on a page that was written before; there may be none.
func knownPrograms(page string) (map[string]item, error) {
	text, err := os.ReadFile(page)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	_, section, _ := strings.Cut(string(text), programsHeading)
	section, _, _ = strings.Cut(section, "\n## ")
	known := map[string]item{}
	for _, row := range programRow.FindAllStringSubmatch(section, -1) {
		program := item{name: row[1], licenses: strings.Split(row[2], and), links: map[string]int{}}
		for _, count := range counted.FindAllStringSubmatch(row[3], -1) {
			if program.links[count[1]], err = strconv.Atoi(count[2]); err != nil {
				return nil, err
			}
		}
		known[program.name] = program
	}
	return known, nil
}
