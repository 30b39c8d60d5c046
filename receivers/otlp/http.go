// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// contentType is the media type of a request, without its parameters; empty if there is none.
func contentType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

type decoder interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

type encoder interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

// An endpoint answers the requests of one signal.
type endpoint[Request decoder, Response encoder] struct {
	*intake
	empty  func() Request
	export func(context.Context, Request) (Response, error)
}

func (e endpoint[Request, Response]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		write(w, "text/plain", http.StatusMethodNotAllowed, fmt.Appendf(nil, "%v method not allowed, supported: [POST]", http.StatusMethodNotAllowed))
		return
	}
	kind := contentType(r)
	if kind != protobufType && kind != jsonType {
		write(w, "text/plain", http.StatusUnsupportedMediaType, fmt.Appendf(nil, "%v unsupported media type, supported: [%s, %s]",
			http.StatusUnsupportedMediaType, jsonType, protobufType))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = r.Body.Close()
	}
	if err != nil {
		e.refuseBody(w, r, err)
		return
	}
	request := e.empty()
	if kind == jsonType {
		err = request.UnmarshalJSON(body)
	} else {
		err = request.UnmarshalProto(body)
	}
	if err != nil {
		e.refuse(w, r, http.StatusBadRequest, status.New(codes.InvalidArgument, err.Error()))
		return
	}
	response, err := e.export(r.Context(), request)
	if err != nil {
		code := httpCode(status.Code(err))
		if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			e.count("busy")
		}
		e.refuse(w, r, code, status.Convert(err))
		return
	}
	var answer []byte
	if kind == jsonType {
		answer, err = response.MarshalJSON()
	} else {
		answer, err = response.MarshalProto()
	}
	if err != nil {
		e.refuse(w, r, http.StatusInternalServerError, status.New(codes.Internal, err.Error()))
		return
	}
	write(w, kind, http.StatusOK, answer)
}

// noPath names the paths that there are: a wrong one is in many clients' first configuration.
func noPath(w http.ResponseWriter, r *http.Request, config *otlpreceiver.HTTPConfig) {
	write(w, "text/plain; charset=utf-8", http.StatusNotFound, fmt.Appendf(nil, "there is no path %.100q here: send traces to %s, metrics to %s and logs to %s\n",
		r.URL.Path, config.TracesURLPath, config.MetricsURLPath, config.LogsURLPath))
}

// refuseBody says why a body could not be read.
func (in *intake) refuseBody(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		in.count("too_large")
		in.refuse(w, r, http.StatusRequestEntityTooLarge, status.Newf(codes.InvalidArgument,
			"the body has more than %d bytes after decompression: send smaller batches, or raise max_request_body_size of the receiver", tooLarge.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		in.count("slow")
		in.refuse(w, r, http.StatusServiceUnavailable, status.New(codes.Unavailable,
			"the body did not arrive in time: send it again, in smaller batches if the network is slow"))
	default:
		in.refuse(w, r, http.StatusBadRequest, status.New(codes.InvalidArgument, err.Error()))
	}
}

// refuseEncoding is for bodies whose compression cannot be read.
func (in *intake) refuseEncoding(w http.ResponseWriter, r *http.Request, reason string, code int) {
	in.refuse(w, r, code, status.New(codes.InvalidArgument, reason))
}

// refuse answers with a status in the encoding of the request, and with the time after which another try makes sense.
// Source: OpenTelemetry protocol specification, OTLP/HTTP failures and throttling.
func (in *intake) refuse(w http.ResponseWriter, r *http.Request, code int, reason *status.Status) {
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		after := in.config.RetryAfter
		for _, detail := range reason.Details() {
			if retry, ok := detail.(*errdetails.RetryInfo); ok {
				after = retry.GetRetryDelay().AsDuration()
			}
		}
		w.Header().Set("Retry-After", strconv.FormatInt(int64(after/time.Second), 10))
	}
	kind, marshal := jsonType, protojson.Marshal
	if contentType(r) == protobufType {
		kind, marshal = protobufType, proto.Marshal
	}
	text, err := marshal(reason.Proto())
	if err != nil { // a message that is not UTF-8
		kind, text = "text/plain; charset=utf-8", []byte(reason.Message())
	}
	write(w, kind, code, text)
}

func write(w http.ResponseWriter, kind string, code int, text []byte) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(text) //nolint:gosec // no answer is HTML; an error says that the client has gone
}

// httpCode is the code over HTTP for one of gRPC: a client may send again what it may send again over gRPC.
// Source: OpenTelemetry protocol specification, retryable codes of OTLP/gRPC and OTLP/HTTP.
func httpCode(code codes.Code) int {
	switch code {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return http.StatusServiceUnavailable
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.Unimplemented:
		return http.StatusNotFound
	default:
		return http.StatusInternalServerError
	}
}
