// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

const protobufType = "application/x-protobuf"

type httpExporter struct {
	client *http.Client
	target *target
}

func newHTTPExporter(t *target) *httpExporter {
	return &httpExporter{target: t, client: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: t.tls, ForceAttemptHTTP2: true},
		// The headers are secrets of this endpoint, not of where it points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (e *httpExporter) close() { e.client.CloseIdleConnections() }

func (e *httpExporter) export(ctx context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	response := plogotlp.NewExportResponse()
	body, err := request.MarshalProto()
	if err != nil {
		return response, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, e.target.url.String(), bytes.NewReader(body))
	if err != nil {
		return response, err
	}
	for _, header := range e.target.headers {
		post.Header.Add(header[0], header[1])
	}
	post.Header.Set("Content-Type", protobufType)
	answer, err := e.client.Do(post)
	if err != nil {
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			return response, err
		}
		return response, errTransient{error: err}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return response, errTransient{error: err}
	}
	if answer.StatusCode/100 != 2 {
		return response, refusal(answer, text)
	}
	// A portal or a proxy also answers 200 without accepting the event.
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if kind != protobufType || response.UnmarshalProto(text) != nil {
		return response, fmt.Errorf("%s does not speak OTLP: it answers %s with %q", e.target.url.Host, answer.Status, kind)
	}
	return response, nil
}

// refusal is the error of an answer that is none of success.
func refusal(answer *http.Response, text []byte) error {
	err := errors.New("HTTP " + answer.Status)
	if reason := statusMessage(text); reason != "" && strings.HasPrefix(answer.Header.Get("Content-Type"), protobufType) {
		err = fmt.Errorf("%w: %s", err, reason)
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return errTransient{err, time.Duration(max(seconds, 0)) * time.Second}
	}
	return err
}

// statusMessage is the message of a google.rpc.Status, which OTLP servers answer with.
func statusMessage(text []byte) string {
	const message protowire.Number = 2
	for len(text) > 0 {
		number, kind, n := protowire.ConsumeTag(text)
		if n < 0 {
			return ""
		}
		text = text[n:]
		if number == message && kind == protowire.BytesType {
			value, _ := protowire.ConsumeString(text)
			return value
		}
		if n = protowire.ConsumeFieldValue(number, kind, text); n < 0 {
			return ""
		}
		text = text[n:]
	}
	return ""
}
