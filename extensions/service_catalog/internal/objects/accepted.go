// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"bytes"
	"maps"
	"slices"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// maxRounds bounds how often everything is read because of objects with errors. After the first two, only errors that follow from others are left.
const maxRounds = 8

// accepted are the texts of objects that were read without an error last. An object that has errors now counts as it was then, or not at
// all: it takes nothing else with it.
type accepted map[string][]byte

// A reading is a catalog of folders and objects.
type reading struct {
	catalog *catalog.Catalog
	// folders are the problems of files, without those that come from objects; objects are the problems of objects by name.
	folders catalog.Problems
	objects map[string]catalog.Problems
}

// read reads the folders and the objects.
func (a accepted) read(objects []*Object, directories []string) reading {
	current := make(map[string][]byte, len(objects))
	for _, o := range objects {
		current[o.Name] = o.text
	}
	maps.DeleteFunc(a, func(name string, _ []byte) bool { return current[name] == nil })
	use := maps.Clone(current)
	r := reading{objects: map[string]catalog.Problems{}}
	for round := 1; ; round++ {
		read, problems := catalog.LoadWith(texts(objects, use), directories...)
		of := map[string]catalog.Problems{}
		var folders catalog.Problems
		for _, p := range problems {
			if current[p.File] == nil {
				folders = append(folders, p)
			} else {
				of[p.File] = append(of[p.File], p)
			}
		}
		better := a.without(of, use, current)
		for name, problems := range of {
			if _, known := r.objects[name]; !known && (problems.Err() != nil || !better) {
				r.objects[name] = problems
			}
		}
		if better && round < maxRounds {
			continue
		}
		r.catalog, r.folders = read, folders
		for name, text := range use {
			if r.objects[name].Err() == nil && bytes.Equal(text, current[name]) {
				a[name] = text
			}
		}
		return r
	}
}

// without replaces objects with errors by what they were, or leaves them out, and reports whether there were any.
func (a accepted) without(of map[string]catalog.Problems, use, current map[string][]byte) bool {
	found := false
	for name, problems := range of {
		if problems.Err() == nil {
			continue
		}
		found = true
		if before := a[name]; before != nil && !bytes.Equal(before, use[name]) && bytes.Equal(use[name], current[name]) {
			use[name] = before
		} else {
			delete(use, name)
		}
	}
	return found
}

func texts(objects []*Object, use map[string][]byte) []catalog.Text {
	var all []catalog.Text
	for _, o := range objects {
		if text := use[o.Name]; text != nil {
			all = append(all, catalog.Text{Name: o.Name, Text: text})
		}
	}
	return all
}

// problems are those of all objects.
func (r reading) problems() (all catalog.Problems) {
	for _, name := range slices.Sorted(maps.Keys(r.objects)) {
		all = append(all, r.objects[name]...)
	}
	return all
}
