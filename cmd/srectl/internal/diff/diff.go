// Package diff is `srectl diff`: it says what a change of the catalog does to rules, dashboards and runbooks.
package diff

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/paths"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

const formatMarkdown = "markdown"

// NewCommand is `srectl diff`.
func NewCommand() *cobra.Command {
	var (
		format, revision string
		exitCode         bool
	)
	cmd := &cobra.Command{
		Use:   "diff OLD NEW | diff --git REVISION DIR",
		Short: "Say what a change of the catalog does to rules, dashboards and runbooks",
		Long: `diff compares two catalogs and says in words, for a pull request, what follows from the change: SLOs that
come and go, objectives and what they leave of a budget, thresholds of alerts, alerts that appear or vanish,
labels that make Alertmanager see another alert, pages that are added or lost.

OLD and NEW are catalog folders or files. With --git, DIR as it was in a revision is compared with
DIR as it is in the working tree; nothing is checked out.

Exits 0, changes or not; with --exit-code 1 if there are any; 1 if one of the catalogs has errors, and 2 if
one cannot be read.`,
		Example: `  srectl diff --git origin/main ./catalog --format markdown >> "$GITHUB_STEP_SUMMARY"
  srectl diff ./before ./after --exit-code`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := diffFormats[format]
			if !ok {
				return fmt.Errorf("--format %q is not known: write text, markdown or json", format)
			}
			before, after, err := diffCatalogs(cmd.ErrOrStderr(), revision, args)
			if err != nil {
				return err
			}
			changes := compare(before, after)
			if err := write(cmd.OutOrStdout(), changes); err != nil {
				return err
			}
			if exitCode && len(changes) > 0 {
				return exit.ErrNotOK
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&revision, "git", "", "compare with this revision of the repository that DIR is in")
	flags.StringVar(&format, "format", output.Text, "text, markdown or json")
	flags.BoolVar(&exitCode, "exit-code", false, "exit 1 if anything changes")
	return cmd
}

// diffCatalogs loads the two catalogs that the arguments name.
func diffCatalogs(stderr io.Writer, revision string, args []string) (before, after *catalog.Catalog, err error) {
	old, current := "", ""
	switch {
	case revision != "" && len(args) == 1:
		current = args[0]
		if err := paths.Check([]string{current}); err != nil {
			return nil, nil, err
		}
		folder, remove, err := catalogAt(revision, current)
		if err != nil {
			return nil, nil, err
		}
		defer remove()
		old = folder
	case revision == "" && len(args) == 2:
		old, current = args[0], args[1]
	default:
		return nil, nil, errors.New("name two catalogs, OLD and NEW, or one with --git REVISION")
	}
	if err := paths.Check([]string{old, current}); err != nil {
		return nil, nil, err
	}
	before, was := catalog.Load(old)
	after, is := catalog.Load(current)
	for _, problems := range []catalog.Problems{was.Errors(), is.Errors()} {
		if len(problems) > 0 {
			text := problems.String()
			if revision != "" {
				text = strings.ReplaceAll(text, old, revision+":"+current)
			}
			_, err := fmt.Fprint(stderr, text)
			return nil, nil, errors.Join(err, exit.ErrNotOK)
		}
	}
	return before, after, nil
}

// A change is one consequence, in words. Service is empty where it is about none alone.
type change struct {
	Service string `json:"service"`
	// About is what changes: service, slo, alert, label, rules, dashboard or runbook.
	About string `json:"about"`
	// Kind is added, removed or changed.
	Kind string `json:"kind"`
	// What is the name of it, Text the consequence.
	What string `json:"what"`
	Text string `json:"text"`
}

const (
	added   = "added"
	removed = "removed"
	changed = "changed"
)

var diffFormats = map[string]func(io.Writer, []change) error{
	output.Text: diffText, formatMarkdown: diffMarkdown, output.JSON: diffJSON,
}

const noChange = "no change\n"

var signs = map[string]string{added: "+", removed: "-", changed: "~"}

func diffText(out io.Writer, changes []change) error {
	var b strings.Builder
	if len(changes) == 0 {
		b.WriteString(noChange)
	}
	service := ""
	for i, c := range changes {
		if i == 0 || c.Service != service {
			service = c.Service
			fmt.Fprintf(&b, "%s\n", terminal.Printable(service, maxName))
		}
		fmt.Fprintf(&b, "  %s %s %s: %s\n", signs[c.Kind], c.About, terminal.Printable(c.What, maxName), terminal.Printable(c.Text, maxDiffText))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// maxName bounds what is quoted.
const maxName = 300

// maxDiffText bounds a sentence: most of it is ours, some is the catalog's.
const maxDiffText = 1000

func diffMarkdown(out io.Writer, changes []change) error {
	var b strings.Builder
	if len(changes) == 0 {
		b.WriteString(noChange)
	}
	service := ""
	for i, c := range changes {
		if i == 0 || c.Service != service {
			service = c.Service
			fmt.Fprintf(&b, "%s### %s\n\n| | what | consequence |\n| --- | --- | --- |\n", strings.Repeat("\n", min(i, 1)), inMarkdown(service))
		}
		fmt.Fprintf(&b, "| %s | %s %s | %s |\n", c.Kind, c.About, inMarkdown(c.What), inMarkdown(c.Text))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// inMarkdown is text of a table's cell or a heading, whatever is in it.
func inMarkdown(s string) string { return diffEscape.Replace(terminal.Printable(s, maxDiffText)) }

var diffEscape = func() *strings.Replacer {
	var pairs []string
	for _, c := range "\\`*_{}[]#!<>&|~@$" {
		pairs = append(pairs, string(c), `\`+string(c))
	}
	return strings.NewReplacer(append(pairs, "://", `\://`, "www.", `www\.`, "WWW.", `WWW\.`)...)
}()

func diffJSON(out io.Writer, changes []change) error {
	if changes == nil {
		changes = []change{}
	}
	return output.WriteJSON(out, struct {
		Changes []change `json:"changes"`
	}{changes})
}
