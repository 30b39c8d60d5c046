// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package rollback is `srectl rollback`: the way back from a bad release, with limits that a machine keeps.
package rollback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/mark"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// A request is what the flags say.
type request struct {
	service, version, to, incident, environment string
	webhook, yes, again                         bool
	catalog, url, state, endpoint               string
	timeout                                     time.Duration
}

// NewCommand is `srectl rollback`.
func NewCommand() *cobra.Command {
	var r request
	cmd := &cobra.Command{
		Use:   "rollback (--service SERVICE --version VERSION | --incident ID | --webhook)",
		Short: "Go back from a bad release, within limits",
		Long: `rollback goes back from a version of a service to the one before, by the command that the catalog names, or kubectl's for the kind of its workload. Without --yes it only
says what it would do.

The version is named, or it is that of the deployment that likely caused an incident (--incident, its ID or page), or of the alerts or the incident in the body of a webhook
on the standard input (--webhook: Alertmanager's, or an event of an incident as OTLP in JSON).

It refuses what is not safe: a version that is not the newest, one that is rolled back already or that it went back from within 24 hours (unless --again), a way past a version that the catalog marks
as a migration, and more rollbacks of the service within 24 hours than the catalog allows (2). The rollbacks that it made are in the file --state. Each is also sent to the collector by OTLP as a change, with the variables and
tokens of srectl mark; what cannot be sent does not stop it.

Exits 0 if it is done or could be, 1 if it was refused or failed, 2 if it could not be asked.`,
		Example: `  srectl rollback --service shop/checkout --version 1.4.0
  srectl rollback --service shop/checkout --version 1.4.0 --to 1.3.9 --yes
  srectl rollback --incident https://sre.example.com/incidents/7f3a --yes
  srectl rollback --webhook --yes < alertmanager.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			err := r.run(ctx, cmd)
			if no := (wayback.Refusal{}); errors.As(err, &no) {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "srectl: refused:", terminal.Printable(no.Why, 2*terminal.MaxMessage)) // there is nowhere else to say it
				return exit.ErrNotOK
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.service, "service", "", "the service: name, or namespace/name")
	flags.StringVar(&r.version, "version", "", "the version to go back from, as in service.version")
	flags.StringVar(&r.to, "to", "", "the version to return to; empty: the one before")
	flags.StringVar(&r.environment, "environment", "", "the environment, for the versions that run there")
	flags.StringVar(&r.incident, "incident", "", "the ID of an incident, or the address of its page")
	flags.BoolVar(&r.webhook, "webhook", false, "read the body of a webhook from the standard input")
	flags.BoolVar(&r.yes, "yes", false, "do it; without this flag it is a dry run")
	flags.BoolVar(&r.again, "again", false, "go back also from a version from which a rollback was made within 24 hours: it was deployed again")
	flags.StringVar(&r.catalog, "catalog", cmp.Or(os.Getenv("OTELCOL_SRE_CATALOG"), "catalog"), "catalog folder or file")
	flags.StringVar(&r.url, "url", collector.DefaultPage, "the collector's status page; empty: ask none, and name the version to return to with --to")
	flags.StringVar(&r.state, "state", defaultJournal(), "the file of the rollbacks that were made, shared by all that make some")
	flags.StringVar(&r.endpoint, "endpoint", "", mark.EndpointUsage)
	flags.DurationVar(&r.timeout, "timeout", 5*time.Minute, "how long the command may take")
	return cmd
}

func (r *request) check() error {
	ways := 0
	for _, given := range []bool{r.service != "" || r.version != "", r.incident != "", r.webhook} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return errors.New("say once what to go back from: --service and --version, --incident, or --webhook")
	case !r.webhook && r.incident == "" && (r.service == "" || r.version == ""):
		return errors.New("--service and --version are needed together")
	case r.timeout <= 0:
		return fmt.Errorf("--timeout is %v: must be above 0", r.timeout)
	case r.url == "" && r.incident != "":
		return errors.New("--incident needs a status page: set --url")
	case r.url == "" && r.to == "":
		return errors.New("without a status page, the version to return to is not known: set --to")
	}
	return nil
}

// subject is what to go back from.
func (r *request) subject(ctx context.Context, page *collector.Page, body io.Reader) (*subject, error) {
	id := r.incident
	if r.webhook {
		s, of, err := ofWebhook(body)
		if s != nil || err != nil {
			return s, err
		}
		if id = of; page == nil {
			return nil, errors.New("the webhook is about an incident, which the status page knows: set --url")
		}
	}
	if id == "" {
		return &subject{r.service, r.version, "it was asked for"}, nil
	}
	return ofIncident(ctx, page, id)
}

func (r *request) run(ctx context.Context, cmd *cobra.Command) error {
	loaded, problems := catalog.Load(r.catalog)
	if problems.Err() != nil {
		return fmt.Errorf("the catalog has errors: %w", problems.Err())
	}
	var page *collector.Page
	if r.url != "" {
		var err error
		if page, err = collector.NewPage("--url", r.url); err != nil {
			return err
		}
	}
	of, err := r.subject(ctx, page, cmd.InOrStdin())
	if err != nil {
		return err
	}
	service := loaded.Lookup(of.service)
	if service == nil {
		return fmt.Errorf("service %s is not in the catalog %s: name one of its services", terminal.Label(of.service), terminal.Label(r.catalog))
	}
	var versions []wayback.Ran
	if page != nil {
		if versions, err = r.versions(ctx, page, service, of.version); err != nil {
			return err
		}
	}
	p, err := wayback.New(service, of.version, r.to, versions)
	if err != nil {
		return err
	}
	j, err := openJournal(r.state)
	if err != nil {
		return err
	}
	name := qualified(service)
	now := time.Now().UTC()
	if err := r.allowed(j, service, p, now); err != nil {
		return err
	}
	line := terminal.Printable(p.Text(), 2*terminal.MaxMessage)
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "from %s %s to %s, because %s:\n  %s\n", terminal.Label(name), p.From, p.To, terminal.Printable(of.why, terminal.MaxMessage), line)
	if err != nil || !r.yes {
		if err == nil {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "It was not run: add --yes.")
		}
		return err
	}
	return r.do(ctx, cmd, service, p, j, of.why, now)
}

// allowed refuses what the journal forbids: more rollbacks within a day than the catalog allows, and one from a version that was left already. An alert comes again until it is
// over, and a workload's own undo would then bring the bad version back.
func (r *request) allowed(j *journal, s *catalog.Service, p *wayback.Plan, now time.Time) error {
	name := qualified(s)
	if e := j.left(name, r.environment, p.From, now); e != nil && !r.again {
		return wayback.Refuse("a rollback of %s from %s to %s began at %s: it is not made twice; if %s was deployed again since, set --again", name, e.From, e.To, e.Time.Format(time.RFC3339), e.From)
	}
	if spent, budget := j.spent(name, now), s.Deployment.Rollback.Budget(); spent >= budget {
		return wayback.Refuse("%s had %d rollbacks within 24 hours, and the catalog allows %d: look at it yourself, and raise deployment.rollback.perDay if more are right", name, spent, budget)
	}
	return nil
}

// A shown is what the page says of a service.
type shown struct {
	Versions []struct {
		wayback.Ran

		Since time.Time `json:"since"`
	} `json:"versions"`
	Changes []struct {
		Kind     string    `json:"kind"`
		Name     string    `json:"name"`
		Previous string    `json:"previous"`
		Value    string    `json:"value"`
		Status   string    `json:"status"`
		Actor    string    `json:"actor"`
		At       time.Time `json:"at"`
	} `json:"changes"`
}

// made refuses a rollback from a version that another one has made since it was deployed, whatever its journal.
func (found *shown) made(s *catalog.Service, from string) error {
	var since time.Time
	for i := range found.Versions {
		if found.Versions[i].Version == from {
			since = found.Versions[i].Since
		}
	}
	for i := range found.Changes {
		c := &found.Changes[i]
		if c.Kind == string(change.Infrastructure) && c.Name == wayback.ChangeName(s.Name) && c.Previous == from && c.Status != change.Failed && !c.At.Before(since) {
			return wayback.Refuse("a rollback of %s from %s to %s began at %s, by %s, as the status page shows: it is not made twice; if %s was deployed again since, set --again",
				qualified(s), from, terminal.Label(c.Value), c.At.UTC().Format(time.RFC3339), terminal.Label(cmp.Or(c.Actor, "somebody")), from)
		}
	}
	return nil
}

// versions are those of the service, the newest first.
func (r *request) versions(ctx context.Context, page *collector.Page, s *catalog.Service, from string) (all []wayback.Ran, err error) {
	var found shown
	query := map[string][]string{}
	if r.environment != "" {
		query["environment"] = []string{r.environment}
	}
	if _, err := page.Ask(ctx, "services/"+catalog.PathSegment(s.Slug()), query, &found); err != nil {
		return nil, err
	}
	if len(found.Versions) == 0 && r.to == "" {
		return nil, wayback.Refuse("the status page knows no deployments of %s: name the version to return to with --to", s.Name)
	}
	if !r.again {
		if err := found.made(s, from); err != nil {
			return nil, err
		}
	}
	for i := range found.Versions {
		all = append(all, found.Versions[i].Ran)
	}
	return all, nil
}

func qualified(s *catalog.Service) string {
	if s.Namespace == "" {
		return s.Name
	}
	return s.Namespace + "/" + s.Name
}

// do runs the command. It is in the journal before it runs, so that it counts even if nobody sees its end.
func (r *request) do(ctx context.Context, cmd *cobra.Command, s *catalog.Service, p *wayback.Plan, j *journal, why string, now time.Time) error {
	unlock, err := j.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if j, err = openJournal(r.state); err != nil { // another one may have been made meanwhile
		return err
	}
	if err := r.allowed(j, s, p, now); err != nil {
		return err
	}
	name := qualified(s)
	e := &entry{
		ID:   change.NewID(deployment.Service{Namespace: s.Namespace, Name: s.Name, Environment: r.environment}, change.Infrastructure, now.Format(time.RFC3339Nano), 0),
		Time: now, Service: name, Environment: r.environment, From: p.From, To: p.To, Actor: actor(), Command: p.Command, Result: change.Started,
	}
	if err := j.put(e); err != nil {
		return err
	}
	reporter, err := mark.NewReporter(cmd.Root().Version, r.endpoint, reporting, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer reporter.Close()
	audit := func() {
		reporter.Change(context.WithoutCancel(ctx), r.audit(s, e, why))
	}
	audit()
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	command := exec.CommandContext(limited, p.Command[0], p.Command[1:]...)
	command.Stdout, command.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
	failed := command.Run()
	if e.Result = change.Completed; failed != nil {
		e.Result = change.Failed
	}
	audit()
	if err := j.put(e); err != nil {
		return err
	}
	if failed != nil {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "srectl: the command failed:", terminal.Printable(failed.Error(), terminal.MaxMessage)) // there is nowhere else to say it
		return exit.ErrNotOK
	}
	return nil
}

// reporting is how long an audit event is sent again if the collector does not take it: the way back does not wait for longer.
const reporting = 5 * time.Second

// audit is the rollback as a change of the service, for timelines.
func (r *request) audit(s *catalog.Service, e *entry, why string) change.Change {
	c := change.Change{
		Service: deployment.Service{Namespace: s.Namespace, Name: s.Name, Environment: r.environment}, ID: e.ID, Kind: change.Infrastructure, Name: wayback.ChangeName(s.Name),
		Previous: e.From, Value: e.To, Status: e.Result, Summary: "srectl rollback, because " + why, Actor: e.Actor, Start: e.Time,
	}
	if e.Result != change.Started {
		c.End = time.Now().UTC()
	}
	c.Bound()
	return c
}

// actor is who runs it.
func actor() string {
	if me, err := user.Current(); err == nil {
		return me.Username
	}
	return ""
}
