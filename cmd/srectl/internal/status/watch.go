// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// A statusWatch refreshes the status: in place on a terminal, otherwise as
// one table, or one line of JSON, after the other.
type statusWatch struct {
	ask      func(context.Context) ([]sloStatus, error)
	from     string
	out      io.Writer // tables and JSON
	log      io.Writer // why there is none, beside JSON
	format   string
	interval time.Duration
	colored  bool
	// size is the terminal's, in characters; nil is no terminal.
	size func() (width, height int)
	now  func() time.Time
	wait func(context.Context, time.Duration)

	last    []sloStatus // the newest answer
	since   time.Time   // of the newest answer, or of the start
	drawn   int         // lines to draw over
	problem string      // said last where nothing can be drawn over
}

func newStatusWatch(source *statusSource, out, log io.Writer, format string, interval time.Duration) *statusWatch {
	w := &statusWatch{
		ask: source.ask, from: source.url.Redacted(), out: out, log: log, format: format, interval: interval,
		colored: terminal.Colored(out), now: time.Now, wait: sleep,
	}
	if file, ok := terminal.Of(out); ok && format == output.Table {
		w.size = func() (int, int) {
			width, height, err := term.GetSize(int(file.Fd()))
			if err != nil || width <= 0 || height <= 0 {
				return 80, 24
			}
			return width, height
		}
	}
	return w
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// run goes on until ctx is done.
func (w *statusWatch) run(ctx context.Context) {
	w.since = w.now()
	w.waiting("")
	for ctx.Err() == nil {
		statuses, err := w.ask(ctx)
		pause := w.interval
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.waiting(err.Error())
			pause = min(pause, time.Second) // the collector may start at any time
		default:
			w.last, w.since, w.problem = statuses, w.now(), ""
			w.show()
		}
		w.wait(ctx, pause)
	}
}

// show shows an answer.
func (w *statusWatch) show() {
	switch {
	case w.format == output.JSON:
		_ = json.NewEncoder(w.out).Encode(w.last) // the reader has gone; Ctrl-C ends it
	case w.format == output.YAML:
		_, _ = io.WriteString(w.out, "---\n")
		_ = output.WriteYAML(w.out, w.last)
	case w.size == nil:
		_, _ = fmt.Fprintln(w.out, w.title())
		_ = writeStatuses(w.out, w.format, w.last, w.colored)
		_, _ = fmt.Fprintln(w.out)
	default:
		w.draw(append([]terminal.Line{{Head: w.title()}}, w.table()...))
	}
}

func (w *statusWatch) table() []terminal.Line {
	width, _ := w.size()
	return statusTable(w.last, width)
}

func (w *statusWatch) title() string {
	return fmt.Sprintf("%s  %s", w.since.Format(time.TimeOnly), statusSummary(w.last))
}

// waiting says that there is no answer yet, or none any more, and why.
func (w *statusWatch) waiting(why string) {
	if w.size != nil {
		line := fmt.Sprintf("waiting for %s  %v", w.from, w.now().Sub(w.since).Truncate(time.Second))
		lines := []terminal.Line{{Head: line}}
		for part := range strings.SplitSeq(why, "; ") { // the problem and the fix
			if part != "" {
				lines = append(lines, terminal.Line{Head: part})
			}
		}
		if w.last != nil {
			lines = append(append(lines, terminal.Line{Head: "last answer " + w.title()}), w.table()...)
		}
		w.draw(lines)
		return
	}
	if why == "" || why == w.problem { // say it once
		return
	}
	w.problem = why
	out := w.out
	if w.format == output.JSON || w.format == output.YAML {
		out = w.log
	}
	_, _ = fmt.Fprintln(out, "waiting:", why)
}

// draw replaces what was drawn last, and no more than fits on the screen: a line that wraps
// or scrolls could not be drawn over.
func (w *statusWatch) draw(lines []terminal.Line) {
	width, height := w.size()
	room := max(height-1, 1)
	if len(lines) > room {
		hidden := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], terminal.Line{Head: fmt.Sprintf("and %d more; see srectl status", hidden)})
	}
	var b strings.Builder
	if w.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", w.drawn)
	}
	for _, line := range lines {
		b.WriteString(line.Text(width, w.colored) + "\n")
	}
	w.drawn = len(lines)
	_, _ = io.WriteString(w.out, b.String()) // the terminal has gone; Ctrl-C ends it
}
