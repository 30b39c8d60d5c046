// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// annotation is one of Grafana's.
type annotation struct {
	ID           int64    `json:"id,omitempty"`
	DashboardID  int64    `json:"dashboardId,omitempty"`
	DashboardUID string   `json:"dashboardUID,omitempty"`
	Time         int64    `json:"time"` // Unix milliseconds
	TimeEnd      int64    `json:"timeEnd"`
	Tags         []string `json:"tags"`
	Text         string   `json:"text"`
	Data         facts    `json:"data,omitempty"`
}

// facts are what the annotation remembers, by names of attributes. What is no JSON object is somebody else's.
type facts map[string]any

func (f *facts) UnmarshalJSON(data []byte) error {
	object := map[string]any{}
	if json.Unmarshal(data, &object) == nil {
		*f = object
	}
	return nil
}

// says reports whether both say the same to who looks at them.
func (a *annotation) says(b *annotation) bool {
	return a.Time == b.Time && a.TimeEnd == b.TimeEnd && a.Text == b.Text && slices.Equal(a.Tags, b.Tags)
}

// api is Grafana's annotations API.
type api struct {
	client   *http.Client
	base     string // ends in /api/annotations
	agent    string
	requests metric.Int64Counter
}

const (
	maxAnswer     = 4 << 20
	maxFound      = 100
	maxRetryAfter = 5 * time.Minute
)

// find returns the organization's annotations with the tag, the oldest first.
func (g *api) find(ctx context.Context, tag string) ([]*annotation, error) {
	var found []*annotation
	query := url.Values{"type": {"annotation"}, "limit": {strconv.Itoa(maxFound)}, "tags": {tag}}
	if err := g.do(ctx, http.MethodGet, "?"+query.Encode(), nil, &found); err != nil {
		return nil, err
	}
	// Grafana compares as its database does, which may not mind upper and lower case. Annotations
	// without an ID are made up from other stores; those of a dashboard are somebody else's.
	found = slices.DeleteFunc(found, func(a *annotation) bool {
		return a == nil || a.ID <= 0 || a.DashboardID != 0 || a.DashboardUID != "" || !slices.Contains(a.Tags, tag)
	})
	slices.SortFunc(found, func(a, b *annotation) int { return int(a.ID - b.ID) })
	return found, nil
}

// confirmation is Grafana's answer to a change. A page of a proxy, though its status is 200, is none.
type confirmation struct {
	ID      int64  `json:"id"`
	Message string `json:"message"`
}

func (g *api) create(ctx context.Context, a *annotation) (int64, error) {
	var done confirmation
	err := g.do(ctx, http.MethodPost, "", a, &done)
	return done.ID, err
}

func (g *api) update(ctx context.Context, id int64, a *annotation) error {
	return g.do(ctx, http.MethodPatch, "/"+strconv.FormatInt(id, 10), a, &confirmation{})
}

func (g *api) remove(ctx context.Context, id int64) error {
	return g.do(ctx, http.MethodDelete, "/"+strconv.FormatInt(id, 10), nil, &confirmation{})
}

func (g *api) do(ctx context.Context, method, path string, in *annotation, out any) error {
	var body io.Reader
	if in != nil {
		sent := *in
		sent.ID, sent.DashboardID, sent.DashboardUID = 0, 0, ""
		data, err := json.Marshal(&sent)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, g.base+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", g.agent)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := g.client.Do(request)
	if err != nil {
		g.count(ctx, method, "none")
		return fmt.Errorf("%s did not answer: %w", method, reason(err))
	}
	defer func() { _ = response.Body.Close() }()
	g.count(ctx, method, strconv.Itoa(response.StatusCode/100)+"xx")
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: the answer broke off: %w", method, err)
	}
	if response.StatusCode/100 != 2 {
		return refused(method, response, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &refusal{method: method, status: response.StatusCode, message: fmt.Sprintf("the answer is not Grafana's: %.60q", data)}
	}
	return nil
}

// reason leaves out the URL, which is long and known.
func reason(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

func (g *api) count(ctx context.Context, method, answer string) {
	g.requests.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method), attribute.String("answer", answer)))
}

// refusal is an answer that is not what was asked for.
type refusal struct {
	method     string
	status     int
	message    string // Grafana's, made fit for a log
	retryAfter time.Duration
}

func refused(method string, response *http.Response, body []byte) *refusal {
	r := &refusal{method: method, status: response.StatusCode, retryAfter: retryAfter(response.Header.Get("Retry-After"))}
	var answer confirmation
	if json.Unmarshal(body, &answer) == nil {
		r.message = fmt.Sprintf("%.200q", answer.Message)
	}
	if r.status/100 == 3 {
		r.message = fmt.Sprintf("it redirects to %.200q", response.Header.Get("Location"))
	}
	return r
}

// retryAfter takes seconds or a date. It is bounded, as a longer wait would end the retries.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(header), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, time.Until(at)), maxRetryAfter)
	}
	return 0
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("%s: %d %s", r.method, r.status, http.StatusText(r.status))
	if r.message != "" && r.message != `""` {
		text += ": " + r.message
	}
	if fix := r.fix(); fix != "" {
		text += "; " + fix
	}
	return text
}

func (r *refusal) fix() string {
	switch {
	case r.status/100 == 2, r.status/100 == 3, r.status == http.StatusNotFound, r.status == http.StatusMethodNotAllowed:
		return "make endpoint Grafana's own base URL, with the path it is served under, if any"
	case r.status == http.StatusUnauthorized:
		return "give a valid service account token by the auth extension"
	case r.status == http.StatusForbidden:
		return "the token needs annotations:read, :create, :write and :delete of the organization, as the role Editor has"
	}
	return ""
}

// permanent reports whether the same request would be refused again. A malformed answer may be that of a proxy before a
// Grafana that is just starting.
func (r *refusal) permanent() bool {
	switch {
	case r.status == http.StatusRequestTimeout, r.status == http.StatusTooManyRequests, r.gone():
		return false
	}
	return r.status/100 == 3 || r.status/100 == 4
}

// gone reports whether the annotation to be changed is there no more.
func (r *refusal) gone() bool { return r.method == http.MethodPatch && r.status == http.StatusNotFound }
