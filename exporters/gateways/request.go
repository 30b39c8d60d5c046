// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/scatter"
)

// A chunk is an encoded OTLP request, and how many spans, log records or data points it has.
type chunk struct {
	data  []byte
	items int
}

// A request is what a queue holds: chunks which, one after the other, are one OTLP request. Merging requests copies nothing.
type request struct {
	signal scatter.Signal
	chunks []chunk
	bytes  int
	items  int
}

var _ xexporterhelper.Request = (*request)(nil)

func newRequest(signal scatter.Signal, chunks ...chunk) *request {
	r := &request{signal: signal}
	r.append(chunks...)
	return r
}

func (r *request) append(chunks ...chunk) {
	r.chunks = append(r.chunks, chunks...)
	for _, c := range chunks {
		r.bytes += len(c.data)
		r.items += c.items
	}
}

// ItemsCount returns how many spans, log records or data points it has.
func (r *request) ItemsCount() int { return r.items }

// BytesSize returns its size on the wire before compression, in bytes.
func (r *request) BytesSize() int { return r.bytes }

// MergeSplit appends the other request to this one, and returns requests that are not larger than that. One item that is larger is a request of its own.
func (r *request) MergeSplit(_ context.Context, most int, sizer exporterhelper.RequestSizerType, other xexporterhelper.Request) ([]xexporterhelper.Request, error) {
	var added []chunk
	if other != nil {
		o, ok := other.(*request)
		if !ok {
			return nil, errors.New("requests of two exporters cannot be merged")
		}
		added = o.chunks
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
	if fits(r.bytes, r.items) && len(added) == 1 && fits(r.bytes+len(added[0].data), r.items+added[0].items) {
		r.append(added[0])
		return []xexporterhelper.Request{r}, nil
	}

	last := &request{signal: r.signal}
	requests := []xexporterhelper.Request{last}
	add := func(c chunk) {
		if len(last.chunks) > 0 && !fits(last.bytes+len(c.data), last.items+c.items) {
			last = &request{signal: r.signal}
			requests = append(requests, last)
		}
		last.append(c)
	}
	for _, chunks := range [][]chunk{r.chunks, added} {
		for _, c := range chunks {
			if fits(len(c.data), c.items) {
				add(c)
				continue
			}
			parts, err := scatter.Cut(r.signal, c.data, limit)
			if err != nil || len(parts) == 0 { // the gateway decides about what is no request
				add(c)
			}
			for _, p := range parts {
				add(chunk{p.Data, p.Items})
			}
		}
	}
	return requests, nil
}

// diskEncoding is how a queue keeps requests on disk: as OTLP requests.
type diskEncoding struct{ signal scatter.Signal }

var _ exporterhelper.QueueBatchEncoding[xexporterhelper.Request] = diskEncoding{}

// Marshal returns the request as it is sent.
func (diskEncoding) Marshal(_ context.Context, r xexporterhelper.Request) ([]byte, error) {
	chunks := r.(*request).chunks
	if len(chunks) == 1 {
		return chunks[0].data, nil
	}
	var all []byte
	for _, c := range chunks {
		all = append(all, c.data...)
	}
	return all, nil
}

// Unmarshal returns an error if the data is not a request.
func (e diskEncoding) Unmarshal(data []byte) (context.Context, xexporterhelper.Request, error) {
	items, err := scatter.Count(e.signal, data)
	if err != nil {
		return context.Background(), nil, err
	}
	return context.Background(), newRequest(e.signal, chunk{data, items}), nil
}
