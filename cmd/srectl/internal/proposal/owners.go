// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A component is what Backstage knows of a service (https://backstage.io/docs/features/software-catalog/descriptor-format).
type component struct {
	Kind     string
	Metadata struct {
		Name, Description string
		Annotations       map[string]string
	}
	Spec struct {
		Owner     string
		DependsOn []string `yaml:"dependsOn"`
	}
}

const (
	// mostFiles bounds the descriptors that are read of a folder, largestFile each of them, in bytes.
	mostFiles   = 10_000
	largestFile = 1 << 20
)

// readBackstage reads a descriptor, or all of a folder that are called catalog-info.yaml, by the name of the component.
func readBackstage(root string) (map[string]component, error) {
	all := map[string]component{}
	read := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || file != root && entry.Name() != "catalog-info.yaml" {
			return err
		}
		if read++; read > mostFiles {
			return fmt.Errorf("%s has more than %d descriptors: name a smaller folder", root, mostFiles)
		}
		return readDescriptor(file, all)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--backstage: there is no %s", root)
	}
	return all, err
}

func readDescriptor(file string, into map[string]component) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	decoder := yaml.NewDecoder(io.LimitReader(f, largestFile))
	for {
		var one component
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", file, err)
		case one.Kind == "Component" && one.Metadata.Name != "":
			into[one.Metadata.Name] = one
		}
	}
}

// reference is the name in a reference such as group:default/payments.
func reference(text string) string {
	_, name, found := strings.Cut(text, ":")
	if !found {
		name = text
	}
	return strings.TrimPrefix(name, "default/")
}

// repository is the address of the source.
func (c *component) repository() string {
	location := strings.TrimPrefix(cmp.Or(c.Metadata.Annotations["backstage.io/source-location"], c.Metadata.Annotations["backstage.io/managed-by-location"]), "url:")
	if strings.HasPrefix(location, "https://") {
		return strings.TrimSuffix(location, "/")
	}
	if slug := c.Metadata.Annotations["github.com/project-slug"]; slug != "" {
		return "https://github.com/" + slug
	}
	return ""
}

// facts are what the descriptor says; dependencies are references to components.
func (c *component) facts() facts {
	f := facts{owner: reference(c.Spec.Owner), description: c.Metadata.Description, repository: c.repository()}
	for _, d := range c.Spec.DependsOn {
		if strings.HasPrefix(d, "component:") {
			f.dependsOn = append(f.dependsOn, reference(d))
		}
	}
	return f
}

// owners are the rules of a CODEOWNERS file, in order.
type owners [][2]string

func readOwners(file string) (owners, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("--codeowners: %w", err)
	}
	defer f.Close()
	var all owners
	lines := bufio.NewScanner(io.LimitReader(f, largestFile))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if fields := strings.Fields(line); len(fields) > 1 {
			all = append(all, [2]string{fields[0], fields[1]})
		}
	}
	return all, lines.Err()
}

// of is the first owner of a folder with the name of the service, or else of everything. The last rule counts.
func (o owners) of(service string) (owner string) {
	everything := ""
	for _, rule := range o {
		pattern := strings.TrimSuffix(strings.TrimSuffix(rule[0], "*"), "/")
		switch {
		case pattern == "" || pattern == "*":
			everything, owner = rule[1], ""
		case path.Base(strings.TrimSuffix(pattern, "/*")) == service:
			owner = rule[1]
		}
	}
	return cmp.Or(owner, everything)
}
