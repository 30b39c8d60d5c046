// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// failed reports whether a span is a failure of the service: by its status, or by what the
// semantic conventions for HTTP, RPC and messaging say in its attributes, current names and
// deprecated ones. It takes one pass over the attributes at most.
//
// The messaging conventions have no status code: there, and only there, error.type decides.
func failed(span ptrace.Span) bool {
	if span.Status().Code() == ptrace.StatusCodeError {
		return true
	}
	var fails bool
	kind := span.Kind()
	span.Attributes().Range(func(key string, value pcommon.Value) bool {
		if mayTellFailure(key) && failure(key, value, kind) {
			fails = true
			return false
		}
		return true
	})
	return fails
}

const (
	keyHTTP      = "http.response.status_code"
	keyHTTPOld   = "http.status_code"
	keyRPC       = "rpc.status_code"
	keyRPCOld    = "rpc.response.status_code"
	keyGRPCOld   = "rpc.grpc.status_code"
	keyErrorType = "error.type"

	// failureKeyLengths has a bit for the length of each of them.
	failureKeyLengths uint64 = 1<<len(keyHTTP) | 1<<len(keyHTTPOld) | 1<<len(keyRPC) | 1<<len(keyRPCOld) | 1<<len(keyGRPCOld) | 1<<len(keyErrorType)
)

// mayTellFailure holds for those keys and for few others: it looks at the length, where 64 more
// are the same to it, and at the last letter but one, of code or type.
func mayTellFailure(key string) bool {
	n := len(key)
	return failureKeyLengths>>(n&63)&1 != 0 && (key[n-2] == 'd' || key[n-2] == 'p')
}

// failure reports whether one attribute says that the span failed. It is kept out of line so
// that the loop over the attributes is small enough to be inlined whole.
//
//go:noinline
func failure(key string, value pcommon.Value, kind ptrace.SpanKind) bool {
	switch key {
	case keyHTTP, keyHTTPOld:
		return httpFailure(value)
	case keyRPC, keyRPCOld:
		return rpcFailure(value)
	case keyGRPCOld:
		return grpcFailure(value)
	case keyErrorType:
		return messaging(kind) && value.Type() != pcommon.ValueTypeEmpty
	default:
		return false
	}
}

func messaging(k ptrace.SpanKind) bool {
	return k == ptrace.SpanKindConsumer || k == ptrace.SpanKindProducer
}

// httpFailure holds for a status code of 500 and more. Zipkin tags are strings.
func httpFailure(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return v.Int() >= 500
	case pcommon.ValueTypeStr:
		s := v.Str()
		return len(s) == 3 && s[0] >= '5' && s[0] <= '9'
	default:
		return false
	}
}

// grpcFailure holds for the codes that the conventions call a server's error.
func grpcFailure(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		switch v.Int() {
		case 2, 4, 12, 13, 14, 15:
			return true
		}
	case pcommon.ValueTypeStr:
		switch v.Str() {
		case "2", "4", "12", "13", "14", "15":
			return true
		}
	}
	return false
}

// rpcFailure holds for the same codes by name, or by number as some instrumentations have them. gRPC writes names in
// capitals, Connect in small letters.
func rpcFailure(v pcommon.Value) bool {
	if v.Type() != pcommon.ValueTypeStr || len(v.Str()) <= 2 {
		return grpcFailure(v)
	}
	var name string
	switch s := v.Str(); len(s) {
	case len("UNKNOWN"):
		name = "UNKNOWN"
	case len("DEADLINE_EXCEEDED"):
		name = "DEADLINE_EXCEEDED"
	case len("UNIMPLEMENTED"):
		name = "UNIMPLEMENTED"
	case len("INTERNAL"):
		name = "INTERNAL"
	case len("UNAVAILABLE"):
		name = "UNAVAILABLE"
	case len("DATA_LOSS"):
		name = "DATA_LOSS"
	default:
		return false
	}
	return strings.EqualFold(v.Str(), name)
}
