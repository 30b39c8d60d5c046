// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package generate is `srectl generate`: it writes rules, their tests, runbooks and dashboards from the catalog.
package generate

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/prometheus/otlptranslator"
	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/rollouts"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// A generation is one run of generate.
type generation struct {
	catalog, out, format string
	prune                bool
	// pages has the options of the rules too.
	pages   runbooks.Options
	grafana dashboardOutput
	gates   rollouts.Options
	// files gets the number of files, stderr what is wrong.
	files, stderr io.Writer
}

// ruleFormats are the ways to write a rule file.
var ruleFormats = map[string]func(alerts.File, io.Writer) error{
	formatRules:      alerts.File.WriteRules,
	"prometheusrule": alerts.File.WritePrometheusRule,
	"mimir":          alerts.File.WriteMimir,
}

// formatRules is the only one that promtool reads.
const formatRules = "rules"

// NewCommand is `srectl generate`.
func NewCommand() *cobra.Command {
	g := generation{pages: runbooks.DefaultOptions()}
	translation := string(g.pages.Alerts.Translation)
	names := make([]string, len(kinds))
	describes := ""
	for i, k := range kinds {
		names[i] = k.name
		describes += fmt.Sprintf("  %-10s  %s\n", k.name, k.describes)
	}
	cmd := &cobra.Command{
		Use:   "generate [" + strings.Join(names, "|") + "|all]... --catalog DIR --out DIR",
		Short: "Generate from the catalog: " + strings.Join(names, ", "),
		Long: `Generate files for each service of the catalog and for the collector itself:

` + describes + `
Each file is replaced atomically, and only if its content changes. A file that was not generated is
never overwritten. If a service is no longer in the catalog, its files are reported; --prune removes
them, except runbooks, which may have notes.

Runbooks link to your Prometheus, Grafana and other systems if you give their addresses. Each page
contains the command that generated it.

Exits 0 if everything was written, 1 if the catalog has errors (then nothing is written) or a file that was
not generated prevents writing, 2 if the catalog does not exist or the folder cannot be written.`,
		Example: `  srectl generate --catalog ./catalog --out .
  srectl generate alerts --catalog ./catalog --out . --format prometheusrule
  srectl generate dashboards --catalog ./catalog --out . --dashboard-format configmap
  srectl generate rollouts --catalog ./catalog --out . --gate-url https://sre.example.com
  srectl generate tests --catalog ./catalog --out . && promtool test rules alerts/*.test.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			g.files, g.stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			g.pages.Alerts.Translation = otlptranslator.TranslationStrategyOption(translation)
			g.pages.Command = commandLine(cmd, args)
			if err := g.check(); err != nil {
				return err
			}
			wanted, err := g.chooseKinds(args)
			if err != nil {
				return err
			}
			return g.run(wanted)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&g.catalog, "catalog", "", "catalog folder or file")
	flags.StringVar(&g.out, "out", "", "folder to write to")
	flags.BoolVar(&g.prune, "prune", false, "remove generated rule files, tests and dashboards of services that no longer exist")
	flags.StringVar(&g.format, "format", formatRules, "format of rule files: rules (Prometheus, Thanos, VictoriaMetrics), prometheusrule (Prometheus Operator) or mimir")
	flags.StringVar(&translation, "translation", translation, "the translation_strategy by which Prometheus names OTLP metrics")
	flags.BoolVar(&g.pages.Alerts.GoldenSignals, "golden-signals", false, "add tickets about latency and saturation")
	g.grafana.flags(flags)
	g.gatesFlags(flags)
	for _, b := range g.bases() {
		flags.StringVar(b.value, b.flag, *b.value, b.usage)
	}
	flags.StringVar(&g.pages.Files, "telemetry-files", "", "the collector's files of telemetry for srectl find, such as '/var/lib/otelcol-sre/telemetry*.json'; empty: it writes none")
	flags.StringVar(&g.pages.Loki, "loki-uid", g.pages.Loki, "UID of Grafana's data source for logs")
	flags.StringVar(&g.pages.Tempo, "tempo-uid", g.pages.Tempo, "UID of Grafana's data source for traces")
	for _, name := range []string{"catalog", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails for an unknown flag only
	}
	return cmd
}

// A base is the prefix of links.
type base struct {
	flag, usage string
	value       *string
}

func (g *generation) bases() []base {
	return []base{
		{"runbook-url", "address of the runbooks: links are URL/SERVICE/ALERT", &g.pages.Alerts.RunbookURL},
		{"dashboard-url", "address of the dashboards: links are URL/SERVICE; use .../d/{uid} for dashboards in Grafana", &g.pages.Alerts.DashboardURL},
		{"prometheus-url", "address of the Prometheus for links that run queries; empty: links lead to the collector's status page", &g.pages.Prometheus},
		{"alertmanager-url", "address of the Alertmanager for silences; empty: runbooks do not speak of silences", &g.pages.Alertmanager},
		{"grafana-url", "address of the Grafana for searches in Tempo and Loki", &g.pages.Grafana},
		{"jaeger-url", "address of the Jaeger for searches of traces", &g.pages.Jaeger},
		{"kibana-url", "address of the Kibana for searches of logs", &g.pages.Kibana},
		{"incident-url", "address of the incidents on the status page; empty: alerts do not lead there", &g.pages.Alerts.IncidentURL},
		{"gate-url", "address of the collector's status page as rollout tools reach it, for rollouts", &g.gates.Gate},
	}
}

// check validates the address as a prefix of links.
func (b base) check() error {
	if *b.value == "" {
		return nil
	}
	u, err := url.Parse(*b.value)
	if err == nil && u.User != nil {
		return fmt.Errorf("--%s contains a password, which everyone who reads the files would see: remove it", b.flag)
	}
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("--%s %q is not an address for links: write one such as https://sre.example.com/runbooks", b.flag, *b.value)
	}
	if strings.ContainsAny(u.Path, "{}") {
		return fmt.Errorf("--%s %q: only --dashboard-url may contain {uid}, at its end; remove the braces", b.flag, *b.value)
	}
	*b.value = strings.TrimRight(u.String(), "/")
	return nil
}

// plainPattern are patterns of files that a shell takes for nothing else.
var plainPattern = regexp.MustCompile(`^[a-zA-Z0-9_./*?-]{0,200}$`)

var plainUID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)

// check checks the flags.
func (g *generation) check() error {
	if _, ok := ruleFormats[g.format]; !ok {
		return fmt.Errorf("--format %q is not known: write rules, prometheusrule or mimir", g.format)
	}
	if err := g.grafana.check(); err != nil {
		return err
	}
	if t := g.pages.Alerts.Translation; !slices.Contains(promname.Strategies, t) {
		return fmt.Errorf("--translation %q is not known: write one of %v", t, promname.Strategies)
	}
	g.grafana.linked = generated.CutUID(&g.pages.Alerts.DashboardURL)
	for _, b := range g.bases() {
		if err := b.check(); err != nil {
			return err
		}
	}
	if !plainPattern.MatchString(g.pages.Files) {
		return fmt.Errorf("--telemetry-files %q is not a pattern of files: write one such as '/var/lib/otelcol-sre/telemetry*.json'", g.pages.Files)
	}
	g.pages.StatusPage = strings.TrimSuffix(g.pages.Alerts.IncidentURL, "/incidents")
	for _, required := range g.bases()[:2] {
		if *required.value == "" {
			return fmt.Errorf("--%s is empty: remove it, or give an address", required.flag)
		}
	}
	if err := g.checkGates(); err != nil {
		return err
	}
	for flag, uid := range map[string]string{"--loki-uid": g.pages.Loki, "--tempo-uid": g.pages.Tempo} {
		if !plainUID.MatchString(uid) {
			return fmt.Errorf("%s %q is not a UID: write the UID in the address of the data source's page in Grafana", flag, uid)
		}
	}
	return paths.Check([]string{g.catalog})
}

func (g *generation) chooseKinds(args []string) ([]kind, error) {
	if len(args) == 0 || slices.Contains(args, "all") && len(args) == 1 {
		return slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return k.named || k.rulesOnly && g.format != formatRules }), nil
	}
	var wanted []kind
	for _, arg := range args {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == arg })
		if i < 0 {
			return nil, fmt.Errorf("%q cannot be generated: see srectl generate --help", arg)
		}
		if kinds[i].rulesOnly && g.format != formatRules {
			return nil, fmt.Errorf("%s need rule files in promtool's format: remove --format", arg)
		}
		if !slices.ContainsFunc(wanted, func(k kind) bool { return k.name == arg }) {
			wanted = append(wanted, kinds[i])
		}
	}
	return wanted, nil
}

func (g *generation) run(wanted []kind) error {
	// Nearly all allocations are short-lived: a heap of a few more megabytes
	// saves a third of the time of a large catalog.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	loaded, problems := catalog.Load(g.catalog)
	if _, err := fmt.Fprint(g.stderr, problems); err != nil {
		return err
	}
	if problems.Err() != nil {
		return exit.ErrNotOK
	}
	if g.grafana.linked {
		plans, _ := g.plans(loaded.Services) // dashboards report the same warnings
		g.pages.Alerts.DashboardUID = dashboardUIDs(plans)
	}
	var all account
	checkNames(loaded.Services, &all)
	if !all.notWell {
		if err := g.generate(wanted, loaded.Services, &all); err != nil {
			all.write(g.stderr)
			return err
		}
	}
	all.write(g.stderr)
	if n := all.written + all.unchanged; n > 0 {
		if _, err := fmt.Fprintf(g.files, "%d files below %s: %d written, %d unchanged\n", n, g.out, all.written, all.unchanged); err != nil {
			return err
		}
	}
	if all.notWell {
		return exit.ErrNotOK
	}
	return nil
}

// generate lets every kind write the files of the services, several services at a time.
func (g *generation) generate(wanted []kind, services []*catalog.Service, all *account) error {
	var works []work
	for _, k := range wanted {
		w, err := k.start(g, services, all)
		if err != nil {
			return err
		}
		works = append(works, w)
	}
	units := []unit{func(r *account) error { return each(works, alerts.Collector(g.pages.Alerts), r) }}
	for _, s := range services {
		units = append(units, func(r *account) error {
			file, warnings := alerts.Generate(s, g.pages.Alerts)
			for _, w := range warnings {
				r.tell("%s: warning: %s", w.Position, w.Message)
			}
			return each(works, file, r)
		})
	}
	for _, w := range works {
		units = append(units, w.more...)
	}
	if err := together(units, all); err != nil {
		return err
	}
	for _, w := range works {
		if w.finish != nil {
			if err := w.finish(all); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkNames reports a service with the name of the collector, whose files it would overwrite.
func checkNames(services []*catalog.Service, r *account) {
	for _, s := range services {
		if s.Slug() == alerts.CollectorService().Name {
			r.complain("%s: error: %q is the name of the collector's own alerts, runbooks and dashboards; rename the service", s.Position, s.Name)
		}
	}
}
