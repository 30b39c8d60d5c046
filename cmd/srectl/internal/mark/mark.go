// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package mark is `srectl mark`: it reports a deployment to the collector.
package mark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// NewCommand is `srectl mark`.
func NewCommand(version string) *cobra.Command {
	var (
		d                 deployment.Deployment
		status, endpoint  string
		start, commitTime string
		timeout           time.Duration
		region            bool
	)
	cmd := &cobra.Command{
		Use:   "mark --service NAME --version VERSION (--status STATUS | --region -- COMMAND [ARG...])",
		Short: "Report a deployment to the collector",
		Long: `mark sends one deployment event to the collector, by OTLP. Flags without a value default to the variables of
GitHub Actions, GitLab CI or Jenkins. STATUS is started, canary, completed, rolled_back or failed.

With --region it sends started, runs the command, sends completed or failed, and exits as the command does. The
command runs even if the collector cannot be reached.

The standard variables OTEL_EXPORTER_OTLP_ENDPOINT, _PROTOCOL, _HEADERS, _CERTIFICATE, _CLIENT_CERTIFICATE
and _CLIENT_KEY, and those with _LOGS_ before the last word, set endpoint and protocol. https:// is
encrypted. Without a protocol, port 4317 is gRPC and any other is HTTP. Tokens belong into _HEADERS
(authorization=Bearer%20...): there is no flag for them, because every user of a machine can read flags.

It exits 0 if the collector accepted the event, 1 if it did not, 2 if the flags are wrong.`,
		Example: `  srectl mark --service checkout --version 1.4.2 --environment production --status completed
  srectl mark --service checkout --version 1.4.2 --environment production --region -- helm upgrade checkout ./chart --wait`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkMark(d, status, region, args, timeout); err != nil {
				return err
			}
			for flag, to := range map[string]struct {
				text string
				time *time.Time
			}{"--start": {start, &d.Start}, "--commit-time": {commitTime, &d.Committed}} {
				if to.text == "" {
					continue
				}
				t, err := time.Parse(time.RFC3339, to.text)
				if err != nil {
					return fmt.Errorf("%s is %.60q: write it as 2006-01-02T15:04:05Z", flag, to.text)
				}
				*to.time = t
			}
			fillFromCI(&d, os.Getenv)
			target, err := newTarget(endpoint, os.Getenv)
			if err != nil {
				return err
			}
			sender, err := target.sender()
			if err != nil {
				return err
			}
			defer sender.close()
			m := &marker{version: version, sender: sender, timeout: timeout, now: time.Now, out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr()}
			if region {
				return m.region(cmd.Context(), d, args, cmd.InOrStdin())
			}
			d.Status, _ = deployment.ParseStatus(status) // checkMark has seen it
			return m.mark(cmd.Context(), d)
		},
	}
	flags := cmd.Flags()
	for _, text := range []struct {
		value       *string
		name, usage string
	}{
		{&d.Name, "service", "name of the deployed service (service.name)"},
		{&d.Version, "version", "deployed version, as in its telemetry (service.version)"},
		{&status, "status", "started, canary, completed, rolled_back or failed"},
		{&d.Namespace, "namespace", "service.namespace"},
		{&d.Environment, "environment", "deployment.environment.name"},
		{&d.ID, "id", "ID of the deployment, the same in all of its events; default: the collector finds the deployment by service and version"},
		{&d.Previous, "previous", "replaced version"},
		{&d.Revision, "revision", "built commit"},
		{&d.Branch, "branch", "branch or tag"},
		{&d.Repository, "repository", "URL of the repository"},
		{&d.Change, "change", "ID of the pull or merge request"},
		{&d.Tickets, "tickets", "tickets that it resolves, separated by commas"},
		{&d.Cluster, "cluster", "k8s.cluster.name, if the service runs in several clusters"},
		{&d.Compare, "compare", "URL of the changes since the previous version"},
		{&d.Actor, "actor", "who deploys"},
		{&d.Configuration, "configuration", "revision of the configuration"},
		{&d.Pipeline, "pipeline", "name of the pipeline"},
		{&d.RunID, "run-id", "ID of its run"},
		{&d.RunURL, "run-url", "URL of its run"},
		{&start, "start", "start of the deployment, as 2006-01-02T15:04:05Z"},
		{&commitTime, "commit-time", "time of the commit, as git show -s --format=%cI prints it; lead times need it"},
		{&endpoint, "endpoint", EndpointUsage},
	} {
		flags.StringVar(text.value, text.name, "", text.usage)
	}
	flags.DurationVar(&timeout, "timeout", 30*time.Second, "how long to retry")
	flags.BoolVar(&region, "region", false, "send the start and the end of the command that follows --")
	return cmd
}

