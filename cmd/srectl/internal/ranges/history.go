// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger/query"
)

// maxHistory bounds the bytes of an SLO's history: 370 days of minutes take 8 MB for each environment and group.
const maxHistory = 512 << 20

// A History is the minute history of a collector, which its status page gives.
type History struct {
	*query.History
	page    *url.URL
	client  *http.Client
	asked   func(answers int)
	answers int
}

// NewHistory is that of the collector with the status page, the value of the flag.
func NewHistory(flag, address string, strategy otlptranslator.TranslationStrategyOption) (*History, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--%s %q is not an address: write the status page's, such as http://localhost:8686", flag, terminal.Printable(address, terminal.MaxMessage))
	}
	h := &History{page: u, client: &http.Client{Timeout: timeout}}
	h.History = query.New(h.read, strategy, MaxSamples, time.Now)
	return h, nil
}

// Address is Source's.
func (h *History) Address() string { return h.page.Redacted() }

// Files is Source's: a collector's history has no rules.
func (*History) Files(context.Context) map[string]string { return nil }

// Needs is Source's.
func (*History) Needs() string {
	return "counted these SLOs, and is the one that owns them if there are several"
}

func (h *History) onAnswer(asked func(answers int)) { h.asked = asked }

// read is query.Read. One call is under way at a time.
func (h *History) read(ctx context.Context, of ledger.SLO, begin func(string, ledger.Place) error, day func([]ledger.Minute) error) error {
	body, err := h.get(ctx, of)
	if err != nil || body == nil {
		return err
	}
	defer body.Close()
	if err := ledger.Read(&limited{body, maxHistory}, begin, day); err != nil {
		return fmt.Errorf("the history of %s at %s cannot be read: %s", terminal.Label(of.Name), h.Address(), reason(err))
	}
	if h.answers++; h.asked != nil {
		h.asked(h.answers)
	}
	return nil
}

// get asks for the history of an SLO; it is nil if the collector does not follow that.
func (h *History) get(ctx context.Context, of ledger.SLO) (io.ReadCloser, error) {
	u := h.page.JoinPath("ledger", "minutes")
	u.RawQuery = url.Values{"namespace": {of.Namespace}, "service": {of.Service}, "slo": {of.Name}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := h.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the status page at %s does not answer: %s; start the collector, or set its address with --url", h.Address(), reason(err))
	}
	if response.StatusCode == http.StatusOK && strings.HasPrefix(response.Header.Get("Content-Type"), "application/x-ndjson") {
		return response.Body, nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, int64(terminal.MaxMessage))) // what there is of it
	_ = response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound && response.Header.Get(ledger.Unknown) != "":
		return nil, nil
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("the status page at %s wants credentials (HTTP status %d); put them into the URL, or ask from its own machine", h.Address(), response.StatusCode)
	}
	return nil, fmt.Errorf("the status page at %s does not give its history (HTTP status %d): %s; set --url to the status page of the collector with the slo processor, of this version or later",
		h.Address(), response.StatusCode, terminal.Printable(strings.TrimSpace(string(text)), terminal.MaxMessage))
}
