// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	aTest      = regexp.MustCompile(`\bTest[A-Z]\w*`)
	linkedTest = regexp.MustCompile("\\[`(Test[A-Z]\\w*)`\\]\\(([\\w./-]+_test\\.go)\\)")
)

// Each promise of docs/reliability.md names the tests that prove it, and each of them is in the file that is linked. `make chaos` finds its tests there.
func TestPromisesHaveProofs(t *testing.T) {
	page := contents(t, "docs/reliability.md")
	promises := 0
	for line := range strings.Lines(page) {
		linked := linkedTest.FindAllStringSubmatch(line, -1)
		assert.Len(t, linked, len(aTest.FindAllString(line, -1)), "each test is a link to its file: %s", line)
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| scenario") && !strings.HasPrefix(line, "| ---") {
			promises++
			assert.NotEmpty(t, linked, "no proof: %s", line)
		}
		for _, link := range linked {
			file := path.Join("docs", link[2])
			declared := testFunction.FindAllStringSubmatch(contents(t, file), -1)
			assert.True(t, slices.ContainsFunc(declared, func(d []string) bool { return d[1] == link[1] }), "%s has no %s", file, link[1])
		}
	}
	assert.Greater(t, promises, 20)
}
