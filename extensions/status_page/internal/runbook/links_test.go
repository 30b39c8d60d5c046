// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attribute finds the destinations of links and images in HTML.
var attribute = regexp.MustCompile(`(?:href|src)="([^"]*)"`)

func destinations(t *testing.T, markdown string) (to []string, page string) {
	t.Helper()
	rendered, err := render([]byte(markdown), "x")
	require.NoError(t, err)
	for _, found := range attribute.FindAllStringSubmatch(string(rendered.HTML), -1) {
		to = append(to, html.UnescapeString(found[1]))
	}
	return to, string(rendered.HTML)
}

func TestLinksThatStay(t *testing.T) {
	for markdown, want := range map[string]string{
		"[a](https://example.com/a?b=c#d)":           "https://example.com/a?b=c#d",
		"[a](HTTP://example.com)":                    "HTTP://example.com",
		"[a](https&#58;//example.com)":               "https://example.com",
		"[a](https://example.com/?to=javascript:x)":  "https://example.com/?to=javascript:x",
		"[a](mailto:oncall@example.com)":             "mailto:oncall@example.com",
		"<oncall@example.com>":                       "mailto:oncall@example.com",
		"<https://example.com>":                      "https://example.com",
		"see https://example.com/x":                  "https://example.com/x",
		"[a](ServiceSilent.md)":                      "ServiceSilent.md",
		"[a](../checkout/README.md#first)":           "../checkout/README.md#first",
		"[a](/search?id=1:2)":                        "/search?id=1:2",
		"[a](#first)":                                "#first",
		"[a](?state=ok)":                             "?state=ok",
		"[a](./a:b.md)":                              "./a:b.md",
		"[a](<by hand.md>)":                          "by%20hand.md",
		"![a](graph.png)":                            "graph.png",
		"[a][r]\n\n[r]: https://example.com \"why\"": "https://example.com",
	} {
		to, page := destinations(t, markdown)
		assert.Equal(t, []string{want}, to, "%s: %s", markdown, page)
	}
}

func TestLinksThatAreText(t *testing.T) {
	for _, markdown := range []string{
		"[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a]( javascript:alert(1))", "[a](javascript&#58;alert(1))", "[a](javascript&#x3a;alert(1))",
		"[a](java&#x73;cript:alert(1))", "[a](javascript&colon;alert(1))", "[a](java&Tab;script:alert(1))", "[a](java&NewLine;script:alert(1))",
		"[a](java&#9;script:alert(1))", "[a](&#1;javascript:alert(1))", "[a](&#0;javascript:alert(1))", "[a](<java\tscript:alert(1)>)", `[a](javascript\:alert(1))`,
		"[a](vbscript:x)", "[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](file:///etc/passwd)", "[a](blob:x)", "[a](intent:x)", "[a](x-apple:y)", "[a](:x)",
		"[a](//elsewhere.example/x)", "[a](&sol;/elsewhere.example/x)", "[a](&#47;&#47;elsewhere.example)", `[a](/\\elsewhere.example)`, `[a](\\\\elsewhere.example)`,
		"[a](/&bsol;elsewhere.example)", "[a](/&#92;elsewhere.example)", "[a](/&Tab;/elsewhere.example)", "[a](<  //elsewhere.example>)",
		"[a](http:elsewhere.example)", "[a](https:/elsewhere.example)", "[a](http://)", "[a](https:///elsewhere.example)",
		"![a](data:image/svg+xml,x)", "![a](//elsewhere.example/pixel)", "![a](javascript&#58;x)",
		"<javascript:a>", "<data:a>", "[a][r]\n\n[r]: javascript&#58;a", "[![a](javascript:b)](javascript:c)",
	} {
		to, page := destinations(t, markdown)
		assert.Empty(t, to, "%s: %s", markdown, page)
		assert.Contains(t, page, "a", "the text stays")
	}
}

// Whatever the Markdown, a page leads only to http, https, mailto and its own server, as a browser reads it.
func FuzzLinks(f *testing.F) {
	for _, to := range []string{
		"https://example.com", "javascript&#58;alert(1)", "java&#x73;cript:alert(1)", "//elsewhere.example/x", "/a", "#b", `/\\c`, "&Tab;//d", "mailto:e@f", "x&colon;y",
	} {
		f.Add(to)
	}
	f.Fuzz(func(t *testing.T, to string) {
		for _, markdown := range []string{"[a](" + to + ")", "[a](<" + to + ">)", "![a](" + to + ")", "<" + to + ">", to} {
			found, page := destinations(t, markdown)
			for _, link := range found {
				read := strings.Map(func(r rune) rune { // as the URL Standard has it
					switch r {
					case '\t', '\n', '\r':
						return -1
					case '\\':
						return '/'
					}
					return r
				}, strings.TrimLeftFunc(link, func(r rune) bool { return r <= ' ' }))
				assert.False(t, strings.HasPrefix(read, "//"), "%q in %s", link, page)
				if scheme, _, ok := strings.Cut(read, ":"); ok && !strings.ContainsAny(scheme, "/?#") {
					assert.True(t, slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(scheme)), "%q in %s", link, page)
				} else if u, err := url.Parse(read); err == nil {
					assert.Empty(t, u.Host, "%q in %s", link, page)
				}
			}
		}
	})
}
