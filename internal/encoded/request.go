// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"

	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// A Chunk is an encoded OTLP request, and how many spans, log records or data points it has.
type Chunk struct {
	Data  []byte
	Items int
}

// A Request is what a queue holds: chunks which, one after the other, are one OTLP request. Merging requests copies nothing.
type Request struct {
	signal scatter.Signal
	Chunks []Chunk
	bytes  int
	items  int
}

var _ xexporterhelper.Request = (*Request)(nil)

// NewRequest returns a request of the chunks, which the request keeps.
func NewRequest(signal scatter.Signal, chunks ...Chunk) *Request {
	r := &Request{signal: signal}
	r.append(chunks...)
	return r
}

func (r *Request) append(chunks ...Chunk) {
	r.Chunks = append(r.Chunks, chunks...)
	for _, c := range chunks {
		r.bytes += len(c.Data)
		r.items += c.Items
	}
}

// ItemsCount returns how many spans, log records or data points it has.
func (r *Request) ItemsCount() int { return r.items }

// BytesSize returns its size on the wire before compression, in bytes.
func (r *Request) BytesSize() int { return r.bytes }

// MergeSplit appends the other request to this one, and returns requests that are not larger than that. One item that is larger is a request of its own.
func (r *Request) MergeSplit(_ context.Context, most int, sizer exporterhelper.RequestSizerType, other xexporterhelper.Request) ([]xexporterhelper.Request, error) {
	var added []Chunk
	if other != nil {
		o, ok := other.(*Request)
		if !ok {
			return nil, errors.New("requests of two exporters cannot be merged")
		}
		added = o.Chunks
	}
	if most == 0 {
		r.append(added...)
		return []xexporterhelper.Request{r}, nil
	}
	var limit scatter.Limit
	if sizer == exporterhelper.RequestSizerTypeItems {
		limit.Items = most
	} else {
		limit.Bytes = most
	}
	fits := func(bytes, items int) bool {
		return (limit.Bytes == 0 || bytes <= limit.Bytes) && (limit.Items == 0 || items <= limit.Items)
	}
	if fits(r.bytes, r.items) && len(added) == 1 && fits(r.bytes+len(added[0].Data), r.items+added[0].Items) {
		r.append(added[0])
		return []xexporterhelper.Request{r}, nil
	}

	last := &Request{signal: r.signal}
	requests := []xexporterhelper.Request{last}
	add := func(c Chunk) {
		if len(last.Chunks) > 0 && !fits(last.bytes+len(c.Data), last.items+c.Items) {
			last = &Request{signal: r.signal}
			requests = append(requests, last)
		}
		last.append(c)
	}
	for _, chunks := range [][]Chunk{r.Chunks, added} {
		for _, c := range chunks {
			if fits(len(c.Data), c.Items) {
				add(c)
				continue
			}
			parts, err := scatter.Cut(r.signal, c.Data, limit)
			if err != nil || len(parts) == 0 { // the gateway decides about what is no request
				add(c)
			}
			for _, p := range parts {
				add(Chunk{p.Data, p.Items})
			}
		}
	}
	return requests, nil
}
