// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package proposal is `srectl init`: it writes catalog files for the services that a running collector hears of.
package proposal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/services"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

var sprintf = fmt.Sprintf

// pasts are the times that the page can be asked about.
var pasts = map[string]time.Duration{"1h": time.Hour, "6h": 6 * time.Hour, "1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}

// options are the flags.
type options struct {
	address, past, out, owner, backstage, codeowners, kubernetes, openSLO string
	force, dryRun                                                         bool
}

// NewCommand is `srectl init`.
func NewCommand() *cobra.Command {
	var o options
	var format *output.Format
	cmd := &cobra.Command{
		Use:   "init [SERVICE...]",
		Short: "Write catalog files for services that a running collector hears of",
		Long: `init reads the status page, and writes a catalog file for each service that has none, or for those that are named: availability and latency with
objectives that the past would have kept, the same for routes that these hide, the environments in which it runs, and what it was seen to call. Comments in
the file have the numbers.

The owner, the repository and the workload come from Backstage descriptors (catalog-info.yaml), Kubernetes workloads, OpenSLO definitions or a CODEOWNERS
file, as far as they are given; the first of these that says something counts. It asks before it replaces a
file, and names services that are too quiet for a ratio. Objectives are promises to users: read the files before you commit them.

It exits 1 if a service that was named is not heard of or is too quiet, or if a file was kept, and 2 if the status page does not answer.`,
		Example: `  srectl init --out catalog
  srectl init checkout shop/payment --history 30d --backstage . --dry-run
  kubectl get deployments,statefulsets,daemonsets -A -o yaml | srectl init --kubernetes - --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.Check(); err != nil {
				return err
			}
			return o.run(cmd, args, format)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.address, "url", collector.DefaultPage, "the collector's status page")
	flags.StringVar(&o.past, "history", "7d", "how far to look back: 1h, 6h, 1d, 7d or 30d")
	flags.StringVar(&o.out, "out", "catalog", "folder to write to, one file per service")
	flags.StringVar(&o.owner, "owner", "", "owner of the services")
	flags.StringVar(&o.backstage, "backstage", "", "a Backstage descriptor, or a folder that has catalog-info.yaml files")
	flags.StringVar(&o.codeowners, "codeowners", "", "a CODEOWNERS file; the owner is that of a folder with the name of the service")
	flags.StringVar(&o.kubernetes, "kubernetes", "", "what kubectl get deployments,statefulsets,daemonsets -A -o yaml printed; - is the standard input")
	flags.StringVar(&o.openSLO, "openslo", "", "a file or folder of OpenSLO definitions")
	flags.BoolVar(&o.force, "force", false, "replace files without asking")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the files instead of writing them")
	format = output.NewFormat(flags, output.Text, output.JSON, output.YAML)
	return cmd
}

// history is what a service did.
type history struct {
	environment           string
	requests, failed, p99 float64
}

// An Outcome is what became of a service.
type Outcome struct {
	Service string `json:"service"`
	// Status is written, kept, too_quiet, invalid (its name, say, is no file name) or unknown.
	Status string   `json:"status"`
	File   string   `json:"file,omitempty"`
	SLOs   []string `json:"slos,omitempty"`
	Why    string   `json:"why,omitempty"`

	text []byte
}

const (
	written  = "written"
	kept     = "kept"
	tooQuiet = "too_quiet"
	invalid  = "invalid"
	unknown  = "unknown"
)

func (o *options) run(cmd *cobra.Command, names []string, format *output.Format) error {
	over, ok := pasts[o.past]
	if !ok {
		return fmt.Errorf("--history %q is not known: write 1h, 6h, 1d, 7d or 30d", terminal.Label(o.past))
	}
	sources, err := o.sources(cmd.InOrStdin())
	if err != nil {
		return err
	}
	page, err := collector.NewPage("--url", o.address)
	if err != nil {
		return err
	}
	all, err := services.LoadPast(cmd.Context(), page, o.past)
	if err != nil {
		return err
	}
	if all.Problem != "" {
		cmd.PrintErrln(all.Problem)
	}
	outcomes := []Outcome{}
	for _, name := range names {
		if !slices.ContainsFunc(all.Services, func(s services.Service) bool { return called(&s, name) }) {
			outcomes = append(outcomes, Outcome{Service: terminal.Label(name), Status: unknown, Why: notHeard(all.Services, name)})
		}
	}
	for i := range all.Services {
		s := &all.Services[i]
		if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return called(s, name) }) || len(names) == 0 && s.Entry {
			continue
		}
		outcomes = append(outcomes, propose(s, all.Services, over, sources))
	}
	if err := o.save(cmd, outcomes, format); err != nil {
		return err
	}
	if format.Data() {
		err = format.Write(cmd.OutOrStdout(), outcomes)
	} else {
		err = write(cmd, outcomes, o.dryRun)
		if err == nil && len(outcomes) == 0 {
			err = nothingToDo(cmd, all.Services)
		}
	}
	if err == nil && slices.ContainsFunc(outcomes, func(one Outcome) bool { return one.Status == kept || one.Status != written && len(names) > 0 }) {
		err = exit.ErrNotOK
	}
	return err
}

func called(s *services.Service, name string) bool {
	return s.Service == name || s.Namespace != "" && s.Namespace+"/"+s.Service == name
}

func notHeard(all []services.Service, name string) string {
	var known []string
	for i := range all {
		known = append(known, all[i].Service)
	}
	if near := nearest.Word(name, known); near != "" {
		return "the collector does not hear of it; did you mean " + terminal.Label(near) + "?"
	}
	return "the collector does not hear of it; `srectl services` lists those that it hears of"
}

// propose makes the file of a service.
func propose(s *services.Service, all []services.Service, over time.Duration, from sources) Outcome {
	one := Outcome{Service: s.Name()}
	h, does := busiest(s, func(p *services.Place) *services.History { return p.History }), "requests"
	var selection map[string]any
	if h == nil {
		// A page in a browser takes no requests, and makes calls.
		h = busiest(s, func(p *services.Place) *services.History { return p.Outgoing })
		if h != nil {
			does, selection = "calls", map[string]any{"kinds": []string{"client"}}
		}
	}
	if h == nil || !enough(lowest, h.requests, over) {
		one.Status, one.Why = tooQuiet, "no requests"
		if h != nil {
			one.Why = counted(h.requests, does, over)
		}
		one.Why += ": too few for a ratio of good ones. Count something else, or wait"
		return one
	}
	entry := &document{APIVersion: "catalog.otelcol-sre.dev/v1", Kind: "Service", Metadata: metadata{s.Service, s.Namespace}, Spec: spec{DependsOn: dependencies(s, all)}}
	for i := range s.Places {
		if environment := s.Places[i].Environment; environment != "" {
			entry.Spec.Environments = append(entry.Spec.Environments, environment)
		}
	}
	known := from.of(s)
	known.complete(entry, all)
	chosen, notes := slos(h, over, does, selection)
	routes, why := routeSLOs(s.Routes, chosen, over)
	entry.Spec.SLOs = slices.Concat(chosen, routes)
	notes = append(notes, why...)
	if known.note != "" {
		notes = append(notes, terminal.Printable(known.note, terminal.MaxMessage))
	}
	text, err := entry.text()
	if err != nil {
		one.Status, one.Why = invalid, "no catalog file can have it: "+terminal.Printable(err.Error(), terminal.MaxMessage)
		return one
	}
	one.Status, one.File = written, fileName(s, all)
	for _, slo := range entry.Spec.SLOs {
		one.SLOs = append(one.SLOs, sprintf("%s %v %%", slo.Name, slo.Objective))
	}
	var b bytes.Buffer
	b.WriteString("# Proposed by srectl init. Objectives are promises to users: check them.\n")
	if h.environment != "" {
		b.WriteString("# In " + terminal.Label(h.environment) + ":\n")
	}
	if selection != nil {
		b.WriteString("# It takes no requests, so the SLOs are about the calls that it makes: its spans of kind CLIENT.\n")
	}
	for _, note := range notes {
		b.WriteString("# " + note + "\n")
	}
	one.text = append(b.Bytes(), text...)
	return one
}

// fileName has the namespace if another service has the same name.
func fileName(s *services.Service, all []services.Service) string {
	name := s.Service
	if slices.ContainsFunc(all, func(other services.Service) bool { return other.Service == s.Service && other.Namespace != s.Namespace }) && s.Namespace != "" {
		name = s.Namespace + "." + name
	}
	return catalog.FileName(name) + ".yaml"
}

// busiest is the past of the service in the environment where it had most requests, or calls; nil without any.
func busiest(s *services.Service, of func(p *services.Place) *services.History) (found *history) {
	for i := range s.Places {
		h := of(&s.Places[i])
		if h == nil || h.Requests == nil || *h.Requests < 1 || found != nil && *h.Requests <= found.requests {
			continue
		}
		found = &history{environment: s.Places[i].Environment, requests: *h.Requests}
		if h.Failed != nil {
			found.failed = min(*h.Failed, *h.Requests)
		}
		if h.P99 != nil {
			found.p99 = *h.P99
		}
	}
	return found
}

// dependencies are the services that it was seen to call directly.
func dependencies(s *services.Service, all []services.Service) (names []string) {
	for _, c := range s.Calls {
		if c.Type != "" || c.Service == s.Service && c.Namespace == s.Namespace {
			continue
		}
		if slices.ContainsFunc(all, func(other services.Service) bool { return other.Service == c.Service && other.Namespace == c.Namespace }) {
			names = append(names, qualified(c.Service, c.Namespace, s.Namespace))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// qualified has the namespace of a service if it is another than that of the caller.
func qualified(name, namespace, home string) string {
	if namespace == "" || namespace == home {
		return name
	}
	return namespace + "/" + name
}

// complete adds what the sources know. Of the dependencies only services that are heard of.
func (f *facts) complete(entry *document, all []services.Service) {
	to := &entry.Spec
	to.Owner, to.Description, to.Repository = f.owner, f.description, f.repository
	to.Escalation.Chat, to.Deployment.Kubernetes = f.chat, f.workload
	for _, name := range f.dependsOn {
		if slices.ContainsFunc(all, func(other services.Service) bool { return other.Service == name }) && !slices.Contains(to.DependsOn, name) {
			to.DependsOn = append(to.DependsOn, name)
		}
	}
}

// save writes the files, and asks before it replaces one.
func (o *options) save(cmd *cobra.Command, outcomes []Outcome, format *output.Format) error {
	answers := bufio.NewReader(cmd.InOrStdin())
	for i := range outcomes {
		one := &outcomes[i]
		if one.Status != written {
			continue
		}
		file := filepath.Join(o.out, one.File)
		if one.File = file; o.dryRun {
			continue
		}
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return err
		}
		_, err := os.Lstat(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && !o.force {
			if format.Data() || !agrees(cmd, answers, file) {
				one.Status, one.Why = kept, "the file exists; --force replaces it"
				continue
			}
		}
		if err := os.WriteFile(file, one.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// agrees asks, and takes no answer for no.
func agrees(cmd *cobra.Command, answers *bufio.Reader, file string) bool {
	cmd.PrintErrf("%s exists. Replace it? [y/N] ", file)
	answer, _ := answers.ReadString('\n') // an error is no answer
	cmd.PrintErrln()
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

// nothingToDo says why there is no file to write.
func nothingToDo(cmd *cobra.Command, all []services.Service) error {
	why := "Every service that is heard of has a catalog file."
	if !slices.ContainsFunc(all, func(s services.Service) bool { return len(s.Places) > 0 }) {
		why = "No service is heard of yet. Counts take up to half a minute after its first request; `srectl doctor` says what arrives."
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), why)
	return err
}

func write(cmd *cobra.Command, outcomes []Outcome, dryRun bool) error {
	var b strings.Builder
	for i := range outcomes {
		one := &outcomes[i]
		switch one.Status {
		case written:
			if dryRun {
				fmt.Fprintf(&b, "# %s\n%s---\n", one.File, one.text)
				continue
			}
			fmt.Fprintf(&b, "%s: %s\n", one.File, strings.Join(one.SLOs, ", "))
		case kept:
			fmt.Fprintf(&b, "%s: kept: %s\n", one.File, one.Why)
		default:
			fmt.Fprintf(&b, "%s: %s\n", one.Service, one.Why)
		}
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

// percent is a share in percent, with two digits that count.
func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 2, 64) + " %"
}

// requests are how many there were in a time.
func requests(n float64, over time.Duration) string { return counted(n, "requests", over) }

func counted(n float64, what string, over time.Duration) string {
	return sprintf("%.0f %s in %s", math.Round(n), what, catalog.FormatDuration(over))
}
