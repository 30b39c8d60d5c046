// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package collector asks a running collector: its status page and its own metrics.
package collector

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// DefaultPage is where the built-in configs serve the status page.
const DefaultPage = "http://localhost:8686"

const (
	timeout = 10 * time.Second
	// maxBody holds what a thousand services send.
	maxBody = 64 << 20
)

// A Page is a status page.
type Page struct {
	URL    *url.URL
	client *http.Client
}

// NewPage checks the address of a page: a URL, or host:port. flag names it in the error.
func NewPage(flag, address string) (*Page, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s %q is not an address: write the status page's, such as %s", flag, terminal.Printable(address, terminal.MaxLabel), DefaultPage)
	}
	return &Page{u, &http.Client{Timeout: timeout}}, nil
}

// ErrNotFound is the answer of a page that does not have what was asked for.
var ErrNotFound = errors.New("not found")

// Get reads the data of a path into a value. The error has a fix. The problem, which is safe to print, says what is missing of the data; it is empty if
// nothing is.
func (p *Page) Get(ctx context.Context, path string, into any) (problem string, err error) {
	return p.Ask(ctx, path, nil, into)
}

// Ask is Get with a query.
func (p *Page) Ask(ctx context.Context, path string, query url.Values, into any) (problem string, err error) {
	address := p.URL.JoinPath(path)
	address.RawQuery = query.Encode()
	return p.answer(ctx, http.MethodGet, address.String(), http.NoBody, into)
}

// Send sends a form to a path, and decodes the answer's data into v.
func (p *Page) Send(ctx context.Context, path string, form url.Values, into any) (problem string, err error) {
	return p.answer(ctx, http.MethodPost, p.URL.JoinPath(path).String(), strings.NewReader(form.Encode()), into)
}

func (p *Page) answer(ctx context.Context, method, address string, form io.Reader, into any) (problem string, err error) {
	body, status, err := exchange(ctx, p.client, method, address, "application/json", form)
	if err != nil {
		fix := "start the collector (make run), or set its address with --url"
		if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
			fix = "use a name that is in its certificate, or trust its authority with SSL_CERT_FILE"
		}
		return "", fmt.Errorf("the status page at %s does not answer: %s; %s", p.URL.Redacted(), reason(err), fix)
	}
	var answer struct {
		Problem struct {
			What string `json:"what"`
			Fix  string `json:"fix"`
		} `json:"problem"`
		Data json.RawMessage `json:"data"`
	}
	err = json.Unmarshal(body, &answer)
	switch {
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && answer.Problem.What == "":
		return "", fmt.Errorf("the status page at %s wants credentials (HTTP status %d); put them into the URL, or ask from its own machine", p.URL.Redacted(), status)
	case err != nil:
		return "", fmt.Errorf("%s does not answer as a status page does (HTTP status %d); set the address of the collector's status page with --url", p.URL.Redacted(), status)
	case status == http.StatusNotFound && answer.Problem.What != "":
		return "", fmt.Errorf("%w: %s %s", ErrNotFound, terminal.Printable(answer.Problem.What, terminal.MaxMessage), terminal.Printable(answer.Problem.Fix, terminal.MaxMessage))
	case status != http.StatusOK && status != http.StatusCreated:
		return "", fmt.Errorf("the status page at %s answers with HTTP status %d: %s", p.URL.Redacted(), status, terminal.Printable(answer.Problem.What+" "+answer.Problem.Fix, terminal.MaxMessage))
	}
	if answer.Problem.What != "" {
		problem = terminal.Printable(answer.Problem.What+" "+answer.Problem.Fix, 2*terminal.MaxMessage)
	}
	return problem, p.Decode(answer.Data, into)
}

// Decode reads data of the page into a value. The error has a fix.
func (p *Page) Decode(data json.RawMessage, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the status page at %s is of another version: %s; use the srectl of its version", p.URL.Redacted(), reason(err))
	}
	return nil
}

// reason is an error without the URL, which the message has already.
func reason(err error) string {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return terminal.Printable(err.Error(), terminal.MaxMessage)
}

func fetch(ctx context.Context, client *http.Client, address, accept string) (body []byte, status int, err error) {
	return exchange(ctx, client, http.MethodGet, address, accept, http.NoBody)
}

// exchange sends a request, with a form unless it has no body.
func exchange(ctx context.Context, client *http.Client, method, address, accept string, form io.Reader) (body []byte, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, form)
	if err != nil {
		return nil, 0, err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", accept)
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("the answer is longer than %d MiB", maxBody>>20)
	}
	return body, response.StatusCode, err
}

// Incident is the ID in an argument, and the status page, if it is the address of the incident's page.
func Incident(argument string) (id, base string) {
	u, err := url.Parse(argument)
	if err != nil || u.Host == "" || path.Base(path.Dir(u.Path)) != "incidents" {
		return argument, ""
	}
	id, u.Path, u.RawQuery, u.Fragment = path.Base(u.Path), strings.TrimSuffix(path.Dir(path.Dir(u.Path)), "/"), "", ""
	return id, u.String()
}
