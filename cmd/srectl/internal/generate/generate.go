// Package generate is `srectl generate`: it writes what follows from the catalog: rules, their tests, runbooks and dashboards.
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
	stderr  io.Writer
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
		Short: "Write what follows from the catalog: " + strings.Join(names, ", "),
		Long: `Write what follows from the catalog, for each service and for the collector itself:

` + describes + `
A file is written whole or not at all, and left alone when it is right already. One that was
not generated is never overwritten. One whose service has left the catalog is reported; --prune removes
it if it is not a runbook. Runbooks stay: people write into them.

Links of runbooks lead to your Prometheus, Grafana and so on if their addresses are given. The command that
was run stands in each page, for whoever has to run it again.

Exits 0 if everything was written, 1 if the catalog has errors (nothing is written then) or a file
stands in the way, 2 if there is no such catalog or it cannot be written.`,
		Example: `  srectl generate --catalog ./catalog --out .
  srectl generate alerts --catalog ./catalog --out . --format prometheusrule
  srectl generate dashboards --catalog ./catalog --out . --dashboard-format configmap
  srectl generate tests --catalog ./catalog --out . && promtool test rules alerts/*.test.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			g.stderr = cmd.ErrOrStderr()
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
	flags.BoolVar(&g.prune, "prune", false, "remove generated rule files, tests and dashboards whose service is gone")
	flags.StringVar(&g.format, "format", formatRules, "of rule files: rules (Prometheus, Thanos, VictoriaMetrics), prometheusrule (Prometheus Operator) or mimir")
	flags.StringVar(&translation, "translation", translation, "how Prometheus names OTLP metrics, its translation_strategy")
	flags.BoolVar(&g.pages.Alerts.GoldenSignals, "golden-signals", false, "add tickets about latency and saturation")
	g.grafana.flags(flags)
	for _, b := range g.bases() {
		flags.StringVar(b.value, b.flag, *b.value, b.usage)
	}
	flags.StringVar(&g.pages.Loki, "loki-uid", g.pages.Loki, "UID of the data source with the logs, in Grafana")
	flags.StringVar(&g.pages.Tempo, "tempo-uid", g.pages.Tempo, "UID of the data source with the traces, in Grafana")
	for _, name := range []string{"catalog", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails for an unknown flag only
	}
	return cmd
}

// A base is what links begin with.
type base struct {
	flag, usage string
	value       *string
}

func (g *generation) bases() []base {
	return []base{
		{"runbook-url", "where runbooks are served: links are URL/SERVICE/ALERT", &g.pages.Alerts.RunbookURL},
		{"dashboard-url", "where dashboards are served: links are URL/SERVICE; .../d/{uid} leads to those generated for Grafana", &g.pages.Alerts.DashboardURL},
		{"prometheus-url", "where runbooks run their queries", &g.pages.Prometheus},
		{"alertmanager-url", "where runbooks silence alerts", &g.pages.Alertmanager},
		{"grafana-url", "where runbooks search Tempo's traces and Loki's logs", &g.pages.Grafana},
		{"jaeger-url", "where runbooks search traces", &g.pages.Jaeger},
		{"kibana-url", "where runbooks search logs", &g.pages.Kibana},
	}
}

// check makes the address one that links can begin with.
func (b base) check() error {
	if *b.value == "" {
		return nil
	}
	u, err := url.Parse(*b.value)
	if err == nil && u.User != nil {
		return fmt.Errorf("--%s has a password in it, which whoever reads the files would see: leave it out", b.flag)
	}
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("--%s %q is not a base of links: write one such as https://sre.example.com/runbooks", b.flag, *b.value)
	}
	if strings.ContainsAny(u.Path, "{}") {
		return fmt.Errorf("--%s %q: braces stand for nothing here; only --dashboard-url may end in /{uid}", b.flag, *b.value)
	}
	*b.value = strings.TrimRight(u.String(), "/")
	return nil
}

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
	for _, required := range g.bases()[:4] {
		if *required.value == "" {
			return fmt.Errorf("--%s is empty: leave it out, or write an address", required.flag)
		}
	}
	for flag, uid := range map[string]string{"--loki-uid": g.pages.Loki, "--tempo-uid": g.pages.Tempo} {
		if !plainUID.MatchString(uid) {
			return fmt.Errorf("%s %q is not a UID: write what Grafana shows in the address of the data source", flag, uid)
		}
	}
	return paths.Check([]string{g.catalog})
}

func (g *generation) chooseKinds(args []string) ([]kind, error) {
	if len(args) == 0 || slices.Contains(args, "all") && len(args) == 1 {
		return slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return k.rulesOnly && g.format != formatRules }), nil
	}
	var wanted []kind
	for _, arg := range args {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == arg })
		if i < 0 {
			return nil, fmt.Errorf("%q cannot be generated: see srectl generate --help", arg)
		}
		if kinds[i].rulesOnly && g.format != formatRules {
			return nil, fmt.Errorf("%s are of rule files as promtool reads them: leave --format out", arg)
		}
		if !slices.ContainsFunc(wanted, func(k kind) bool { return k.name == arg }) {
			wanted = append(wanted, kinds[i])
		}
	}
	return wanted, nil
}

func (g *generation) run(wanted []kind) error {
	// Nearly all that is allocated is gone with the service it was for: a heap of a few more megabytes
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
		plans, _ := g.plans(loaded.Services) // what they warn of, dashboards say
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
	if all.notWell {
		return exit.ErrNotOK
	}
	return nil
}

// generate has every kind write about one service after the other, several services at a time.
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

// checkNames complains of a service that would have the collector's files.
func checkNames(services []*catalog.Service, r *account) {
	for _, s := range services {
		if s.Slug() == alerts.CollectorService().Name {
			r.complain("%s: error: %q is the name of the collector's own alerts, runbooks and dashboards; rename the service", s.Position, s.Name)
		}
	}
}
