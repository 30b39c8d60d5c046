// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"bufio"
	"bytes"
	"math"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

var escapeHelp = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// writeText writes a family of numbers in one of the text formats, as expfmt does, but without a message for each sample.
func (f *family) writeText(w *bufio.Writer, rows []row, openMetrics bool) error {
	name, kind := f.name, "gauge"
	if f.kind == dto.MetricType_COUNTER {
		kind = "counter"
		if base, ok := strings.CutSuffix(name, "_total"); openMetrics && ok {
			name = base
		} else if openMetrics {
			kind = "unknown" // a counter of OpenMetrics has that suffix
		}
	}
	help := escapeHelp.Replace(f.help)
	if openMetrics {
		help = escape.Replace(f.help)
	}
	line := make([]byte, 0, 512)
	if f.help != "" {
		line = append(append(append(append(append(line, "# HELP "...), name...), ' '), help...), '\n')
	}
	line = append(append(append(append(append(line, "# TYPE "...), name...), ' '), kind...), '\n')
	for i := range rows {
		r := &rows[i]
		line = append(r.labels.appendTo(append(line, f.name...)), ' ')
		line = appendNumber(line, r.value, openMetrics)
		if openMetrics && len(r.more.exemplars) > 0 {
			line = appendExemplar(line, r.more.exemplars[len(r.more.exemplars)-1])
		}
		line = append(line, '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
		line = line[:0]
	}
	return nil
}

// appendNumber writes a value; OpenMetrics has no integers in gauges and counters.
func appendNumber(line []byte, v float64, openMetrics bool) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(line, "+Inf"...)
	case math.IsInf(v, -1):
		return append(line, "-Inf"...)
	case math.IsNaN(v):
		return append(line, "NaN"...)
	}
	from := len(line)
	line = strconv.AppendFloat(line, v, 'g', -1, 64)
	if openMetrics && !bytes.ContainsAny(line[from:], "e.") {
		line = append(line, ".0"...)
	}
	return line
}

func appendExemplar(line []byte, e *dto.Exemplar) []byte {
	line = append(line, " # {"...)
	for i, l := range e.GetLabel() {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(append(append(append(line, l.GetName()...), `="`...), escape.Replace(l.GetValue())...), '"')
	}
	line = appendNumber(append(line, "} "...), e.GetValue(), true)
	if at := e.GetTimestamp(); at != nil {
		line = appendNumber(append(line, ' '), float64(at.AsTime().UnixNano())/1e9, true)
	}
	return line
}
