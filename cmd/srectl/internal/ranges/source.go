// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"context"

	"github.com/prometheus/otlptranslator"
	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// A Source has the past: a [Server], or a [History].
type Source interface {
	replay.Source
	// Address is where it is, without a password.
	Address() string
	// Files are the rule files of the groups that it has loaded, by group.
	Files(ctx context.Context) map[string]string
	// Asks reports whether any query can be asked, not only about the events of SLOs.
	Asks() bool
	// Needs says what it has to have.
	Needs() string
	// Forget frees the memory of all answers.
	Forget()

	onAnswer(asked func(answers int))
}

// A Place is the flags --prometheus and --url.
type Place struct{ prometheus, url string }

// Flags adds the flags, of which one can be set.
func (p *Place) Flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.prometheus, "prometheus", "http://localhost:9090", "the Prometheus, such as the collector's own, or another server with its API")
	flags.StringVar(&p.url, "url", "", "ask the minute history of the collector with this status page, such as http://localhost:8686, instead of a Prometheus")
	cmd.MarkFlagsMutuallyExclusive("prometheus", "url")
}

// Page is the address of the status page that is asked, with its password; "" if it is a Prometheus.
func (p *Place) Page() string { return p.url }

// Source is the one that the flags name. The strategy names its metrics.
func (p *Place) Source(strategy otlptranslator.TranslationStrategyOption) (Source, error) {
	if p.url != "" {
		return NewHistory("url", p.url, strategy)
	}
	return New("prometheus", p.prometheus)
}
