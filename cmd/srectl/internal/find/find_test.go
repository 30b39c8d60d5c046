// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
	"github.com/otelcol-sre/otelcol-sre/internal/request/requesttest"
)

const (
	requestsFile  = "testdata/requests.json"
	conflictsFile = "testdata/conflicts.json"
	producerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// runFind runs the command as main does.
func runFind(stdin io.Reader, args ...string) (code int, out, said string, err error) {
	r := commandtest.Run(NewCommand(), stdin, append([]string{"find"}, args...)...)
	return r.Code, r.Stdout, r.Stderr, r.Err
}

// inMemory is a finder of what texts hold.
func inMemory(said io.Writer, texts ...[]byte) *finder {
	f := &finder{limit: 1000, complaints: &complaints{out: said}}
	for _, text := range texts {
		f.inputs = append(f.inputs, findInput{"memory", bytes.NewReader(text), func() {}})
	}
	return f
}

func text(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

func written(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestFindGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"piped": {"A-1001", requestsFile},
		"json":  {"A-1001", requestsFile, "-o", "json"},
	} {
		code, out, said, _ := runFind(nil, args...)
		assert.Equal(t, exit.OK, code)
		assert.Empty(t, said)
		golden.Equal(t, "testdata/"+name+".golden", []byte(out))
	}
}

func TestFindFitsTheTerminal(t *testing.T) {
	found, err := inMemory(io.Discard, text(t, requestsFile)).find("req-7f3a9c")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		width   int
		colored bool
	}{
		"wide":    {160, false},
		"colored": {100, true},
		"narrow":  {60, false},
		"tiny":    {30, false},
	} {
		for _, line := range found.table(c.width) {
			assert.LessOrEqual(t, utf8.RuneCountInString(line.Text(c.width, false)), c.width)
		}
		var b strings.Builder
		require.NoError(t, writeFoundTable(&b, found, c.width, c.colored))
		golden.Equal(t, "testdata/"+name+".golden", []byte(strings.ReplaceAll(b.String(), "\x1b", "ESC")))
	}
}

func TestFindByAnyID(t *testing.T) {
	_, want, _, _ := runFind(nil, "req-7f3a9c", requestsFile)
	_, items, _ := strings.Cut(want, "\n")
	assert.Contains(t, items, "mail to customer 17 queued", "a log record without a trace")
	for name, id := range map[string]string{
		"an order": "A-1001",
		"a trace":  producerTrace,
		"the linked trace, as one writes it elsewhere": "0AF76519-16CD-43DD-8448-EB211C80319C",
		"a span":        "b7ad6b7169203332",
		"spaces around": " req-7f3a9c ",
	} {
		code, out, _, _ := runFind(nil, id, requestsFile)
		assert.Equal(t, exit.OK, code, name)
		_, got, _ := strings.Cut(out, "\n")
		assert.Equal(t, items, got, name)
	}
}

// Each ID of a request finds the same; the search of the status page has the same test.
func TestEachIDFindsTheSame(t *testing.T) {
	for _, c := range requesttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			var content []byte
			for _, d := range c.Documents() {
				spans, err := (&ptrace.JSONMarshaler{}).MarshalTraces(d.Traces)
				require.NoError(t, err)
				logs, err := (&plog.JSONMarshaler{}).MarshalLogs(d.Logs)
				require.NoError(t, err)
				if d.Traces.SpanCount() == 0 {
					spans = logs
				}
				content = append(append(content, spans...), '\n')
			}
			for _, r := range c.Requests {
				for _, id := range r.IDs {
					var said bytes.Buffer
					found, err := inMemory(&said, content).find(id)
					require.NoError(t, err)
					var got []string
					for _, item := range found.Items {
						text, isText := item.Body.(string)
						if !isText && item.Body != nil {
							text = compact(item.Body)
						}
						got = append(got, item.Name+text)
					}
					assert.ElementsMatch(t, r.Finds, got, id)
					assert.Equal(t, max(r.Shared, 1), found.requests, id)
					assert.False(t, found.Truncated, id)
					assert.Empty(t, said.String())
				}
			}
		})
	}
}

