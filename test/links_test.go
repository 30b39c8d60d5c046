// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?[^)]*\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6} (.*?)\s*$|<a (?:id|name)="([^"]+)"`)
	notInAnchors    = regexp.MustCompile(`[^\p{L}\p{N}\p{M} _-]`)
)

// Every relative link in every Markdown file leads to a file or folder, and to a heading of it if it names one.
func TestMarkdownLinksLeadSomewhere(t *testing.T) {
	var links, anchors int
	for _, file := range tracked(t, "*.md") {
		text := fence.ReplaceAllString(contents(t, file), "")
		for _, link := range markdownLink.FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") || link[1] == "" && link[2] == "" {
				continue
			}
			links++
			target := file
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(file), link[1])
			}
			info, err := os.Stat(filepath.Join("..", target))
			if !assert.NoError(t, err, "a link in %s", file) || link[2] == "" {
				continue
			}
			if info.IsDir() {
				target = filepath.Join(target, "README.md")
			}
			if filepath.Ext(target) != ".md" {
				continue // a line of source
			}
			anchors++
			assert.Contains(t, anchorsOf(contents(t, target)), link[2], "a link in %s to %s", file, target)
		}
	}
	assert.Greater(t, links, 20)
	assert.Greater(t, anchors, 20)
}

// anchorsOf are those that GitHub gives to the headings of a page.
func anchorsOf(text string) (anchors []string) {
	for _, heading := range markdownHeading.FindAllStringSubmatch(text, -1) {
		if heading[2] != "" {
			anchors = append(anchors, heading[2])
			continue
		}
		plain := notInAnchors.ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
	}
	return anchors
}
