// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// GetHTTPHandler corrects the answers to refused requests.
func (l *limits) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := &limitedBody{ReadCloser: r.Body}
			r.Body = body
			next.ServeHTTP(&answer{ResponseWriter: w, limits: l, request: r, body: body}, r)
		}), nil
	}, nil
}

// limitedBody remembers the limit that a body exceeds.
type limitedBody struct {
	io.ReadCloser
	exceeded int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		b.exceeded = tooLarge.Limit
	}
	return n, err
}

// answer replaces the answer to a body above the limit, and adds Retry-After to one that asks the client to wait.
type answer struct {
	http.ResponseWriter
	limits   *limits
	request  *http.Request
	body     *limitedBody
	replaced bool
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(code int) {
	switch {
	case code == http.StatusBadRequest && a.body.exceeded > 0 && !a.replaced:
		a.replaced = true
		a.tooLarge()
		return
	case code == http.StatusServiceUnavailable || code == http.StatusTooManyRequests:
		a.limits.count("busy")
		if a.Header().Get("Retry-After") == "" {
			a.Header().Set("Retry-After", strconv.Itoa(int(a.limits.config.RetryAfter/time.Second)))
		}
	}
	a.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(text []byte) (int, error) {
	if a.replaced {
		return len(text), nil
	}
	return a.ResponseWriter.Write(text)
}

// tooLarge answers as OTLP has it: with a status in the format of the request. Clients log its message.
func (a *answer) tooLarge() {
	a.limits.count("too_large")
	reason := status.Newf(codes.InvalidArgument, "the body has more than %d bytes after decompression: send smaller batches, or raise max_request_body_size of the receiver",
		a.body.exceeded).Proto()
	kind, text, err := "application/x-protobuf", []byte(nil), error(nil)
	if got, _, _ := mime.ParseMediaType(a.request.Header.Get("Content-Type")); got == "application/json" {
		kind = got
		text, err = protojson.Marshal(reason)
	} else {
		text, err = proto.Marshal(reason)
	}
	if err != nil { // a status of a number and a text can always be written
		kind, text = "text/plain; charset=utf-8", fmt.Append(nil, reason.GetMessage())
	}
	a.Header().Set("Content-Type", kind)
	a.Header().Del("Content-Length")
	a.ResponseWriter.WriteHeader(http.StatusRequestEntityTooLarge)
	_, _ = a.ResponseWriter.Write(text) // the client's loss
}

func (l *limits) count(reason string) {
	l.telemetry.ExtensionServerLimitsRefused.Add(context.Background(), 1, metric.WithAttributes(attribute.String("reason", reason)))
}
