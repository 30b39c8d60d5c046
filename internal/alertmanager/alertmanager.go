// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package alertmanager asks an Alertmanager, over version 2 of its API, which alerts fire and which silences there are, and adds silences.
package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// maxBody bounds an answer.
const maxBody = 32 << 20

// A Matcher is a condition on one label.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// Equal is a matcher for a value.
func Equal(name, value string) Matcher { return Matcher{Name: name, Value: value, IsEqual: true} }

// ParseMatcher reads a matcher as Alertmanager does, such as name=value or name=~"pattern".
func ParseMatcher(text string) (Matcher, error) {
	m, err := labels.ParseMatcher(text)
	if err != nil {
		return Matcher{}, fmt.Errorf("%.80q is not a matcher: write label=value", text)
	}
	return Matcher{
		Name: m.Name, Value: m.Value, IsRegex: m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp,
		IsEqual: m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp,
	}, nil
}

// String is as a filter of the API writes it.
func (m Matcher) String() string {
	operator := map[[2]bool]string{{false, true}: "=", {false, false}: "!=", {true, true}: "=~", {true, false}: "!~"}[[2]bool{m.IsRegex, m.IsEqual}]
	return m.Name + operator + strconv.Quote(m.Value)
}

// A Silence mutes the alerts that all of its matchers match.
type Silence struct {
	ID        string    `json:"id,omitempty"`
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
}

// AckPrefix begins the comment of a silence that says that someone works on it. It is the convention of karma and others: Alertmanager itself
// knows only silences.
const AckPrefix = "ACK! "

// Acknowledges reports whether it says that someone works on it.
func (s Silence) Acknowledges() bool {
	return strings.HasPrefix(s.Comment, strings.TrimSpace(AckPrefix))
}

// An Alert is one that fires.
type Alert struct {
	Labels map[string]string `json:"labels"`
	Status struct {
		State       string   `json:"state"`
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// A Client asks one Alertmanager.
type Client struct {
	Base *url.URL
	HTTP *http.Client
}

// Alerts are those that fire and that all of the matchers match, silenced ones with them.
func (c *Client) Alerts(ctx context.Context, matchers ...Matcher) (all []Alert, err error) {
	query := url.Values{}
	for _, m := range matchers {
		query.Add("filter", m.String())
	}
	err = c.do(ctx, http.MethodGet, "alerts", query, nil, &all)
	return all, err
}

// Silence is that with the ID.
func (c *Client) Silence(ctx context.Context, id string) (s Silence, err error) {
	err = c.do(ctx, http.MethodGet, "silence/"+url.PathEscape(id), nil, nil, &s)
	return s, err
}

// Add adds a silence, and returns its ID.
func (c *Client) Add(ctx context.Context, s Silence) (id string, err error) {
	var answer struct {
		ID string `json:"silenceID"`
	}
	if err := c.do(ctx, http.MethodPost, "silences", nil, s, &answer); err != nil {
		return "", err
	}
	if answer.ID == "" {
		return "", errors.New("the answer has no ID of a silence")
	}
	return answer.ID, nil
}

// ErrRefused is in the chain of the error for a request that Alertmanager refuses.
var ErrRefused = errors.New("refused")

func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return err
		}
	}
	u := c.Base.JoinPath("api/v2", path)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(payload))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.HTTP.Do(request)
	if err != nil {
		if asked, ok := errors.AsType[*url.Error](err); ok { // it repeats the URL
			err = asked.Err
		}
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w with HTTP status %d: %s", ErrRefused, response.StatusCode, strings.TrimSpace(string(text[:min(len(text), 300)])))
	}
	return json.Unmarshal(text, into)
}
