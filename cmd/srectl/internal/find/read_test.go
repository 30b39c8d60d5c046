// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

func TestPieces(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":       {"", nil},
		"lines":         {"{1}\n{2}\n", []string{"1 {1}\n", "2 {2}\n"}},
		"no last break": {"{1}\n{2}", []string{"1 {1}\n", "2 {2}"}},
		"indented":      {"{\n  {\n  }\n}\n{2}\n", []string{"1 {\n  {\n  }\n}\n", "5 {2}\n"}},
		"empty lines":   {"\n{1}\n\n{2}\n", []string{"1 \n", "2 {1}\n\n", "4 {2}\n"}},
		"cut short":     {"{1\n{2}\n", []string{"1 {1\n", "2 {2}\n"}},
		"Windows":       {"{1}\r\n{2}\r\n", []string{"1 {1}\r\n", "2 {2}\r\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			pieces := newPieceReader(strings.NewReader(c.text))
			for {
				text, line, err := pieces.next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				got = append(got, fmt.Sprintf("%d %s", line, text))
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestFindReadsAnyLayout(t *testing.T) {
	compact := text(t, requestsFile)
	var indented, tabs, oneLine, windows bytes.Buffer
	for line := range bytes.Lines(compact) {
		require.NoError(t, json.Indent(&indented, line, "", "  "))
		require.NoError(t, json.Indent(&tabs, line, "", "\t"))
		tabs.WriteString("\n\n")
		oneLine.Write(bytes.TrimSpace(line))
		windows.Write(bytes.TrimSpace(line))
		windows.WriteString("\r\n")
	}
	want, err := inMemory(io.Discard, compact).find("A-1001")
	require.NoError(t, err)
	exported := asExported(t, compact)
	for name, content := range map[string][]byte{
		"as exported": exported, "indented": indented.Bytes(), "tabs": tabs.Bytes(), "one line": oneLine.Bytes(), "Windows": windows.Bytes(),
		"byte order mark": append([]byte("\ufeff"), compact...),
	} {
		var said bytes.Buffer
		got, err := inMemory(&said, content).find("A-1001")
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
		assert.Empty(t, said.String(), name)
	}
}

// asExported is what the file exporter would write of the lines, but for metrics.
func asExported(t *testing.T, lines []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for line := range bytes.Lines(lines) {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		require.NoError(t, err)
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		if traces.SpanCount() > 0 {
			line, err = (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
		} else if logs.LogRecordCount() > 0 {
			line, err = (&plog.JSONMarshaler{}).MarshalLogs(logs)
		}
		require.NoError(t, err)
		out.Write(bytes.TrimSpace(line))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// A collector that was killed while it wrote, and appends after its restart.
func TestFindReadsADocumentAfterHalfOfOne(t *testing.T) {
	lines := bytes.SplitAfter(text(t, requestsFile), []byte("\n"))
	for cut := 1; cut < len(lines[3])-1; cut += 7 {
		content := bytes.Join([][]byte{lines[0], lines[3][:cut], bytes.Join(lines[1:], nil)}, nil)
		want, err := inMemory(io.Discard, text(t, requestsFile)).find("A-1001")
		require.NoError(t, err)
		var said bytes.Buffer
		found, err := inMemory(&said, content).find("A-1001")
		require.NoError(t, err)
		require.Equal(t, want, found, cut)
		require.Contains(t, said.String(), "memory:2: not read: it is ")
		require.Equal(t, 1, strings.Count(said.String(), "\n"))
	}
}

func TestFindReadsOnPastWhatIsBroken(t *testing.T) {
	lines := bytes.SplitAfter(text(t, requestsFile), []byte("\n"))
	want, err := inMemory(io.Discard, bytes.Join(lines, nil)).find("A-1001")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		broken, want string
	}{
		"cut short":      {`{"resourceSpans":[{"resource":` + "\n", "memory:3: not read: it is truncated; the collector is still writing it, or was killed"},
		"cut at a brace": {`{"resourceSpans":[{"order":"A-1001"}` + "\n", "memory:3: not read: it is truncated"},
		"cut in a text":  {`{"resourceSpans":[{"resou` + "\n", "memory:3: not read: it is not JSON: invalid character '\\n'"},
		"garbage":        {"\x1b[2J what is this\n", "memory:3: not read: it is not JSON: invalid character"},
		"inside":         {"{\n  \"resourceSpans\": [\n    A-1001\n  ]\n}\n", "memory:5: not read: it is not JSON: invalid character 'A'"},
		"not OTLP":       {`{"order":"A-1001"}` + "\n", "memory:3: not read: it is not OTLP: it has neither resourceSpans nor resourceLogs"},
		"bad OTLP":       {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"A-1001","traceId":"xyz"}]}]}]}` + "\n", "memory:3: not read: it is not OTLP: "},
	} {
		t.Run(name, func(t *testing.T) {
			content := bytes.Join([][]byte{lines[0], lines[1], []byte(c.broken), bytes.Join(lines[2:], nil)}, nil)
			var said bytes.Buffer
			found, err := inMemory(&said, content).find("A-1001")
			require.NoError(t, err)
			assert.Equal(t, want, found)
			assert.Contains(t, said.String(), c.want)
			assert.Equal(t, 1, strings.Count(said.String(), "\n"), "said once")
			requireHarmless(t, said.String())
		})
	}
}

// A file that is still being written, or was when the collector was killed, may end anywhere.
func TestFindSaysThatAFileIsCutShort(t *testing.T) {
	content := text(t, requestsFile)
	lastLine := bytes.LastIndexByte(content[:len(content)-1], '\n') + 1
	for cut := lastLine + 1; cut < len(content)-1; cut += 5 {
		var said bytes.Buffer
		_, err := inMemory(&said, content[:cut]).find("req-000001")
		require.NoError(t, err)
		require.Contains(t, said.String(), "memory:7: not read: it is truncated", string(content[lastLine:cut]))
	}
}

func TestFindReadsOnPastWhatIsTooLong(t *testing.T) {
	content := io.MultiReader(strings.NewReader("{"), io.LimitReader(zeros{}, maxDocument), strings.NewReader("\n{2}\n"))
	pieces := newPieceReader(content)
	_, line, err := pieces.next()
	require.ErrorIs(t, err, errTooLong)
	assert.Equal(t, 1, line)
	text, line, err := pieces.next()
	require.NoError(t, err)
	assert.Equal(t, "2 {2}\n", fmt.Sprintf("%d %s", line, text))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestFindSaysNotTooMuch(t *testing.T) {
	var said bytes.Buffer
	f := inMemory(&said, bytes.Repeat([]byte("{cut\n"), 1000))
	_, err := f.find("A-1001")
	require.NoError(t, err)
	f.complaints.end()
	assert.Equal(t, maxComplaints+1, strings.Count(said.String(), "\n"))
	assert.Contains(t, said.String(), "and more of these")
}

// What is escaped in the file, or has another letter case, is found nevertheless.
func TestNeedlesAreNoFinerThanJSON(t *testing.T) {
	for id, value := range map[string]string{
		"a/b+c":                            `a\/b\u002bc`,
		"Bestellung-Ä":                     `Bestellung-\u00c4`,
		"日本":                               `\u65e5\u672c`,
		`"quoted"`:                         `\"quoted\"`,
		"4bf92f3577b34da6a3ce929d0e0e4736": "x",
	} {
		document := `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"4BF92F3577B34DA6A3CE929D0E0E4736","attributes":[{"key":"k","value":{"stringValue":"` + value + `"}}]}]}]}]}`
		found, err := inMemory(io.Discard, []byte(document)).find(id)
		require.NoError(t, err)
		assert.Len(t, found.Items, 1, id)
	}
}

