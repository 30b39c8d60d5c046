// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package silence is `srectl silence`: it silences or acknowledges the alerts of a service in an Alertmanager.
package silence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/alertmanager"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

const (
	timeout = 10 * time.Second
	// longestSilence bounds --for.
	longestSilence = 30 * 24 * time.Hour
	maxComment     = 1000
	maxShown       = 20
)

// options are the flags.
type options struct {
	alertmanager, namespace, slo, environment, alert, length, comment, author string
	match                                                                     []string
	acknowledge, dryRun, force                                                bool
	now                                                                       func() time.Time
}

// NewCommand is `srectl silence`.
func NewCommand() *cobra.Command {
	o := options{now: time.Now}
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "silence SERVICE",
		Short: "Silence or acknowledge the alerts of a service in an Alertmanager",
		Long: `silence adds a silence to an Alertmanager for the alerts of a service that fire, and says what the runbooks say of it: how long it may last, and which
alerts stay active. It refuses to silence longer than the runbook allows, or what does not fire, unless --force says so.

--ack is for an incident that someone works on: the comment begins with "ACK! ", by which pages tell it from a silence.

It exits 1 if no alert fires that would be silenced, or if the guard of the runbook refuses, and 2 if the Alertmanager does not answer.`,
		Example: `  srectl silence checkout --comment "the bank is down, INC-42" --dry-run
  srectl silence checkout --slo availability --for 30m --ack --comment "I roll back 1.4.2"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			return o.run(cmd, args[0], format)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.alertmanager, "alertmanager", "http://localhost:9093", "base URL of the Alertmanager")
	flags.StringVar(&o.namespace, "namespace", "", "service.namespace of the service")
	flags.StringVar(&o.slo, "slo", "", "only alerts of this SLO")
	flags.StringVar(&o.environment, "environment", "", "only alerts of this environment")
	flags.StringVar(&o.alert, "alert", "", "only this alert, such as ErrorBudgetBurnCritical")
	flags.StringArrayVar(&o.match, "match", nil, "another matcher, such as tenant=acme; may be repeated")
	flags.StringVar(&o.length, "for", "", "how long, such as 30m (default: what the runbooks of the alerts allow)")
	flags.StringVar(&o.comment, "comment", "", "what is wrong, who works on it, where; required")
	flags.StringVar(&o.author, "author", "", "who silences (default: the user)")
	flags.BoolVar(&o.acknowledge, "ack", false, "acknowledge: someone works on it")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would be silenced")
	flags.BoolVar(&o.force, "force", false, "silence longer than the runbook allows, or what does not fire")
	format = output.NewFormat(flags, output.Table, output.JSON, output.YAML)
	return cmd
}

// A Result is what was done, or would be.
type Result struct {
	ID       string               `json:"id,omitempty"`
	Silence  alertmanager.Silence `json:"silence"`
	Alerts   []map[string]string  `json:"alerts"`
	Longest  string               `json:"longest"`
	Notes    []string             `json:"notes"`
	DryRun   bool                 `json:"dry_run"`
	Refusals []string             `json:"refusals,omitempty"`
}

func (o *options) run(cmd *cobra.Command, service string, format *output.Format) error {
	client, matchers, err := o.check(service)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
	defer cancel()
	firing, err := client.Alerts(ctx, matchers...)
	if err != nil {
		return o.unanswered(client, err)
	}
	result, err := o.plan(matchers, firing)
	if err != nil {
		return err
	}
	if len(result.Refusals) == 0 && !o.dryRun {
		if result.ID, err = client.Add(ctx, result.Silence); err != nil {
			return o.unanswered(client, err)
		}
	}
	if format.Data() {
		err = format.Write(cmd.OutOrStdout(), result)
	} else {
		err = result.write(cmd, client.Base)
	}
	if err == nil && len(result.Refusals) > 0 {
		err = exit.ErrNotOK
	}
	return err
}

func (*options) unanswered(client *alertmanager.Client, err error) error {
	if errors.Is(err, alertmanager.ErrRefused) {
		return fmt.Errorf("the Alertmanager at %s has %s", client.Base.Redacted(), terminal.Printable(err.Error(), 2*terminal.MaxMessage))
	}
	return fmt.Errorf("the Alertmanager at %s does not answer: %s; set its address with --alertmanager", client.Base.Redacted(), terminal.Printable(err.Error(), terminal.MaxMessage))
}

// check reads the flags.
func (o *options) check(service string) (*alertmanager.Client, []alertmanager.Matcher, error) {
	base, err := url.Parse(o.alertmanager)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.Fragment != "" {
		return nil, nil, fmt.Errorf("--alertmanager %q is not a base URL: write that of its page, such as http://localhost:9093", terminal.Printable(o.alertmanager, terminal.MaxLabel))
	}
	switch {
	case strings.TrimSpace(o.comment) == "":
		return nil, nil, errors.New("--comment is missing: say what is wrong, who works on it, and where")
	case len([]rune(o.comment)) > maxComment:
		return nil, nil, fmt.Errorf("--comment is longer than %d characters: shorten it", maxComment)
	case strings.TrimSpace(service) == "":
		return nil, nil, errors.New("the service is empty: name one, such as checkout")
	}
	if o.author == "" {
		who, err := user.Current()
		if err != nil {
			return nil, nil, errors.New("the name of the user is not known: set --author")
		}
		o.author = cmp.Or(who.Username, who.Name)
	}
	matchers := []alertmanager.Matcher{alertmanager.Equal("service_name", service)}
	for _, one := range [][2]string{{"service_namespace", o.namespace}, {"slo_name", o.slo}, {"environment", o.environment}, {"alertname", o.alert}} {
		if one[1] != "" {
			matchers = append(matchers, alertmanager.Equal(one[0], one[1]))
		}
	}
	for _, text := range o.match {
		m, err := alertmanager.ParseMatcher(text)
		if err != nil {
			return nil, nil, fmt.Errorf("--match: %w", err)
		}
		matchers = append(matchers, m)
	}
	return &alertmanager.Client{Base: base, HTTP: &http.Client{Timeout: timeout}}, matchers, nil
}

// plan is the silence, with what the runbooks say of it.
func (o *options) plan(matchers []alertmanager.Matcher, firing []alertmanager.Alert) (*Result, error) {
	result := &Result{Alerts: []map[string]string{}, Notes: []string{}, DryRun: o.dryRun}
	longest := longestSilence
	for _, a := range firing {
		result.Alerts = append(result.Alerts, a.Labels)
		allowed, stays := runbooks.Silence(cmp.Or(a.Labels["slo_alert"], a.Labels["alertname"]))
		longest = min(longest, allowed)
		if note := a.Labels["alertname"] + ": " + stays; stays != "" && !slices.Contains(result.Notes, note) {
			result.Notes = append(result.Notes, note)
		}
	}
	if len(firing) == 0 {
		longest = time.Hour
		if !o.force {
			result.Refusals = append(result.Refusals, "no alert fires that would be silenced; check the names, or use --force to silence what may fire")
		}
	}
	slices.Sort(result.Notes)
	length := longest
	if o.length != "" {
		var err error
		if length, err = catalog.ParseDuration(o.length); err != nil || length < time.Minute || length > longestSilence {
			return nil, fmt.Errorf("--for %q is not a time from 1m to 30d", terminal.Printable(o.length, terminal.MaxLabel))
		}
	}
	if length > longest && !o.force {
		result.Refusals = append(result.Refusals, fmt.Sprintf("the runbook allows %s; shorten --for, or use --force", catalog.FormatDuration(longest)))
	}
	comment := strings.TrimSpace(o.comment)
	if o.acknowledge && !strings.HasPrefix(comment, strings.TrimSpace(alertmanager.AckPrefix)) {
		comment = alertmanager.AckPrefix + comment
	}
	now := o.now().UTC()
	result.Longest = catalog.FormatDuration(longest)
	result.Silence = alertmanager.Silence{Matchers: matchers, StartsAt: now, EndsAt: now.Add(length), CreatedBy: o.author, Comment: comment}
	return result, nil
}

func (r *Result) write(cmd *cobra.Command, base *url.URL) error {
	var b strings.Builder
	shown := terminal.Printable
	for i, labels := range r.Alerts {
		if i == maxShown {
			fmt.Fprintf(&b, "… and %d more\n", len(r.Alerts)-maxShown)
			break
		}
		fmt.Fprintf(&b, "%s  %s %s  %s\n", shown(labels["alertname"], terminal.MaxLabel), shown(labels["service_name"], terminal.MaxLabel), shown(labels["slo_name"], terminal.MaxLabel), shown(labels["environment"], terminal.MaxLabel))
	}
	b.WriteString("Silence only if the cause is known and someone works on it.\n")
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "%s\n", shown(note, 3*terminal.MaxMessage))
	}
	for _, refusal := range r.Refusals {
		fmt.Fprintf(&b, "refused: %s\n", refusal)
	}
	until := r.Silence.EndsAt.Format(time.RFC3339)
	switch {
	case len(r.Refusals) > 0:
		b.WriteString("nothing was silenced\n")
	case r.DryRun:
		fmt.Fprintf(&b, "would be silenced until %s, by %s: %s\n", until, shown(r.Silence.CreatedBy, terminal.MaxLabel), shown(r.Silence.Comment, terminal.MaxMessage))
	default:
		fmt.Fprintf(&b, "silenced until %s: %s\nundo: amtool silence expire %s --alertmanager.url=%s\n", until, shown(r.ID, terminal.MaxLabel), shown(r.ID, terminal.MaxLabel), base.Redacted())
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}
