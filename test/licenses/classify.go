// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// unknown stands for a license file that no known text explains, and for a module without one.
const unknown = "unknown"

// sourceAvailable are licenses that licensecheck does not know, by a sentence that no other license has. They would be unknown without it,
// and refused too; with it the message says why.
var sourceAvailable = []licensecheck.License{
	{ID: "BUSL-1.1", LRE: "The Licensor hereby grants you the right to copy modify create derivative works redistribute and make non production use of the Licensed Work"},
	{ID: "Elastic-2.0", LRE: "You may not provide the software to third parties as a hosted or managed service"},
	{ID: "FSL-1.1", LRE: "A Permitted Purpose is any purpose other than a Competing Use"},
}

var scanner = func() *licensecheck.Scanner {
	s, err := licensecheck.NewScanner(append(licensecheck.BuiltinLicenses(), sourceAvailable...))
	if err != nil {
		panic(err) // the texts above are constants
	}
	return s
}()

// explained is the share of a file, in percent of its words, that has to be the text of licenses. What the file says besides may
// change the terms. pkg.go.dev asks for the same.
const explained = 75

// classify returns the SPDX identifiers of the licenses in a text, and unknown where too much of it is something else.
func classify(text []byte) []string {
	coverage := scanner.Scan(text)
	var found []string
	for _, match := range coverage.Match {
		found = append(found, match.ID)
	}
	if coverage.Percent < explained {
		found = append(found, unknown)
	}
	return sorted(found)
}

// licenseFile matches the names that license files have. What is below docs is not linked.
var licenseFile = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|(mit|bsd|apache)[-_]licen[cs]e)([-_.][-_.a-z0-9]+)?$`)

// licensesIn returns the licenses of the license files in a folder; none if there is no such file.
func licensesIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() || !licenseFile.MatchString(entry.Name()) || isSource(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		found = append(found, classify(text)...)
	}
	return sorted(found), nil
}

// isSource tells license.go from LICENSE.MIT.
func isSource(name string) bool {
	return slices.Contains([]string{".go", ".json", ".yaml", ".yml", ".tmpl", ".docs", ".html"}, strings.ToLower(filepath.Ext(name)))
}

func sorted(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
