// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// A prometheusLinter compares the rules of a folder with those that a Prometheus has loaded.
type prometheusLinter struct {
	*linter
	base   *url.URL
	client *http.Client
	groups []lintGroup
}

// lintPrometheus checks whether the Prometheus at an address keeps samples for as long as the rules read back,
// has loaded them, and has their series. It returns an error if Prometheus does not answer.
func (l *linter) lintPrometheus(ctx context.Context, address string) error {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return fmt.Errorf("--prometheus %q is not an address: write one such as http://localhost:9090", bare(address))
	}
	const timeout = 30 * time.Second
	p := prometheusLinter{linter: l, base: base, client: &http.Client{Timeout: timeout}, groups: l.ruleGroups()}
	for _, check := range []func(context.Context) error{p.loaded, p.kept, p.present} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// maxAPIAnswer bounds what Prometheus answers: the rules of some thousand services.
const maxAPIAnswer = 256 << 20

// notServed: there is a server, but it does not have this part of the API.
type notServed struct{ error }

// ask gets a part of the API into a value.
func (p prometheusLinter) ask(ctx context.Context, path string, query url.Values, into any) error {
	address := p.base.JoinPath("api/v1", path)
	address.RawQuery = query.Encode()
	fail := func(reason string) error {
		return fmt.Errorf("%s does not answer %s: %s; name a Prometheus with --prometheus", p.base.Redacted(), path, terminal.Printable(reason, terminal.MaxMessage))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return fail(err.Error())
	}
	response, err := p.client.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err // the message names the address already
		}
		return fail(err.Error())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAPIAnswer+1))
	switch {
	case err != nil:
		return fail(err.Error())
	case len(body) > maxAPIAnswer:
		return fail(fmt.Sprintf("the answer is longer than %d MiB", maxAPIAnswer>>20))
	case response.StatusCode == http.StatusNotFound, response.StatusCode == http.StatusMethodNotAllowed, response.StatusCode == http.StatusNotImplemented:
		return notServed{fail("HTTP status " + response.Status)}
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if json.Unmarshal(body, &answer) != nil || answer.Status == "" {
		return fail("HTTP status " + response.Status + ", which is not an answer of Prometheus' API")
	}
	if answer.Status != "success" {
		return fail(answer.Error)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		return fail(err.Error())
	}
	return nil
}

// kept compares how far the rules read back with the retention.
func (p prometheusLinter) kept(ctx context.Context) error {
	var info struct{ StorageRetention string }
	if err := p.ask(ctx, "status/runtimeinfo", nil, &info); errors.As(err, new(notServed)) {
		p.say(catalog.Warning, "it does not report its retention", "check that the retention is at least the longest window of an SLO")
		return nil
	} else if err != nil {
		return err
	}
	var retention time.Duration
	for limit := range strings.SplitSeq(info.StorageRetention, " or ") {
		if d, err := model.ParseDuration(limit); err == nil {
			retention = time.Duration(d)
		} else {
			p.say(catalog.Warning, fmt.Sprintf("it keeps samples up to a size (%s), which may be less than the SLOs need", bare(limit)), "check that this is enough for the longest window of an SLO")
		}
	}
	if retention == 0 {
		return nil
	}
	for _, group := range p.groups {
		farthest := slices.MaxFunc(group.rules, func(a, b lintedRule) int { return int(a.reach - b.reach) })
		if farthest.reach > retention {
			p.error(group.file, farthest.line, fmt.Sprintf("group %q reads back %s, but %s keeps samples for %s", bare(group.name), catalog.FormatDuration(farthest.reach), p.base.Redacted(), catalog.FormatDuration(retention)),
				"start it with --storage.tsdb.retention.time="+catalog.FormatDuration(farthest.reach)+" or more, or shorten the SLO's window: older events do not count")
		}
	}
	return nil
}

// A loadedGroup is a rule group as the API has it.
type loadedGroup struct {
	Name  string
	Rules []loadedRule
}

type loadedRule struct {
	Name, Query, Health, LastError string
	// Duration and KeepFiringFor are in seconds: for and keep_firing_for of an alert.
	Duration, KeepFiringFor *float64
	Labels                  map[string]string
}

// loaded checks whether Prometheus has the rules of the folder, and whether it can evaluate them.
func (p prometheusLinter) loaded(ctx context.Context) error {
	var answer struct{ Groups []loadedGroup }
	if err := p.ask(ctx, "rules", url.Values{"exclude_alerts": {"true"}}, &answer); err != nil {
		return err
	}
	there := map[string][]loadedGroup{}
	for _, g := range answer.Groups {
		there[g.Name] = append(there[g.Name], g)
	}
	for _, group := range p.groups {
		i := slices.IndexFunc(there[group.name], group.is)
		switch {
		case len(there[group.name]) == 0:
			p.error(group.file, group.line, fmt.Sprintf("group %q is not loaded in %s", bare(group.name), p.base.Redacted()), "add the file to its rule_files, and reload it")
		case i < 0:
			p.error(group.file, group.line, fmt.Sprintf("group %q has other rules in %s", bare(group.name), p.base.Redacted()), "load this file, and reload it")
		default:
			for n, rule := range there[group.name][i].Rules {
				if rule.Health == "err" {
					p.error(group.file, group.rules[n].line, fmt.Sprintf("%s fails in %s: %s", bare(rule.Name), p.base.Redacted(), terminal.Printable(rule.LastError, maxRuleError)), "fix the query, or the series that it reads")
				}
			}
		}
	}
	return nil
}

// shortly is the range in which series must exist.
const shortly = time.Hour

// present checks whether series that no rule records exist.
func (p prometheusLinter) present(ctx context.Context) error {
	recorded, asked := map[string]bool{}, map[string]bool{}
	for _, group := range p.groups {
		for _, rule := range group.rules {
			recorded[rule.name] = true
		}
	}
	now := time.Now()
	for _, group := range p.groups {
		for _, rule := range group.rules {
			for _, series := range rule.reads {
				if recorded[series.metric] || asked[series.selector] || lazy(series.metric) {
					continue
				}
				asked[series.selector] = true
				var found []map[string]string
				query := url.Values{"match[]": {series.selector}, "limit": {"1"},
					"start": {now.Add(-shortly).UTC().Format(time.RFC3339)}, "end": {now.UTC().Format(time.RFC3339)}}
				if err := p.ask(ctx, "series", query, &found); err != nil {
					return err
				}
				if len(found) == 0 {
					p.add(catalog.Warning, group.file, rule.line, fmt.Sprintf("%s reads %s, of which %s has had no series for an hour", bare(rule.name), terminal.Printable(series.selector, maxRuleError), p.base.Redacted()),
						"check that it is scraped under this name (generate --translation); a series that begins with the first failure may be absent")
				}
			}
		}
	}
	return nil
}

// lazy reports series that do not exist before something happens: counters of the collector before their first increment, and ALERTS before an alert is pending.
func lazy(metric string) bool {
	return metric == "ALERTS" || strings.HasPrefix(metric, "otelcol_") && metric != "otelcol_process_uptime"
}

// say adds a problem without a file.
func (p prometheusLinter) say(severity catalog.Severity, message, fix string) {
	p.problems = append(p.problems, catalog.Problem{Severity: severity, Message: message, Fix: fix, Position: catalog.Position{File: p.base.Redacted()}})
}
