// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package verify is `srectl verify`: whether a release may go on, by the SLOs of its service.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/mark"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
)

// A request is what the flags say.
type request struct {
	service, version, baseline, environment string
	flag, variant                           string
	slos                                    []string
	since, saturation                       string
	url, catalog, translation               string
	patience, interval                      time.Duration
	report                                  bool
	endpoint                                string
	reporter                                reporter
}

// NewCommand is `srectl verify`.
func NewCommand() *cobra.Command {
	var r request
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "verify --service SERVICE --version VERSION",
		Short: "Verify a release: pass, fail or inconclusive, by the SLOs of its service",
		Long: `verify compares the good and bad events of a new version with those of the versions that run beside it, or that ran before it, and with the
objective, for each SLO that the collector counts. It asks again until the answer is certain or the time is over: of 100 releases that are not
worse, at most 1 ever fails, and of 100 that are harmful (they fail twice as often as the others and as the objective allows), at most 5
ever pass, however often it asks. What a release does while a service that it depends on fails does not count, unless other versions run beside it.

It asks a collector's status page, which knows the catalog. If the URL is that of a server with Prometheus' API, it asks that for the collector's
slo_events_total, and takes objectives and dependencies from --catalog; without one, objectives from slo_objective_ratio, and no dependencies.

With --flag, it judges the change of a feature flag instead: where an SLO is grouped by feature_flag.KEY, the events of the new variant are compared with
those of the others; elsewhere, those after the change with those before, which is weaker: what else changed at that time counts as the flag's doing.

Traffic is shown and not judged: events per second of the version, of the others, and before the release. So are CPU and memory of its instances, if
their metrics say the version; what has risen is warned of. With --max-saturation, a version fails if an instance of it is above that share of its limit
for five minutes on end, and none that it is compared with was; and it does not pass before it has been measured for as long.

With --report, it sends the verdict to a collector, by OTLP, so that the deployment has it on pages and in annotations. The variables and tokens are
those of srectl mark. A verdict that cannot be sent is said on the standard error, and is the exit code all the same.

Exits 0 for pass, 1 for fail, 2 for inconclusive and if it cannot be asked.`,
		Example: `  srectl verify --service checkout --version 1.4.0 --for 15m
  srectl verify --service shop/checkout --version 1.4.0 --baseline 1.3.9 --since 30m --for 0 -o markdown
  srectl verify --service checkout --version 1.4.0 --url http://prometheus:9090 --catalog ./catalog -o junit > verify.xml
  srectl verify --service checkout --version 1.4.0 --max-saturation 90% --for 15m
  srectl verify --service checkout --flag new-card-check --variant on --for 15m
  srectl verify --service checkout --version 1.4.0 --report --endpoint https://collector:4318`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			ask, err := r.source(ctx)
			if err != nil {
				return err
			}
			if r.report {
				to, err := mark.NewReporter(cmd.Root().Version, r.endpoint, reporting, cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				defer to.Close()
				r.reporter = to
			}
			w := watch{ask: ask, patience: r.patience, interval: r.interval, now: time.Now, wait: wait, progress: newProgress(cmd.ErrOrStderr())}
			result, err := w.run(ctx)
			if err != nil {
				return err
			}
			if r.reporter != nil {
				report(context.WithoutCancel(ctx), r.reporter, &result)
			}
			if err := write(cmd.OutOrStdout(), format.Value, &result); err != nil {
				return err
			}
			switch result.Verdict {
			case gate.Pass:
				return nil
			case gate.Fail:
				return exit.ErrNotOK
			}
			return exit.Status(exit.Usage)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.service, "service", "", "the service: name, or namespace/name")
	flags.StringVar(&r.version, "version", "", "its new version, as in service.version; empty: the one whose events began last, within the hour")
	flags.StringVar(&r.flag, "flag", "", "a feature flag whose change is judged, instead of a version")
	flags.StringVar(&r.variant, "variant", "", "its new variant; empty: the one whose share of the events grew most")
	flags.StringVar(&r.baseline, "baseline", "", "the version, or variant, to compare with; empty: all others")
	flags.StringVar(&r.environment, "environment", "", "the environment; empty: each in which the version runs")
	flags.StringSliceVar(&r.slos, "slo", nil, "only these SLOs; can be repeated")
	flags.StringVar(&r.since, "since", "", "when the release began: a time, or how long ago, such as 30m; at most 1d; empty: when the version's events began, or the flag changed, within the hour")
	flags.StringVar(&r.saturation, "max-saturation", "", "the share of its limit of CPU or memory, such as 90%, that no instance of the version may be above for five minutes; empty: it is shown only")
	flags.DurationVar(&r.patience, "for", 10*time.Minute, "how long to wait for a certain answer; 0: ask once")
	flags.DurationVar(&r.interval, "interval", 10*time.Second, "how long to wait between questions")
	flags.StringVar(&r.url, "url", collector.DefaultPage, "the collector's status page, or a server with Prometheus' API; a user and password can be in it")
	flags.StringVar(&r.catalog, "catalog", os.Getenv("OTELCOL_SRE_CATALOG"), "catalog folder or file, if a server with Prometheus' API is asked")
	flags.StringVar(&r.translation, "translation", string(alerts.DefaultOptions().Translation), "the translation_strategy by which that server names OTLP metrics")
	flags.BoolVar(&r.report, "report", false, "send the verdict to a collector as an event of the deployment")
	flags.StringVar(&r.endpoint, "endpoint", "", mark.EndpointUsage+"; for --report")
	format = output.NewFormat(flags, output.Table, output.JSON, output.YAML, formatJUnit, formatMarkdown)
	_ = cmd.MarkFlagRequired("service") // fails for an unknown flag only
	return cmd
}

