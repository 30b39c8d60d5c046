// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/consumer/consumererror"
	status "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// An HTTP sends encoded requests of one signal to a server by OTLP over HTTP.
type HTTP struct {
	config   confighttp.ClientConfig
	url      string
	shown    string // is the address without what may be secret in it
	signal   Signal
	settings component.TelemetrySettings
	agent    string // that the server sees
	client   *http.Client
}

// NewHTTP returns a client that is not connected yet.
func NewHTTP(config confighttp.ClientConfig, to *url.URL, s Signal, set component.TelemetrySettings, build component.BuildInfo) *HTTP {
	return &HTTP{config: config, url: to.String(), shown: shown(to), signal: s, settings: set, agent: agentOf(build)}
}

// Start prepares the client; it connects with the first request.
func (c *HTTP) Start(ctx context.Context, host component.Host) (err error) {
	c.client, err = c.config.ToClient(ctx, host.GetExtensions(), c.settings)
	return err
}

// Shutdown closes idle connections.
func (c *HTTP) Shutdown(context.Context) error {
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
	return nil
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

const protobufType = "application/x-protobuf"

// Export sends the chunks as one request. The error is permanent if sending them again is of no use.
func (c *HTTP) Export(ctx context.Context, chunks []Chunk) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(Joined(chunks)))
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request.Header.Set("Content-Type", protobufType)
	request.Header.Set("User-Agent", c.agent)
	response, err := c.client.Do(request)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			failed.URL = c.shown
		}
		return fmt.Errorf("the request cannot be sent: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return refusal(c.shown, response, answer)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if json := kind == "application/json"; err == nil && len(answer) > 0 && (json || kind == protobufType) {
		c.signal.partial(answer, json, c.settings.Logger)
	}
	return nil
}

// shown is an address without user, password and query.
func shown(to *url.URL) string {
	plain := *to
	plain.User, plain.RawQuery = nil, ""
	return plain.String()
}

// refusal is the error of an answer: whether and when to send again, and why.
// Source: OpenTelemetry protocol specification, OTLP/HTTP failures and throttling.
func refusal(to string, response *http.Response, answer []byte) error {
	err := fmt.Errorf("%s answered %s", to, response.Status)
	var reason status.Status
	if proto.Unmarshal(answer, &reason) == nil && reason.GetMessage() != "" {
		err = fmt.Errorf("%w: %.500s", err, reason.GetMessage())
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if delay, ok := retryAfter(response.Header.Get("Retry-After")); ok {
			return &PausedError{err, delay}
		}
		return err
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return err
	default:
		return consumererror.NewPermanent(err)
	}
}

// retryAfter reads the header of that name: seconds, or a date. Source: RFC 9110, section 10.2.3.
func retryAfter(value string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(time.Until(date), 0), true
	}
	return 0, false
}
