// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"fmt"
	"io"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// A Progress is a line on a terminal that counts the answers of a server.
type Progress struct {
	out     io.Writer
	service string
}

// NewProgress shows the progress of a server, if out is a terminal.
func NewProgress(out io.Writer, of Source) *Progress {
	if _, ok := terminal.Of(out); !ok {
		out = io.Discard
	}
	p := &Progress{out: out}
	of.onAnswer(p.count)
	return p
}

// About says which service is asked about.
func (p *Progress) About(service string) { p.service = terminal.Label(service) }

// clearLine erases what is on the line.
const clearLine = "\r\x1b[K"

func (p *Progress) count(answers int) {
	_, _ = fmt.Fprintf(p.out, "%s%s: %s", clearLine, p.service, output.Count(answers, "answer")) // it is only a sign of life
}

// End erases the line.
func (p *Progress) End() { _, _ = io.WriteString(p.out, clearLine) }