func FuzzFind(f *testing.F) {
	f.Add(text(f, requestsFile), "A-1001")
	f.Add(text(f, conflictsFile), "legacy-55")
	f.Add([]byte(`{"resourceSpans":[null,{"scopeSpans":[{"spans":[{"name":"x","attributes":[{"key":"k","value":{"stringValue":"x"}}]},null]}]}]}`), "x")
	f.Add([]byte("{\n\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"kvlistValue\":{\"values\":[{\"value\":{\"stringValue\":\"\\u001b\"}}]}}}]}]}]}"), "\x1b")
	f.Fuzz(func(t *testing.T, content []byte, id string) {
		var out bytes.Buffer
		finder := inMemory(&out, content)
		found, err := finder.find(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := finder.survey(); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{terminal.Unbounded, 40} {
			if err := writeFoundTable(&out, found, width, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := writeFoundJSON(&out, found); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Fatalf("unprintable: %q", out.String())
		}
	})
}

// BenchmarkFind reads documents of which one in a thousand belongs to the request.
func BenchmarkFind(b *testing.B) {
	const documents = 10_000
	document := string(bytes.SplitAfter(text(b, requestsFile), []byte("\n"))[0])
	var content bytes.Buffer
	for i := range documents {
		id, trace := fmt.Sprintf("other-%d", i), fmt.Sprintf("%032x", i+1)
		if i%1000 == 0 {
			id, trace = "req-7f3a9c", producerTrace
		}
		content.WriteString(strings.NewReplacer("req-7f3a9c", id, producerTrace, trace, "A-1001", id).Replace(document))
	}
	finder := inMemory(io.Discard, content.Bytes())
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		found, err := finder.find("req-7f3a9c")
		if err != nil || len(found.Items) != 3 {
			b.Fatal(len(found.Items), err)
		}
	}
}
