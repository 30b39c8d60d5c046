// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	gfm "github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// copyable reads Markdown as [runbooks.Markdown], and adds a button to each block of code that copies it.
var copyable = goldmark.New(goldmark.WithExtensions(gfm.GFM),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(blocks{}, 100))))

// blocks writes blocks of code. A browser without scripts does not show the buttons.
type blocks struct{}

// RegisterFuncs implements [renderer.NodeRenderer].
func (blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		_, _ = w.WriteString(`<div class="code"><pre><code>`) // it writes to memory
		for _, line := range n.Lines().Sliced(0, n.Lines().Len()) {
			_, _ = w.Write(util.EscapeHTML(line.Value(source)))
		}
		_, _ = w.WriteString(`</code></pre><button type="button" class="copy" hidden>Copy</button></div>` + "\n")
		return ast.WalkSkipChildren, nil
	})
}
