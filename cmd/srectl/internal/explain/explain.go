// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package explain is `srectl explain`: it says which requests ate the error budget of a service.
package explain

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// A spent is what ate the budget of an SLO, as the page has it.
type spent struct {
	SLO         string `json:"slo"`
	Environment string `json:"environment"`
	Window      string `json:"window"`
	attribution.Answer
	// ByIncident is what incidents spent. With the next two, they add up; without any, none are known there.
	ByIncident []inIncident `json:"by_incident,omitempty"`
	Others     float64      `json:"other_incidents,omitempty"`
	Outside    float64      `json:"outside_of_incidents,omitempty"`
}

// An inIncident is what was spent in an incident.
type inIncident struct {
	ID    string    `json:"id"`
	Path  string    `json:"path"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Bad   float64   `json:"bad"`
	OfBad float64   `json:"share_of_bad"`
}

type options struct{ address, since, until, window, environment string }

// NewCommand is `srectl explain`.
func NewCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "explain SERVICE [SLO]",
		Short: "Say which requests ate the error budget",
		Long: `explain asks the ledger of bad events what those of a service have in common that the others do not: a version, a route, a tenant, an instance, or a pair
of them. Each SLO has a sentence, and a line for each cause: how many of the bad events have it, its share of the traffic, how often it fails and how
often the rest does, and since when. Two more tables say what each version and each incident spent. -o wide adds every attribute with all that failed by its values: they add up. If requests take longer than in the
hour before, the last line says where most of that time goes: in which service, or on the way to it.

SERVICE is service.name, or NAMESPACE/NAME if several services have the name. It exits 1 if there is no such service or nothing of it is in the
ledger, and 2 if the status page does not answer.`,
		Example: `  srectl explain checkout
  srectl explain checkout availability --since 20m -o wide
  srectl explain shop/checkout --window period -o json`,
		Args: cobra.RangeArgs(1, 2),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.address, "url", collector.DefaultPage, "the collector's status page")
	flags.StringVar(&o.since, "since", "", "from then on, such as 2026-11-21T03:00:00Z, or for so long, such as 1h (default: 1h)")
	flags.StringVar(&o.until, "until", "", "until then, such as 2026-11-21T03:30:00Z, or so long ago, with --since (default: now)")
	flags.StringVar(&o.window, "window", "", "in place of --since: 5m, 1h, 1d, or period (that of the objective)")
	flags.StringVar(&o.environment, "environment", "", "only this environment (default: all)")
	format := output.NewFormat(flags, output.Table, output.Wide, output.JSON, output.YAML)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := format.Check(); err != nil {
			return err
		}
		query, err := o.query(args)
		if err != nil {
			return err
		}
		page, err := collector.NewPage("--url", o.address)
		if err != nil {
			return err
		}
		var body struct {
			Spent []spent `json:"spent"`
			Slow  *struct {
				Text string `json:"text"`
			} `json:"slow_because"`
		}
		problem, err := page.Ask(cmd.Context(), "ledger", query, &body)
		if errors.Is(err, collector.ErrNotFound) {
			cmd.PrintErrln(terminal.Printable(err.Error(), 2*terminal.MaxMessage))
			return exit.ErrNotOK
		}
		if err != nil {
			return err
		}
		if problem != "" {
			cmd.PrintErrln(problem)
		}
		if format.Data() {
			err = format.Write(cmd.OutOrStdout(), append([]spent{}, body.Spent...))
		} else {
			err = write(cmd.OutOrStdout(), body.Spent, format.Value == output.Wide)
			if err == nil && body.Slow != nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "\n%s\n", terminal.Printable(body.Slow.Text, maxText))
			}
		}
		if err == nil && len(body.Spent) == 0 {
			err = exit.ErrNotOK
		}
		return err
	}
	return cmd
}

func (o *options) query(args []string) (url.Values, error) {
	switch {
	case strings.TrimSpace(args[0]) == "":
		return nil, errors.New("the service is empty: name one, such as checkout")
	case o.window != "" && o.since+o.until != "":
		return nil, errors.New("--window and --since are two times: write one of them")
	case o.window != "" && !slices.Contains([]string{"5m", "1h", "1d", "period"}, o.window):
		return nil, errors.New("--window is not known: write 5m, 1h, 1d or period, or use --since")
	case o.until != "" && o.since == "":
		return nil, errors.New("--since is missing: write it, too")
	}
	query := url.Values{"service": {args[0]}, "only": {"spent"}}
	if o.window+o.since == "" {
		o.window = "1h"
	}
	for key, value := range map[string]string{"window": o.window, "since": o.since, "until": o.until, "environment": o.environment} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if len(args) > 1 {
		query.Set("slo", args[1])
	}
	return query, nil
}
