package main

import (
	"fmt"
	"io"
	"iter"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/prometheus/otlptranslator"
	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/dashboards"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// alertsFolder is where rule files are, below the output folder.
const alertsFolder = "alerts"

// A generation is one run of generate.
type generation struct {
	catalog, out, format string
	prune                bool
	options              alerts.Options
	stderr               io.Writer
	// notWell is set when something could not be generated.
	notWell bool
	warned  map[alerts.Warning]bool
}

// A kind is something that can be generated from the services and the collector.
type kind struct {
	name, describes string
	write           func(*generation, []*catalog.Service) error
}

// kinds are what generate knows, in the order of all.
var kinds = []kind{
	{"alerts", "Prometheus rules, and Alertmanager's inhibition rules", (*generation).alerts},
	{"runbooks", "a page for each alert", (*generation).runbooks},
	{"dashboards", "Grafana dashboards, and one for all services", (*generation).dashboards},
}

// ruleFormats are the ways to write a rule file.
var ruleFormats = map[string]func(alerts.File, io.Writer) error{
	"rules":          alerts.File.WriteRules,
	"prometheusrule": alerts.File.WritePrometheusRule,
	"mimir":          alerts.File.WriteMimir,
}

func newGenerateCommand() *cobra.Command {
	g := generation{options: alerts.DefaultOptions()}
	translation := string(g.options.Translation)
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
it if it is a rule file or a dashboard. Runbooks stay: people write into them.

Exits 0 if everything was written, 1 if the catalog has errors (nothing is written then) or a file
stands in the way, 2 if there is no such catalog or it cannot be written.`,
		Example: `  srectl generate --catalog ./catalog --out .
  srectl generate alerts --catalog ./catalog --out . --format prometheusrule`,
		RunE: func(cmd *cobra.Command, args []string) error {
			g.stderr = cmd.ErrOrStderr()
			g.options.Translation = otlptranslator.TranslationStrategyOption(translation)
			if err := g.check(); err != nil {
				return err
			}
			wanted, err := chooseKinds(args)
			if err != nil {
				return err
			}
			return g.run(wanted)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&g.catalog, "catalog", "", "catalog folder or file")
	flags.StringVar(&g.out, "out", "", "folder to write to")
	flags.BoolVar(&g.prune, "prune", false, "remove generated rule files and dashboards whose service is gone")
	flags.StringVar(&g.format, "format", "rules", "of rule files: rules (Prometheus, Thanos, VictoriaMetrics), prometheusrule (Prometheus Operator) or mimir")
	flags.StringVar(&g.options.RunbookURL, "runbook-url", g.options.RunbookURL, "where runbooks are served: links are URL/SERVICE/ALERT")
	flags.StringVar(&g.options.DashboardURL, "dashboard-url", g.options.DashboardURL, "where dashboards are served: links are URL/SERVICE")
	flags.StringVar(&translation, "translation", translation, "how Prometheus names OTLP metrics, its translation_strategy")
	flags.BoolVar(&g.options.GoldenSignals, "golden-signals", false, "add tickets about latency and saturation")
	for _, name := range []string{"catalog", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails for an unknown flag only
	}
	return cmd
}

var translations = []otlptranslator.TranslationStrategyOption{
	otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
	otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation,
}

// check checks the flags.
func (g *generation) check() error {
	if _, ok := ruleFormats[g.format]; !ok {
		return fmt.Errorf("--format %q is not known: write rules, prometheusrule or mimir", g.format)
	}
	if !slices.Contains(translations, g.options.Translation) {
		return fmt.Errorf("--translation %q is not known: write one of %v", g.options.Translation, translations)
	}
	for flag, base := range map[string]*string{"--runbook-url": &g.options.RunbookURL, "--dashboard-url": &g.options.DashboardURL} {
		u, err := url.Parse(*base)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("%s %q is not a base of links: write one such as https://sre.example.com/runbooks", flag, *base)
		}
		*base = strings.TrimRight(u.String(), "/")
	}
	return checkPaths([]string{g.catalog})
}

func chooseKinds(args []string) ([]kind, error) {
	if len(args) == 0 || slices.Contains(args, "all") && len(args) == 1 {
		return kinds, nil
	}
	var wanted []kind
	for _, arg := range args {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == arg })
		if i < 0 {
			return nil, fmt.Errorf("%q cannot be generated: see srectl generate --help", arg)
		}
		wanted = append(wanted, kinds[i])
	}
	return wanted, nil
}

func (g *generation) run(wanted []kind) error {
	loaded, problems := catalog.Load(g.catalog)
	if _, err := fmt.Fprint(g.stderr, problems); err != nil {
		return err
	}
	if problems.Err() != nil {
		return errNotOK
	}
	if g.checkNames(loaded.Services); g.notWell {
		return errNotOK
	}
	for _, k := range wanted {
		if err := k.write(g, loaded.Services); err != nil {
			return err
		}
	}
	if g.notWell {
		return errNotOK
	}
	return nil
}

// complain reports something that makes srectl exit 1.
func (g *generation) complain(format string, args ...any) {
	g.notWell = true
	g.tell(format, args...)
}

func (g *generation) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(g.stderr, format+"\n", args...) // nobody is left to tell
}

// checkNames complains of services that would have the same files.
func (g *generation) checkNames(services []*catalog.Service) {
	named := map[string]bool{alerts.CollectorService().Name: true}
	for _, s := range services {
		if named[s.Name] {
			g.complain("%s: error: there is another service %q, and files are named by service; rename one, or generate each namespace into a folder of its own",
				s.Position, s.Name)
		}
		named[s.Name] = true
	}
}

// files are the rules of the collector and of every service, one after the other: those of a
// large catalog fill the memory.
func (g *generation) files(services []*catalog.Service) iter.Seq[alerts.File] {
	return func(yield func(alerts.File) bool) {
		if !yield(alerts.Collector(g.options)) {
			return
		}
		for _, s := range services {
			file, warnings := alerts.Generate(s, g.options)
			for _, w := range warnings {
				g.warn(w)
			}
			if !yield(file) {
				return
			}
		}
	}
}

// warn tells a warning once, however many kinds are generated.
func (g *generation) warn(w alerts.Warning) {
	if g.warned == nil {
		g.warned = map[alerts.Warning]bool{}
	}
	if !g.warned[w] {
		g.warned[w] = true
		g.tell("%s: warning: %s", w.Position, w.Message)
	}
}

func (g *generation) alerts(services []*catalog.Service) error {
	// Nearly all that is allocated is gone with the file it was for: a heap of a few more megabytes
	// saves a third of the time of a large catalog.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	const inhibitions = "alertmanager-inhibit.yaml"
	kept := map[string]bool{inhibitions: true}
	if err := g.write(alertsFolder, inhibitions, alerts.Inhibition().Write); err != nil {
		return err
	}
	for f := range g.files(services) {
		name := alerts.FileName(f.Service)
		kept[name] = true
		if err := g.write(alertsFolder, name, func(w io.Writer) error { return ruleFormats[g.format](f, w) }); err != nil {
			return err
		}
	}
	return g.retire(alertsFolder, ".yaml", kept)
}

func (g *generation) dashboards(services []*catalog.Service) error {
	files, warnings := dashboards.Generate(services, dashboards.Options{Translation: g.options.Translation, RunbookURL: g.options.RunbookURL})
	for _, w := range warnings {
		g.tell("%s", w)
	}
	kept := map[string]bool{}
	for _, f := range files {
		name := path.Base(f.Path)
		kept[name] = true
		write := func(w io.Writer) error {
			_, err := w.Write(f.JSON)
			return err
		}
		if err := g.write(dashboards.Folder, name, write); err != nil {
			return err
		}
	}
	return g.retire(dashboards.Folder, ".json", kept)
}

func (g *generation) runbooks(services []*catalog.Service) error {
	var files []alerts.File
	for f := range g.files(services) {
		f.Groups = nil // runbooks are about alerts
		files = append(files, f)
	}
	o := runbooks.DefaultOptions()
	o.Alerts = g.options
	reports, err := runbooks.Write(g.out, files, o)
	if err != nil {
		return err
	}
	for _, r := range reports {
		g.tell("%s", r)
	}
	if reports := catalog.Problems(reports); reports.Err() != nil {
		g.notWell = true
	}
	return g.leftRunbooks(files)
}
