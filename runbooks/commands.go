// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"
)

// A Command is what a page tells to run: a block in a language, or the query of a link to Prometheus.
type Command struct{ Language, Text string }

// Commands are those of a page, in their order.
func Commands(page []byte) (all []Command) {
	_ = ast.Walk(Markdown.Parser().Parse(source.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if fence, ok := n.(*ast.FencedCodeBlock); ok && entering {
			all = append(all, Command{string(fence.Language(page)), strings.TrimSpace(string(fence.Lines().Value(page)))})
		}
		return ast.WalkContinue, nil
	})
	links, _ := Links(page)
	for _, l := range links {
		if u, err := url.Parse(l.To); err == nil && u.Query().Get("g0.expr") != "" {
			all = append(all, Command{"promql", strings.TrimSpace(u.Query().Get("g0.expr"))})
		}
	}
	return all
}

// Dated reports whether the file has a page of an SLO or of a procedure that says when its commands were run last.
func Dated(file string) bool {
	name := strings.TrimSuffix(path.Base(file), ".md")
	return strings.HasPrefix(name, "slo-") || slices.ContainsFunc(procedures, func(p procedure) bool { return p.dated && p.name == name })
}

// Fingerprint is of everything that the pages tell to run. It changes when a command does.
func Fingerprint(pages []Page) string {
	var lines []string
	for _, p := range pages {
		if !Dated(p.Path) {
			continue
		}
		for _, c := range Commands(p.Text) {
			lines = append(lines, c.Language+"\x00"+c.Text+"\x00")
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "")))
	return hex.EncodeToString(sum[:8])
}

// lastRun is the line about the last run of the tests that execute what the page tells to run.
func lastRun() markdown {
	if ranOn == "" {
		return "_The commands and queries of this page have not all been run since they were changed._\n"
	}
	return "_The commands and queries of this page were last run on " + ranOn + ", for the demo shop._\n"
}