func TestFindDoesNotCrossOverToAnotherRequest(t *testing.T) {
	for id, want := range map[string][]string{
		// The batch has a message of req-a in it; what else req-b did is not of interest.
		"req-a": {"GET /a", "GET /legacy", "a consumer", "batch of b", "message of a"},
		"req-b": {"batch of b", "message of a", "elsewhere in b"},
		// An ID that never won is one more name of the request it lost to.
		"legacy-55": {"GET /a", "GET /legacy", "a consumer", "batch of b", "message of a"},
		// Given its trace, req-b is what the batch is about.
		"5b8efff798038103d269b633813fc60c": {"batch of b", "message of a", "elsewhere in b"},
	} {
		found, err := inMemory(io.Discard, text(t, conflictsFile)).find(id)
		require.NoError(t, err)
		assert.Equal(t, want, names(found), id)
	}
}

func names(found *timeline) (names []string) {
	for _, item := range found.Items {
		names = append(names, item.Name)
	}
	return names
}

func TestFindReadsTheStandardInput(t *testing.T) {
	_, want, _, _ := runFind(nil, "A-1001", requestsFile)
	code, out, said, _ := runFind(bytes.NewReader(text(t, requestsFile)), "A-1001", "-")
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, want, out)
	assert.Empty(t, said)
}

func TestFindTakesRotatedFilesAsOne(t *testing.T) {
	lines := bytes.SplitAfter(text(t, requestsFile), []byte("\n"))
	older := written(t, "telemetry-2026-03-01T10-00-00.000.json", bytes.Join(lines[:4], nil))
	newer := written(t, "telemetry.json", bytes.Join(lines[4:], nil))
	_, want, _, _ := runFind(nil, "A-1001", requestsFile)
	_, out, _, _ := runFind(nil, "A-1001", newer, older)
	assert.Equal(t, want, out)
}

func TestFindShowsASpanOfTwoFilesOnce(t *testing.T) {
	content := text(t, requestsFile)
	path := written(t, "copy.json", content)
	count := func(signal string, args ...string) (n int) {
		_, out, _, _ := runFind(nil, append(args, "-o", "json")...)
		return strings.Count(out, `"signal": "`+signal+`"`)
	}
	assert.Equal(t, 6, count(signalSpan, "A-1001", requestsFile, path))
	assert.Equal(t, 8, count(signalLog, "A-1001", requestsFile, path), "log records may well be alike")
	assert.Equal(t, 4, count(signalLog, "A-1001", path, path, filepath.Dir(path)+"/./copy.json"), "one file, however it is named")
	twice := written(t, "twice.json", append(content, content...))
	assert.Equal(t, 6, count(signalSpan, "A-1001", twice), "the file exporter has tried again")
}

func TestFindStopsAtTheLimit(t *testing.T) {
	code, out, said, _ := runFind(nil, "A-1001", requestsFile, "--limit", "4", "-o", "json")
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, "srectl: the result is incomplete: --limit 4 was reached; raise it\n", said)
	assert.Equal(t, 4, strings.Count(out, `"signal"`))
	assert.Contains(t, out, `"truncated": true`)

	_, _, said, _ = runFind(nil, "A-1001", requestsFile, "--limit", "10")
	assert.Empty(t, said, "ten is all there is")
}

// documents are spans of as many traces, with the attribute.
func documents(traces int, key string, value func(i int) string) []byte {
	var b strings.Builder
	for i := range traces {
		fmt.Fprintf(&b, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","attributes":[{"key":%q,"value":{"stringValue":%q}}]}]}]}]}`+"\n",
			i+1, i+1, key, value(i))
	}
	return []byte(b.String())
}

func TestFindSaysThatManyHaveTheID(t *testing.T) {
	always := func(value string) func(int) string { return func(int) string { return value } }
	code, out, said, _ := runFind(nil, "u-17", written(t, "shared.json", documents(3, "user.id", always("u-17"))), "-o", "json")
	assert.Equal(t, exit.OK, code)
	assert.Equal(t, 3, strings.Count(out, `"signal"`))
	assert.Equal(t, "srectl: 3 requests have this ID\n", said)

	_, out, said, _ = runFind(nil, "C-1", written(t, "many.json", documents(bounds.Names+10, "correlation.id", always("C-1"))), "-o", "json")
	assert.Equal(t, bounds.Names+10, strings.Count(out, `"signal"`), "all show it")
	assert.Contains(t, out, `"truncated": true`)
	assert.Equal(t, "srectl: the result may be incomplete: the ID leads to more traces and IDs than find follows; search for another ID of the request\n", said)
}

