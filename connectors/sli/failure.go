package sli

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// failed tells whether a span is a failure of the service: by its status, or by what the
// semantic conventions for HTTP, RPC and messaging say in its attributes, current names and
// deprecated ones. One pass over the attributes at most, and the length of a key rules out
// nearly all of them.
//
// The messaging conventions have no status code: there, and only there, error.type decides.
func failed(span ptrace.Span) bool {
	if span.Status().Code() == ptrace.StatusCodeError {
		return true
	}
	for key, value := range span.Attributes().All() {
		switch len(key) {
		case len("http.response.status_code"):
			if key == "http.response.status_code" && httpFailure(value) {
				return true
			}
		case len("http.status_code"):
			if key == "http.status_code" && httpFailure(value) {
				return true
			}
		case len("rpc.response.status_code"):
			if key == "rpc.response.status_code" && rpcFailure(value) {
				return true
			}
		case len("rpc.grpc.status_code"):
			if key == "rpc.grpc.status_code" && grpcFailure(value) {
				return true
			}
		case len("error.type"):
			if key == "error.type" && messaging(span.Kind()) && value.Type() != pcommon.ValueTypeEmpty {
				return true
			}
		}
	}
	return false
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

// rpcFailure holds for the same codes by name. gRPC writes them in capitals, Connect in small letters.
func rpcFailure(v pcommon.Value) bool {
	if v.Type() != pcommon.ValueTypeStr {
		return false
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
