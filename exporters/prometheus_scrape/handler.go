// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/zap"
)

// ServeHTTP answers a scrape in the format that the client prefers. It writes one family after the other, so that the memory it
// takes does not grow with the number of families, and points do not wait for a slow client.
func (e *scraped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateIncludingOpenMetrics(r.Header)
	w.Header().Set("Content-Type", string(format))
	out := io.Writer(w)
	if accepts(r, "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		compressed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails only for a level that there is not
		defer func() { _ = compressed.Close() }()               // the client's loss
		out = compressed
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	defer func() { _ = buffered.Flush() }()
	if err := e.write(buffered, format, time.Now().UnixNano()); err != nil {
		e.logger.Debug("A scrape was not finished", zap.Error(err))
	}
}

// accepts reports whether the client reads the encoding.
func accepts(r *http.Request, encoding string) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(one), ";")
		if name == encoding && strings.TrimSpace(quality) != "q=0" {
			return true
		}
	}
	return false
}

// write writes all families.
func (e *scraped) write(w *bufio.Writer, format expfmt.Format, now int64) error {
	openMetrics := format.FormatType() == expfmt.TypeOpenMetrics
	text := (openMetrics || format.FormatType() == expfmt.TypeTextPlain) && e.config.TranslationStrategy.ShouldEscape()
	encoder := expfmt.NewEncoder(w, format)
	var rows []row
	for _, f := range e.store.all() {
		rows = e.store.rows(f, now, rows)
		if len(rows) == 0 {
			continue
		}
		var err error
		if text && (f.kind == dto.MetricType_GAUGE || f.kind == dto.MetricType_COUNTER) {
			err = f.writeText(w, rows, openMetrics)
		} else {
			err = encoder.Encode(f.proto(rows))
		}
		if err != nil {
			return err
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}
