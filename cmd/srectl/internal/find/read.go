// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// maxDocument is the longest document that is read, in bytes.
const maxDocument = 64 << 20

var errTooLong = fmt.Errorf("it is longer than %d MiB; make the collector's batches smaller", maxDocument>>20)

// A pieceReader splits text at the lines that begin with a brace. Such a line is a document of
// the file exporter, or with the lines after it one that is indented. No JSON is parsed
// for that, and what is broken ends where the next piece begins.
type pieceReader struct {
	in   *bufio.Reader
	line int // that comes next, from 0
	text []byte
}

func newPieceReader(in io.Reader) *pieceReader {
	return &pieceReader{in: bufio.NewReaderSize(in, 1<<18)}
}

// next gives a piece, which holds until next is called again, and the line, from 1, where it
// begins. A piece that is longer than maxDocument comes without text, with errTooLong.
func (p *pieceReader) next() (text []byte, line int, err error) {
	if _, err := p.in.Peek(1); err != nil {
		return nil, p.line, err
	}
	line = p.line + 1
	p.text = p.text[:0]
	var tooLong error
	for {
		part, err := p.in.ReadSlice('\n')
		if len(p.text)+len(part) > maxDocument {
			tooLong = errTooLong
		}
		if tooLong == nil {
			p.text = append(p.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, line, err
		}
		p.line++
		// An error shows again in the next call.
		if first, err := p.in.Peek(1); err != nil || first[0] == '{' {
			break
		}
	}
	if tooLong != nil {
		return nil, line, tooLong
	}
	return p.text, line, nil
}

// errEnough ends reading early.
var errEnough = errors.New("enough")

// read gives each the records of all documents that have one of the needles, and maybe more, until each returns false.
func (f *finder) read(wanted needles, each func(request.Record) bool) error {
	for _, input := range f.inputs {
		if _, err := input.content.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("%s: %w", input.name, err)
		}
		pieces := newPieceReader(input.content)
		for {
			text, line, err := pieces.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.Is(err, errTooLong) {
				f.complaints.notRead(input.name, line, err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s:%d: %w", input.name, line, err)
			}
			if whole(text) && !wanted.in(text) {
				continue
			}
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
			err = readPiece(text, each, func(at int, err error) {
				f.complaints.notRead(input.name, line+bytes.Count(text[:at], []byte("\n")), err)
			})
			if errors.Is(err, errEnough) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// whole says that the piece ends as the exporter ends a document. One that does not is looked into,
// whatever is in it, to say that it is broken: what it lost may have been of the request.
func whole(text []byte) bool {
	rest := bytes.TrimRight(text, " \t\r\n")
	return bytes.HasSuffix(text, []byte("\n")) && bytes.HasSuffix(rest, []byte("}"))
}

// readPiece reads the documents of a piece, and says where one is broken. A collector that was killed and
// then appends leaves half a document with a whole one after it in the line: the last one is not lost.
func readPiece(text []byte, each func(request.Record) bool, broken func(at int, err error)) error {
	begin, at, err := readDocuments(text, each)
	if err == nil || errors.Is(err, errEnough) {
		return err
	}
	broken(at, err)
	last := -1
	for _, beginning := range []string{`{"resourceSpans":`, `{"resourceLogs":`, `{"resourceMetrics":`} {
		last = max(last, bytes.LastIndex(text, []byte(beginning))) // in a text within JSON the quotes are escaped
	}
	if last <= begin {
		return nil
	}
	_, at, err = readDocuments(text[last:], each)
	if err == nil || errors.Is(err, errEnough) {
		return err
	}
	broken(last+at, err)
	return nil
}

// readDocuments reads documents up to one that is broken: it begins at begin, and breaks at at.
func readDocuments(text []byte, each func(request.Record) bool) (begin, at int, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		begin = int(decoder.InputOffset())
		var document json.RawMessage
		err := decoder.Decode(&document)
		var syntax *json.SyntaxError
		switch {
		case errors.Is(err, io.EOF):
			return begin, begin, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return begin, beginning(text, begin), errors.New("it is truncated; the collector is still writing it, or was killed")
		case errors.As(err, &syntax):
			at = min(max(int(syntax.Offset)-1, 0), len(text))
			return begin, at, fmt.Errorf("it is not JSON: %w; only the collector may write to the file", err)
		case err != nil:
			return begin, begin, err
		}
		if err := readDocument(document, each); err != nil {
			return begin, beginning(text, begin), err
		}
	}
}

// beginning skips the line breaks before a document.
func beginning(text []byte, begin int) int {
	return len(text) - len(bytes.TrimLeft(text[begin:], " \t\r\n"))
}

// readDocument reads a document of OTLP/JSON. It ignores metrics.
func readDocument(document []byte, each func(request.Record) bool) error {
	has := func(key string) bool { return bytes.Contains(document, []byte(`"`+key+`"`)) }
	known := has("resourceMetrics") || has("resourceProfiles")
	if has("resourceSpans") {
		known = true
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(document)
		if err != nil {
			return fmt.Errorf("it is not OTLP: %w", err)
		}
		for r := range request.Spans(traces) {
			if !each(r) {
				return errEnough
			}
		}
	}
	if has("resourceLogs") {
		known = true
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(document)
		if err != nil {
			return fmt.Errorf("it is not OTLP: %w", err)
		}
		for r := range request.Logs(logs) {
			if !each(r) {
				return errEnough
			}
		}
	}
	if !known {
		return errors.New("it is not OTLP: it has neither resourceSpans nor resourceLogs; give a file of the file exporter")
	}
	return nil
}

// complaints are printed once each, up to a limit.
type complaints struct {
	out    io.Writer
	said   map[string]bool
	hidden int
}

const maxComplaints = 20

func (c *complaints) notRead(name string, line int, err error) {
	text := fmt.Sprintf("%s:%d: not read: %s", name, line, terminal.Printable(oneLine(err.Error()), terminal.MaxMessage))
	switch {
	case c.said[text]:
	case len(c.said) == maxComplaints:
		c.hidden++
	default:
		if c.said == nil {
			c.said = map[string]bool{}
		}
		c.said[text] = true
		c.say(text)
	}
}

func (c *complaints) say(text string) {
	_, _ = fmt.Fprintln(c.out, "srectl:", text) // there is no other output for this error
}

// end prints how many complaints were left out.
func (c *complaints) end() {
	if c.hidden > 0 {
		c.say("and more of these")
	}
}
