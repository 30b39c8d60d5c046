// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
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
			done := l.inflight.add(func() {
				// A body that is not complete yet ends in an error. An answer is not affected.
				_ = http.NewResponseController(w).SetReadDeadline(time.Now())
			})
			defer done()
			next.ServeHTTP(&answer{ResponseWriter: w, limits: l, request: r, body: body}, r)
		}), nil
	}, nil
}

// limitedBody remembers why a body cannot be read: it exceeds the limit, or it does not arrive in time.
type limitedBody struct {
	io.ReadCloser
	exceeded int64
	late     bool
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		b.exceeded = tooLarge.Limit
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.late = true
	}
	return n, err
}

// answer replaces the receiver's answer to a body that cannot be read, and adds Retry-After to one that asks the client to wait.
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
	case code == http.StatusBadRequest && a.body.exceeded > 0:
		a.limits.count("too_large")
		a.replace(http.StatusRequestEntityTooLarge, status.Newf(codes.InvalidArgument,
			"the body has more than %d bytes after decompression: send smaller batches, or raise max_request_body_size of the receiver", a.body.exceeded))
	case code == http.StatusBadRequest && a.body.late:
		a.limits.count("slow")
		a.retryAfter()
		a.replace(http.StatusServiceUnavailable, status.New(codes.Unavailable, "the body did not arrive in time: send it again, in smaller batches if the network is slow"))
	case code == http.StatusServiceUnavailable || code == http.StatusTooManyRequests:
		a.limits.count("busy")
		a.retryAfter()
		a.ResponseWriter.WriteHeader(code)
	default:
		a.ResponseWriter.WriteHeader(code)
	}
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(text []byte) (int, error) {
	if a.replaced {
		return len(text), nil
	}
	return a.ResponseWriter.Write(text)
}

func (a *answer) retryAfter() {
	if a.Header().Get("Retry-After") == "" {
		a.Header().Set("Retry-After", strconv.Itoa(int(a.limits.config.RetryAfter/time.Second)))
	}
}

// replace answers as OTLP has it: with a status in the format of the request. Clients log its message.
func (a *answer) replace(code int, reason *status.Status) {
	a.replaced = true
	kind, marshal := "application/x-protobuf", proto.Marshal
	if got, _, _ := mime.ParseMediaType(a.request.Header.Get("Content-Type")); got == "application/json" {
		kind, marshal = got, protojson.Marshal
	}
	text, err := marshal(reason.Proto())
	if err != nil { // a status of a number and a text can always be written
		kind, text = "text/plain; charset=utf-8", []byte(reason.Message())
	}
	a.Header().Set("Content-Type", kind)
	a.ResponseWriter.WriteHeader(code)
	_, _ = a.ResponseWriter.Write(text) // the client's loss
}

func (l *limits) count(reason string) {
	l.telemetry.ExtensionServerLimitsRefused.Add(context.Background(), 1, metric.WithAttributes(attribute.String("reason", reason)))
}