// checkMark rejects missing and contradicting flags.
func checkMark(d deployment.Deployment, status string, region bool, args []string, timeout time.Duration) error {
	switch {
	case d.Name == "":
		return errors.New("--service is missing: name the deployed service")
	case d.Version == "" && d.Revision == "":
		return errors.New("--version is missing: give the deployed version, as in its telemetry, or the commit as --revision")
	case timeout <= 0:
		return fmt.Errorf("--timeout is %v: must be above 0", timeout)
	case region && status != "":
		return errors.New("--status and --region exclude each other: with --region the command decides the status")
	case region && len(args) == 0:
		return errors.New("--region has no command: write it after --")
	case region:
		return nil
	case len(args) > 0:
		if _, err := deployment.ParseStatus(args[0]); err == nil && status == "" {
			return fmt.Errorf("%.60q is not a flag: did you mean --status %s?", args[0], args[0])
		}
		return fmt.Errorf("%.60q is not a flag: did you mean --region -- %s?", args[0], terminal.Printable(args[0], terminal.MaxLabel))
	case status == "":
		return errors.New("--status is missing: give the status of the deployment")
	}
	if _, err := deployment.ParseStatus(status); err != nil {
		return fmt.Errorf("--status: %w", err)
	}
	return nil
}

// A marker sends events and prints the result.
type marker struct {
	version     string // of srectl
	sender      *sender
	timeout     time.Duration // for each
	now         func() time.Time
	out, errOut io.Writer
}

// mark sends one event and prints the result. It does not send an event that the collector would reject.
func (m *marker) mark(ctx context.Context, d deployment.Deployment) error {
	for _, link := range []*string{&d.Repository, &d.RunURL, &d.Compare} {
		*link = withoutCredentials(*link)
	}
	logs := plog.NewLogs()
	scope := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.Scope().SetName("srectl")
	scope.Scope().SetVersion(m.version)
	record := scope.LogRecords().AppendEmpty()
	d.Write(record, m.now())
	if _, err := deployment.Read(pcommon.NewMap(), record); err != nil {
		return err
	}
	sentence := terminal.Printable(record.Body().Str(), maxSentence)
	if d.ID != "" {
		sentence += ", ID " + terminal.Printable(d.ID, terminal.MaxLabel)
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	warning, err := m.sender.send(ctx, logs)
	if err != nil {
		_, _ = fmt.Fprintf(m.errOut, "srectl: not accepted: %s: %s\n", sentence, terminal.Printable(err.Error(), maxSentence))
		return exit.ErrNotOK
	}
	if warning != "" {
		_, _ = fmt.Fprintf(m.errOut, "srectl: the collector says: %s\n", terminal.Printable(warning, maxSentence))
	}
	_, err = fmt.Fprintln(m.out, "accepted: "+sentence)
	return err
}

// maxSentence bounds quoted messages of servers.
const maxSentence = 500

// withoutCredentials removes the user and password from a URL: clone URLs of repositories often have them.
func withoutCredentials(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = nil
	return u.String()
}