// A word lists the requests that have it; an ID of several shows each by itself.
func TestFindShowsRequestsApart(t *testing.T) {
	order := func(i int) string { return fmt.Sprint("C-", i) }
	file := written(t, "orders.json", documents(3, "correlation.id", order))
	word := written(t, "word.json", documents(3, "user.id", func(int) string { return "u-17" }))
	_, out, _, _ := runFind(nil, "u-17", word)
	assert.Contains(t, out, "u-17: 3 requests have this ID, as a word or value that they have in common; search for one of them\n")
	assert.NotContains(t, out, "OFFSET", "nothing is merged")

	batch := written(t, "batch.json", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"batch","attributes":[`+
		`{"key":"correlation.ids","value":{"arrayValue":{"values":[{"stringValue":"C-0"},{"stringValue":"C-1"}]}}}]}]}]}]}`+"\n"))
	_, out, said, _ := runFind(nil, "4bf92f3577b34da6a3ce929d0e0e4736", file, batch)
	assert.Contains(t, out, "2 requests have this ID\n")
	assert.Equal(t, 2, strings.Count(out, "OFFSET"), "two tables")
	assert.Equal(t, 2, strings.Count(out, "batch"), "the batch is in each")
	assert.Equal(t, "srectl: 2 requests have this ID\n", said)
	_, out, _, _ = runFind(nil, "4bf92f3577b34da6a3ce929d0e0e4736", file, batch, "-o", "json")
	assert.Contains(t, out, `"id": "C-1"`)
}

func TestFindSaysWhy(t *testing.T) {
	file := written(t, "why.json", []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"paid request_id=pay-9001-abcd"},`+
		`"attributes":[{"key":"correlation.id","value":{"stringValue":"pay-9001-abcd"}}]},{"body":{"stringValue":"paid request_id=pay-9001-abcd after duplicate of request_id=pay-9002-abcd"},`+
		`"attributes":[{"key":"correlation.id","value":{"stringValue":"pay-9001-abcd"}}]}]}]}]}`+"\n"))
	_, out, _, _ := runFind(nil, "pay-9001-abcd", file, "--why")
	assert.Contains(t, out, "pay-9001-abcd from its own source, evidence: text\n")
	assert.Contains(t, out, "  logfmt:request_id = pay-9001-abcd (evidence: text): used\n")
	assert.Contains(t, out, "  logfmt:request_id = pay-9002-abcd (evidence: text): not used: the text names two\n")
	_, out, _, _ = runFind(nil, "pay-9001-abcd", file, "--why", "-o", "json")
	assert.Contains(t, out, `"origin": "source"`)
}

func TestFindNothing(t *testing.T) {
	code, out, said, _ := runFind(nil, "req-\x1b[2J", requestsFile, conflictsFile)
	assert.Equal(t, exit.NotOK, code)
	assert.Empty(t, out)
	assert.Equal(t, `srectl: nothing has the ID "req-�[2J": read 13 spans and 5 log records in 2 files, `+
		"from 2026-03-01T10:00:00Z to 2026-03-01T10:00:01Z; name the rotated files too, or wait for the exporter's flush\n", said)

	// An ID is a whole value or a word: not a part of one, several words, or the name of a span.
	for _, id := range []string{"req-7f3a9", "customer 17", "front", "POST /charge"} {
		code, _, _, _ := runFind(nil, id, requestsFile)
		assert.Equal(t, exit.NotOK, code, id)
	}
}

func TestFindThatCannotBeAskedSaysTheFix(t *testing.T) {
	zstd := "\x28\xb5\x2f\xfd and so on"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no ID":       {nil, "no ID: give an ID of the request"},
		"empty ID":    {[]string{" ", requestsFile}, "no ID: give an ID of the request"},
		"no file":     {[]string{"A-1001"}, "The exporter's config is\n  exporters:\n    file:\n      path: /"},
		"not there":   {[]string{"A-1001", requestsFile, "gone.json"}, `"gone.json": no such file; correct the path`},
		"a folder":    {[]string{"A-1001", "testdata"}, `"testdata" is a folder; name its files, as in testdata/*.json`},
		"format":      {[]string{"A-1001", requestsFile, "-o", "xml"}, `--format "xml" is not known: write table, wide, json or yaml`},
		"limit":       {[]string{"A-1001", requestsFile, "--limit", "0"}, "--limit is 0: must be above 0"},
		"zstd":        {[]string{"A-1001", written(t, "a", []byte(zstd))}, "is compressed with zstd: set format: json and no compression"},
		"framed zstd": {[]string{"A-1001", written(t, "a", []byte("\x00\x00\x00\x12"+zstd))}, "is compressed with zstd: set format: json and no compression"},
		"gzip":        {[]string{"A-1001", written(t, "a", []byte("\x1f\x8b\x08"))}, "gunzip -c FILE | srectl find ID -"},
		"proto":       {[]string{"A-1001", written(t, "a", []byte("\x00\x00\x01\x02\x0a\x7f\x0a"))}, "probably format proto: set format: json"},
		"hostile":     {[]string{"A-1001", "\x1b[2J"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, _, err := runFind(nil, c.args...)
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, exit.Usage, code)
			assert.Empty(t, out)
			assert.NotContains(t, err.Error(), "\x1b")
		})
	}
}