// reporting is how long the verdict is sent again if the collector does not take it.
const reporting = 30 * time.Second

// check checks the flags.
func (r *request) check() error {
	switch {
	case strings.Trim(r.service, "/") == "":
		return errors.New("--service is empty: name a service")
	case r.patience < 0:
		return fmt.Errorf("--for is %v: must be 0 or more", r.patience)
	case r.endpoint != "" && !r.report:
		return errors.New("--endpoint is where --report sends the verdict: add --report")
	case r.flag != "" && r.version != "":
		return errors.New("--flag and --version are both set: a question is about one of them")
	case r.variant != "" && r.flag == "":
		return errors.New("--variant is of a feature flag: name it with --flag")
	case r.flag != "" && r.saturation != "":
		return errors.New("--max-saturation is about the processes of a version: a flag has none")
	case r.flag != "" && r.report:
		return errors.New("--report sends the verdict on a version: the collector finds that on flags by itself")
	case r.version != "" && r.version == r.baseline:
		return errors.New("--version and --baseline are the same: name the version that was there before as the baseline")
	case r.interval < time.Second:
		return fmt.Errorf("--interval is %v: must be 1s or more", r.interval)
	}
	if _, err := gate.ParseSaturation(r.saturation); err != nil {
		return fmt.Errorf("--max-saturation: %w", err)
	}
	now := time.Now()
	begun, err := r.begin(now)
	switch {
	case err != nil:
		return err
	case begun.After(now):
		return fmt.Errorf("--since %.60q is in the future: name a time in the past", r.since)
	case !begun.IsZero() && now.Sub(begun) > gate.Reach:
		return fmt.Errorf("--since %.60q is more than %s ago: name a later time", r.since, catalog.FormatDuration(gate.Reach))
	}
	return nil
}

// begin is when the release began; zero is not known.
func (r *request) begin(now time.Time) (time.Time, error) {
	if r.since == "" {
		return time.Time{}, nil
	}
	if length, err := catalog.ParseDuration(r.since); err == nil {
		return now.Add(-length), nil
	}
	at, err := time.Parse(time.RFC3339, r.since)
	if err != nil {
		return at, fmt.Errorf("--since %.60q is not a time: write one such as 2026-10-01T08:00:00Z, or how long ago it is, such as 30m", r.since)
	}
	return at, nil
}

// A watch asks until the answer is certain.
type watch struct {
	ask                func(ctx context.Context, now time.Time) (gate.Result, error)
	patience, interval time.Duration
	now                func() time.Time
	wait               func(context.Context, time.Duration)
	progress           *progress
}

func (w *watch) run(ctx context.Context) (last gate.Result, err error) {
	defer w.progress.end()
	end := w.now().Add(w.patience)
	known := false
	for {
		now := w.now()
		result, asked := w.ask(ctx, now)
		switch {
		case asked == nil:
			last, known, err = result, true, nil
		case !known:
			return last, asked // a wrong address does not get better
		default:
			err = asked // the server may be restarting
		}
		left := end.Sub(w.now())
		if known && err == nil && last.Verdict != gate.Inconclusive || left <= 0 || ctx.Err() != nil {
			return last, err
		}
		w.progress.show(now, left, &last, err)
		w.wait(ctx, min(w.interval, left))
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// A progress says why one has to wait: in a line that changes on a terminal, or in a line now and then.
type progress struct {
	out      io.Writer
	terminal bool
	said     time.Time
}

// saidEvery is how often a log gets a line.
const saidEvery = 30 * time.Second

func newProgress(out io.Writer) *progress {
	_, ok := terminal.Of(out)
	return &progress{out: out, terminal: ok}
}

const clearLine = "\r\x1b[K"

func (p *progress) show(now time.Time, left time.Duration, r *gate.Result, err error) {
	text := r.Reason
	if err != nil {
		text = err.Error()
	}
	text = terminal.Printable(fmt.Sprintf("%s, %s left: %s", cmp.Or(string(r.Verdict), string(gate.Inconclusive)), left.Round(time.Second), text), 2*terminal.MaxMessage)
	switch {
	case p.terminal:
		const width = 120
		_, _ = fmt.Fprint(p.out, clearLine+terminal.Cut(text, width)) // it is only a sign of life
	case p.said.IsZero() || now.Sub(p.said) >= saidEvery:
		_, _ = fmt.Fprintln(p.out, text)
		p.said = now
	}
}

func (p *progress) end() {
	if p.terminal {
		_, _ = fmt.Fprint(p.out, clearLine)
	}
}
