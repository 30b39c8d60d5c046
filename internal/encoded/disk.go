// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"bytes"
	"context"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// Disk is how a queue keeps requests on disk: as OTLP requests.
type Disk struct{ Signal scatter.Signal }

var _ exporterhelper.QueueBatchEncoding[xexporterhelper.Request] = Disk{}

// Marshal returns the request as it is sent.
func (Disk) Marshal(_ context.Context, r xexporterhelper.Request) ([]byte, error) {
	return Joined(r.(*Request).Chunks), nil
}

// Joined is the request that the chunks are. It is not a copy if there is only one.
func Joined(chunks []Chunk) []byte {
	if len(chunks) == 1 {
		return chunks[0].Data
	}
	var size int
	for _, c := range chunks {
		size += len(c.Data)
	}
	all := make([]byte, 0, size)
	for _, c := range chunks {
		all = append(all, c.Data...)
	}
	return all
}

// Unmarshal returns an error if the data is not a request. It takes what the Collector's own exporters have left on disk, too.
func (d Disk) Unmarshal(data []byte) (context.Context, xexporterhelper.Request, error) {
	if bytes.HasPrefix(data, upstreamVersion) {
		request, err := otlpwire.Find(data, upstreamRequest)
		if err != nil {
			return context.Background(), nil, err
		}
		data = request
	}
	items, err := scatter.Count(d.Signal, data)
	if err != nil {
		return context.Background(), nil, err
	}
	return context.Background(), NewRequest(d.Signal, Chunk{data, items}), nil
}

// The Collector's exporters keep a version, the client's context and the request. Source: go.opentelemetry.io/collector/pdata/xpdata, request.proto.
var upstreamVersion = []byte{0x0d, 1, 0, 0, 0}

const upstreamRequest protowire.Number = 3