// What is in telemetry may come from anyone: none of it may reach the terminal as more than text.
func TestFindDefusesHostileText(t *testing.T) {
	hostile := func(length int) string {
		quoted, err := json.Marshal("a\x1b]0;title\x07\x1b[2J\n\r\t\x7f\u009b1m\u202eevil\u2066\U000e0041" + strings.Repeat("x", length))
		require.NoError(t, err)
		return string(quoted)
	}
	document := strings.NewReplacer("ID", `"the-id"`, "EVIL", hostile(10_000), "HUGE", hostile(10<<20)).Replace(
		`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":EVIL}}]},"scopeSpans":[{"spans":[
 {"traceId":"` + producerTrace + `","spanId":"00f067aa0ba902b7","name":EVIL,"status":{"code":2,"message":EVIL},
  "startTimeUnixNano":"18446744073709551615","attributes":[{"key":"correlation.id","value":{"stringValue":ID}},{"key":EVIL,"value":{"stringValue":EVIL}}]}]}]}],
"resourceLogs":[{"scopeLogs":[{"logRecords":[
 {"severityText":EVIL,"eventName":EVIL,"body":{"stringValue":HUGE},"attributes":[{"key":"correlation.id","value":{"stringValue":ID}}]},
 {"body":{"kvlistValue":{"values":[{"key":EVIL,"value":{"arrayValue":{"values":[{"stringValue":ID},{"doubleValue":"NaN"}]}}}]}}}]}]}]}`)
	path := written(t, "hostile.json", []byte(document))
	for _, format := range []string{output.Table, output.Wide, output.JSON, output.YAML} {
		code, out, said, _ := runFind(nil, "the-id", path, "-o", format)
		assert.Equal(t, exit.OK, code)
		assert.Empty(t, said)
		requireHarmless(t, out)
		assert.Less(t, len(out), 100_000)
		assert.Contains(t, out, "evil")
	}
}

func requireHarmless(t *testing.T, out string) {
	t.Helper()
	for _, r := range out {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U in the output", r)
		}
	}
}

func TestFindJSONLosesNothing(t *testing.T) {
	var b bytes.Buffer
	body := "a\tb\nc \u202e \u009b \U000e0041 é <&>"
	require.NoError(t, writeFoundJSON(&b, &timeline{Items: []*findItem{{Body: body}}}))
	requireHarmless(t, b.String())
	var read timeline
	require.NoError(t, json.Unmarshal(b.Bytes(), &read))
	assert.Equal(t, body, read.Items[0].Body)
}

func TestTimelineOfOddSpans(t *testing.T) {
	round := func(span, parent string, nanos int64) *findItem {
		var start time.Time
		if nanos > 0 {
			start = time.Unix(0, nanos).UTC()
		}
		return &findItem{Signal: signalSpan, Name: span, SpanID: span, ParentSpanID: parent, start: start, end: start}
	}
	timeline := &timeline{Items: []*findItem{
		round("timeless", "", 0), round("a", "b", 5), round("b", "a", 5), round("self", "self", 7), round("child", "root", 3), round("root", "gone", 3),
	}}
	timeline.finish()
	assert.Equal(t, []string{"root", "child", "a", "b", "self", "timeless"}, names(timeline))
	assert.Equal(t, []string{"+0s", "+0s", "+2ns", "+2ns", "+4ns", "-"}, func() (cells []string) {
		for _, item := range timeline.Items {
			cells = append(cells, timeline.columns()[0].cell(item))
		}
		return cells
	}())
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                    "0s",
		999 * time.Nanosecond:                "999ns",
		12_345_678:                           "12.3ms",
		1_024_000_000:                        "1.02s",
		999_950 * time.Microsecond:           "1s",
		59_999 * time.Millisecond:            "1m0s",
		26*time.Hour + 1499*time.Millisecond: "26h0m1s",
	} {
		assert.Equal(t, want, brief(d))
	}
}
