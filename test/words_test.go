// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// words are those that readers stumbled over, each with plain ones to write instead.
var words = []struct{ pattern, instead string }{
	{`mend(s|ed|ing)?`, "fix"},
	{`told`, "reported, known, or who says it"},
	{`tell(s|ing)? (of|everything)`, "report, say, describe"},
	{`whom`, "the name of the person or thing"},
	{`whoever|whomever`, "anyone who, a user who"},
	{`unwant(ed)?`, "remove, not needed"},
	{`greet(s|ed|ing)?`, "show"},
	{`comebacks?`, "return, recovery"},
	{`squeeze[sd]?`, "compress"},
	{`(stand|stands|stood|standing)`, "be, is in, represent"},
	{`tends?`, "usually"},
	{`reckon(s|ed|ing)?`, "compute"},
	{`heed(s|ed)?`, "follow, respect"},
	{`anew`, "again, from the start"},
	{`otherwise than`, "differently from"},
	{`(is|are|was|were) away for`, "is down for"},
	{`to be had`, "available"},
	{`nobody has to`, "no one needs to, automatic"},
	{`two looks`, "two reads"},
	// "Per" is the field's word for a rate or a share.
	{`(one|once|each|row|page|file|entry|number|warnings|versions|spans?|points?|records?|items?|allocations?|[kMG]?B|[nµm]?s|CPU) an? ` +
		`(service|signal|process|span|SLO|item|backend|exporter|node|window|series|request|agent|gateway|collector)`, "per"},
	{`behaviour|colours?|favou?rite|licences?|organis\w+|recognis\w+|serialis\w+|synchronis\w+|centre|labelled|cancelled|neighbours?`, "American spelling"},
}

var (
	generatedPage    = regexp.MustCompile(`DO NOT EDIT|^<!-- (Generated|Written by)`)
	generatedSection = regexp.MustCompile(`(?s)<!-- (begin|fields)[: ].*?<!-- end.*?-->`)
	fence            = regexp.MustCompile("(?ms)^```.*?^```|^    .*?$")
	inCode           = regexp.MustCompile("`[^`\n]*`|\\]\\([^)\n]*\\)")
)

// Pages that people write use plain words. Code, links and generated parts are left out.
func TestWordsOfMarkdown(t *testing.T) {
	pages := 0
	for _, file := range tracked(t, "*.md") {
		text := contents(t, file)
		if generatedPage.MatchString(text) {
			continue
		}
		pages++
		for _, left := range []*regexp.Regexp{generatedSection, fence, inCode} {
			text = left.ReplaceAllStringFunc(text, func(part string) string { return "`" + strings.Repeat("\n", strings.Count(part, "\n")) })
		}
		for n, line := range strings.Split(text, "\n") {
			checkWords(t, file, n+1, line)
		}
	}
	assert.Greater(t, pages, 30)
}

// So do the comments of configs, manifests, workflows and the Makefile.
func TestWordsOfComments(t *testing.T) {
	files := []string{"builder-config.yaml", "Makefile"}
	for _, pattern := range []string{"deploy/*.yaml", "examples/*.yaml", ".github/*.yml"} {
		files = append(files, tracked(t, pattern)...)
	}
	comments := 0
	for _, file := range files {
		for n, line := range strings.Split(contents(t, file), "\n") {
			if _, comment, found := strings.Cut(line, "# "); found {
				comments++
				checkWords(t, file, n+1, comment)
			}
		}
	}
	assert.Greater(t, comments, 300)
}

// So do comments and texts in Go code. Files that only tests need, and generated ones, are left out.
func TestWordsOfGo(t *testing.T) {
	texts := 0
	for _, file := range tracked(t, "*.go") {
		text := contents(t, file)
		if strings.HasSuffix(file, "_test.go") || otherWords.MatchString(file) || generatedGo.MatchString(text) {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, text, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		check := func(at token.Pos, text string) {
			texts++
			for n, line := range strings.Split(text, "\n") {
				if !notProse.MatchString(line) {
					checkWords(t, file, set.Position(at).Line+n, line)
				}
			}
		}
		for _, group := range parsed.Comments {
			for _, comment := range group.List {
				check(comment.Pos(), comment.Text)
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				check(literal.Pos(), literal.Value)
			}
			return true
		})
	}
	assert.Greater(t, texts, 10_000)
}

// So do the texts of the status page.
func TestWordsOfPages(t *testing.T) {
	lines := 0
	for _, pattern := range []string{"extensions/status_page/*.html", "extensions/status_page/*.json"} {
		for _, file := range tracked(t, pattern) {
			for n, line := range strings.Split(contents(t, file), "\n") {
				lines++
				checkWords(t, file, n+1, line)
			}
		}
	}
	assert.Greater(t, lines, 1000)
}

var (
	generatedGo = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	// otherWords is the code of tests.
	otherWords = regexp.MustCompile(`^test/`)
	// Words that others send are in both spellings.
	notProse = regexp.MustCompile(`organisation org team |cancelled`)
)

// checkWords reports the words of a line that readers stumble over.
func checkWords(t *testing.T, file string, n int, line string) {
	t.Helper()
	for i, pattern := range wordPatterns {
		if found := pattern.FindStringSubmatch(line); found != nil {
			assert.Fail(t, "a word that readers stumble over", "%s:%d: %q; write instead: %s", file, n, found[2], words[i].instead)
		}
	}
}

var wordPatterns = func() []*regexp.Regexp {
	patterns := make([]*regexp.Regexp, len(words))
	for i, word := range words {
		patterns[i] = regexp.MustCompile(`(?i)(^|[^-\w])(` + word.pattern + `)($|[^-\w])`)
	}
	return patterns
}()
