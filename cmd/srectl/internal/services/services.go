// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package services is `srectl services`: every service that a running collector hears of.
package services

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// NewCommand is `srectl services`.
func NewCommand() *cobra.Command {
	var address string
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "services",
		Short: "Show every service that a running collector hears of",
		Long: `services reads the status page: every service whose telemetry arrives, with or without a catalog entry, with its requests, failures and 95th
percentile of the last 5 minutes, its running versions, what it was seen to call within a day, and its SLOs and their states. SLOs that nobody
has agreed to yet, because they come from Defaults that propose them, are marked as proposed.

It exits 0 also if there are none, and 2 if the status page does not answer.`,
		Example: `  srectl services
  srectl services -o json | jq '.services[] | select(.entry | not) | .service'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			page, err := collector.NewPage("--url", address)
			if err != nil {
				return err
			}
			all, err := Load(cmd.Context(), page)
			if err != nil {
				return err
			}
			if all.Problem != "" {
				cmd.PrintErrln(all.Problem)
			}
			if format.Data() {
				return format.Write(cmd.OutOrStdout(), all.Text)
			}
			return write(cmd.OutOrStdout(), all)
		},
	}
	cmd.Flags().StringVar(&address, "url", collector.DefaultPage, "the collector's status page")
	format = output.NewFormat(cmd.Flags(), output.Table, output.JSON, output.YAML)
	return cmd
}

func write(out io.Writer, all *Services) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	lines := []string{"SERVICE\tENTRY\tENV\tREQUESTS\tFAILED\tP95\tVERSIONS\tCALLS\tSLOS"}
	without := 0
	for i := range all.Services {
		s := &all.Services[i]
		if !s.Entry && len(s.Places) > 0 {
			without++
		}
		lines = append(lines, s.lines()...)
	}
	if _, err := fmt.Fprintln(w, strings.Join(lines, "\n")); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, summary(all, without))
	return err
}

func summary(all *Services, without int) string {
	text := output.Count(len(all.Services), "service") + ", " + strconv.Itoa(without) + " without an entry"
	if all.More > 0 {
		text += fmt.Sprintf("; %d more are not shown", all.More)
	}
	if all.Overflow {
		text += "; names beyond the collector's limit are counted together as _overflow"
	}
	return text
}

// lines are one for each environment, and one for a service of which nothing arrives.
func (s *Service) lines() (lines []string) {
	entry := "no"
	if s.Entry {
		entry = "yes"
	}
	line := func(cells ...string) {
		lines = append(lines, strings.Join(append([]string{s.Name(), entry}, cells...), "\t"))
	}
	if len(s.Places) == 0 {
		line("-", "-", "-", "-", "-", s.calls(), s.slos("", true))
	}
	for i := range s.Places {
		p := &s.Places[i]
		line(terminal.OrDash(terminal.Label(p.Environment)), number(p.Rate, func(f float64) string { return strconv.FormatFloat(f, 'g', 3, 64) + "/s" }),
			number(p.Failed, func(f float64) string { return strconv.FormatFloat(100*f, 'g', 3, 64) + "%" }),
			number(p.Slowest, milliseconds), p.versions(), s.calls(), s.slos(p.Environment, false))
	}
	return lines
}

func number(n *float64, format func(float64) string) string {
	if n == nil {
		return "-"
	}
	return format(*n)
}

func milliseconds(f float64) string {
	return time.Duration(f * float64(time.Millisecond)).Round(100 * time.Microsecond).String()
}

// most is how many names a cell has.
const most = 5

// list joins names; of many only some.
func list(names []string) string {
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return terminal.OrDash(strings.Join(names, ", "))
}

func (p *Place) versions() string {
	var names []string
	for _, v := range p.Versions {
		names = append(names, terminal.Label(v.Version))
	}
	return list(names)
}

func (s *Service) calls() string {
	var names []string
	for _, c := range s.Calls {
		names = append(names, terminal.Label(c.Service))
	}
	return list(names)
}

// slos are those of the environment, or all.
func (s *Service) slos(environment string, all bool) string {
	var names []string
	for _, o := range s.SLOs {
		if all || o.Environment == environment {
			names = append(names, terminal.Label(o.SLO)+" "+terminal.Label(o.State))
		}
	}
	if s.Proposed && len(names) > 0 {
		names[0] = "proposed: " + names[0]
	}
	return list(names)
}
