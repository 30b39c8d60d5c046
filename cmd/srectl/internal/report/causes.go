// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// maxCauses are how many causes of an SLO are shown.
const maxCauses = 5

// askCauses asks the collector what the bad events of each SLO had in common. A collector without a ledger, or of an older version, says nothing.
func (r *report) askCauses(ctx context.Context, address string, now time.Time) error {
	if address == "" {
		return nil
	}
	page, err := collector.NewPage("--url", address)
	if err != nil {
		return err
	}
	until := r.To
	if until.After(now) {
		until = now
	}
	for i := range r.SLOs {
		c := &r.SLOs[i]
		if c.Bad < 0.5 || len(c.Group) > 0 {
			continue
		}
		query := url.Values{
			"service": {c.fullName()}, "slo": {c.SLO}, "only": {"spent"}, "since": {r.From.UTC().Format(time.RFC3339)}, "until": {until.UTC().Format(time.RFC3339)},
		}
		if c.Environment != "" {
			query.Set("environment", c.Environment)
		}
		var body struct {
			Spent []struct {
				SLO string `json:"slo"`
				attribution.Answer
			} `json:"spent"`
		}
		if _, err := page.Ask(ctx, "ledger", query, &body); err != nil {
			continue
		}
		for _, one := range body.Spent {
			if one.SLO == c.SLO {
				c.Causes = one.Causes[:min(maxCauses, len(one.Causes))]
			}
		}
	}
	return nil
}

// what names the attributes of a line.
func what(line *attribution.Line) string {
	var all []string
	for _, a := range line.Attributes {
		all = append(all, a.Name+"="+a.Value)
	}
	return strings.Join(all, " and ")
}
