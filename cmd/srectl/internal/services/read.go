// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// DefaultPage is where a collector on this machine has its status page.
const DefaultPage = "http://localhost:8686"

// A Service is one that the collector hears of, or that its catalog names. Its texts are as they were sent: make them safe to print.
type Service struct {
	Namespace string   `json:"namespace"`
	Service   string   `json:"service"`
	Entry     bool     `json:"entry"`
	Defaults  string   `json:"defaults"`
	Proposed  bool     `json:"proposed"`
	Owner     string   `json:"owner"`
	Places    []Place  `json:"places"`
	Calls     []Call   `json:"calls"`
	SLOs      []SLO    `json:"slos"`
	DependsOn []string `json:"depends_on"`
}

// A Place is a service in an environment. What is not known is nil.
type Place struct {
	Environment string    `json:"environment"`
	Rate        *float64  `json:"rate"`             // requests per second
	Failed      *float64  `json:"failed_share"`     // of 1
	Slowest     *float64  `json:"p95_milliseconds"` // 95th percentile
	Versions    []Version `json:"versions"`
	History     *History  `json:"history"`
}

// A Version is one that runs.
type Version struct {
	Version   string `json:"version"`
	Instances int    `json:"instances"`
}

// A History is about the requests of a longer time. What is not known is nil.
type History struct {
	Requests *float64 `json:"requests"`
	Failed   *float64 `json:"failed"`
	P99      *float64 `json:"p99_milliseconds"`
}

// A Call is what a service calls. Type is "" for a direct call of a service.
type Call struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Type      string `json:"type"`
}

// An SLO is one in an environment.
type SLO struct {
	SLO         string `json:"slo"`
	Environment string `json:"environment"`
	State       string `json:"state"`
}

// Name is the service with its namespace, safe to print.
func (s *Service) Name() string {
	if s.Namespace == "" {
		return terminal.Label(s.Service)
	}
	return terminal.Label(s.Namespace + "/" + s.Service)
}

// Services are what the page says.
type Services struct {
	Services []Service `json:"services"`
	More     int       `json:"more"`
	Overflow bool      `json:"overflow"`
	// Problem says what is missing, safe to print; "" if nothing is.
	Problem string `json:"-"`
	// Text is the answer as JSON.
	Text json.RawMessage `json:"-"`
}

// maxAnswer bounds what is read of an answer: 500 services are about a megabyte.
const maxAnswer = 32 << 20

// Load asks a status page, a URL or host:port, for all services; with a history such as 7d, if it is not empty.
func Load(ctx context.Context, page, history string) (*Services, error) {
	address, err := addressOf(page)
	if err != nil {
		return nil, err
	}
	if history != "" {
		address.RawQuery = url.Values{"history": {history}}.Encode()
	}
	body, err := fetch(ctx, address.String())
	if err != nil {
		return nil, fmt.Errorf("%s does not answer as a status page: %s; start the collector (make run), or set the URL of its status page with --page",
			address.Redacted(), terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	var answer struct {
		Problem *struct{ What, Fix string }
		Data    json.RawMessage
	}
	all := &Services{}
	if err = json.Unmarshal(body, &answer); err == nil && len(answer.Data) > 0 {
		err = json.Unmarshal(answer.Data, all)
	}
	if err != nil {
		return nil, fmt.Errorf("the answer of %s cannot be read: %s; is it the status page of a collector of this version?", address.Redacted(),
			terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	if answer.Problem != nil {
		all.Problem = terminal.Printable(answer.Problem.What+" "+answer.Problem.Fix, 2*terminal.MaxMessage)
	}
	all.Text = answer.Data
	return all, nil
}

func addressOf(page string) (*url.URL, error) {
	full := page
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--page %q is not an address: write one such as %s", terminal.Printable(page, terminal.MaxLabel), DefaultPage)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/services"
	return u, nil
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err // the message names the URL already
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	return body, err
}
