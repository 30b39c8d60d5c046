// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package status is `srectl status`: it shows the SLOs of a running collector.
package status

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// NewCommand is `srectl status`.
func NewCommand() *cobra.Command {
	const defaultEndpoint = "http://localhost:9464/metrics"
	var (
		endpoint   string
		prometheus string
		services   []string
		watch      bool
		interval   time.Duration
		format     *output.Format
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show every SLO of a running collector, worst first",
		Long: `status reads every SLO from the collector's Prometheus endpoint: its burn rate over the last hour (1x spends
the error budget exactly by the end of the window), the remaining share of the whole period's budget and how long it lasts at
this rate, how much of the period was measured, and its state: what happens now. SLOs that rules evaluate (SLIs by PromQL) are read from
Prometheus, with a row for each group.

It exits 1 if an SLO is exhausted or burning fast, 2 if the collector does not answer.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			if interval <= 0 {
				return fmt.Errorf("--interval is %v: must be above 0", interval)
			}
			source, err := newStatusSource(endpoint, services)
			if err != nil {
				return err
			}
			if source.rules, err = newRuleSource(prometheus); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if watch {
				newStatusWatch(source, cmd.OutOrStdout(), cmd.ErrOrStderr(), format.Value, interval).run(ctx)
				return nil
			}
			statuses, err := source.ask(ctx)
			if err != nil {
				return err
			}
			if source.rules.failed != nil && cmd.Flags().Changed("prometheus") {
				cmd.PrintErrln("SLOs that rules evaluate are not shown:", source.rules.failed)
			}
			if err := writeStatuses(cmd.OutOrStdout(), format.Value, statuses, terminal.Colored(cmd.OutOrStdout())); err != nil {
				return err
			}
			for _, s := range statuses {
				if s.Hint != "" && format.Value == output.Table {
					cmd.PrintErrf("%s %s: %s\n", s.qualifiedService(), s.SLO, s.Hint)
				}
			}
			if slices.ContainsFunc(statuses, func(s sloStatus) bool { return s.State.Urgent() }) {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&endpoint, "endpoint", defaultEndpoint, "the collector's Prometheus endpoint")
	flags.StringVar(&prometheus, "prometheus", defaultPrometheus, "the Prometheus whose rules evaluate SLIs by PromQL; empty: leave them out")
	flags.StringSliceVar(&services, "service", nil, "only these services: name, or namespace/name; can be repeated")
	format = output.NewFormat(flags, output.Table, output.Wide, output.JSON, output.YAML)
	flags.BoolVarP(&watch, "watch", "w", false, "refresh until Ctrl-C")
	flags.DurationVar(&interval, "interval", 2*time.Second, "refresh interval of --watch")
	return cmd
}

// writeStatuses writes the table, or an array.
func writeStatuses(out io.Writer, format string, statuses []sloStatus, colored bool) error {
	lines := statusTable(statuses, terminal.Unbounded)
	switch format {
	case output.JSON:
		return output.WriteJSON(out, statuses)
	case output.YAML:
		return output.WriteYAML(out, statuses)
	case output.Wide:
		lines = wideTable(statuses)
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.Text(terminal.Unbounded, colored) + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// newStatusSource checks the endpoint: a URL, or host:port, whose path is /metrics unless it says another.
func newStatusSource(endpoint string, services []string) (*statusSource, error) {
	full := endpoint
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("--endpoint %q is not an address: write one such as http://localhost:9464/metrics", endpoint)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
	}
	const timeout = 10 * time.Second
	return &statusSource{url: u, services: services, client: &http.Client{Timeout: timeout}}, nil
}

// A statusSource is a collector to ask.
type statusSource struct {
	url      *url.URL
	services []string // only these; none is all
	client   *http.Client
	rules    *ruleSource
}

// ask returns the SLOs, worst first: at least one, or an error with a fix.
func (s *statusSource) ask(ctx context.Context) ([]sloStatus, error) {
	body, contentType, err := s.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %s; start the collector (make run), or set its Prometheus endpoint with --endpoint",
			s.url.Redacted(), terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	statuses, err := readStatuses(body, contentType)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer with Prometheus metrics: %s; set the collector's Prometheus endpoint with --endpoint",
			s.url.Redacted(), terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	statuses = s.rules.add(ctx, statuses)
	if len(statuses) == 0 {
		return nil, fmt.Errorf("%s has no SLO metrics: wait for the first flush; if that does not help, check that the collector's catalog has an SLO and its slo processor exports to this endpoint",
			s.url.Redacted())
	}
	if len(s.services) == 0 {
		return statuses, nil
	}
	known := map[string]bool{}
	wanted := slices.DeleteFunc(statuses, func(status sloStatus) bool {
		known[status.qualifiedService()] = true
		return !slices.Contains(s.services, status.Service) && !slices.Contains(s.services, status.qualifiedService())
	})
	if len(wanted) == 0 {
		return nil, fmt.Errorf("no SLO of service %s: the services are %s", strings.Join(s.services, ", "), terminal.Printable(list(known), terminal.MaxMessage))
	}
	return wanted, nil
}

func list(set map[string]bool) string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
