// Package find is `srectl find`: it finds a request in the files of a collector.
package find

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// NewCommand is `srectl find`.
func NewCommand() *cobra.Command {
	var (
		format string
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "find ID FILE...",
		Short: "Show everything that happened to one request, in order",
		Long: `find prints the spans and log records of one request, across services, in order of time.

ID is any ID of it: its correlation ID, a trace ID or span ID in hexadecimal, an ID that lost to another one
(correlation.conflict), the whole value of any attribute, such as an order's number, or a word in the text of a log
record. Each ID of a request finds the same: its traces, the traces that link to them, all that has its correlation
ID, and what mentions one of its IDs. An ID that several requests have finds all of these, and says so. What belongs
to a request is described in docs/correlation.md; the search of the status page finds the same.

FILE is what the collector's file exporter wrote (format json, no compression), or other OTLP/JSON, also
indented; - is the standard input. Rotated files are named together. The files are read several times and held nowhere.

It exits 1 when nothing has the ID, 2 when it could not be asked.`,
		Example: `  srectl find A-1001 /var/lib/otelcol-sre/telemetry*.json
  kubectl exec deploy/gateway -- cat /data/telemetry.json | srectl find 4bf92f3577b34da6a3ce929d0e0e4736 -
  srectl find A-1001 telemetry.json -o json | jq '.items[] | select(.status == "error")'`,
		Args: idAndFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != output.Table && format != output.JSON {
				return fmt.Errorf("--format %q is not known: write table or json", format)
			}
			if limit <= 0 {
				return fmt.Errorf("--limit is %d: must be above 0", limit)
			}
			inputs, err := openInputs(args[1:], cmd.InOrStdin())
			defer inputs.close()
			if err != nil {
				return err
			}
			aside := &complaints{out: cmd.ErrOrStderr()}
			defer aside.end()
			return find(strings.TrimSpace(args[0]), &finder{inputs, limit, aside}, cmd.OutOrStdout(), format)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "o", output.Table, "table or json")
	cmd.Flags().IntVar(&limit, "limit", 10_000, "the most spans and log records to show")
	return cmd
}

// find prints the request, or says what was read in vain.
func find(id string, f *finder, out io.Writer, format string) error {
	found, err := f.find(id)
	if err != nil {
		return err
	}
	if len(found.Items) == 0 {
		read, err := f.survey()
		if err != nil {
			return err
		}
		f.complaints.say(fmt.Sprintf("nothing has the ID %q: read %s; name the rotated files too, or wait for the exporter's flush",
			terminal.Printable(id, terminal.MaxLabel), read))
		return exit.ErrNotOK
	}
	switch {
	case found.cut:
		f.complaints.say("there may be more: the ID leads to more traces and IDs than are followed; search for another ID of the request")
	case found.Truncated:
		f.complaints.say(fmt.Sprintf("there is more: --limit %d was reached; raise it", f.limit))
	}
	if found.requests > 1 {
		f.complaints.say(fmt.Sprintf("%d requests have this ID", found.requests))
	}
	if format == output.JSON {
		return writeFoundJSON(out, found)
	}
	return writeFoundTable(out, found, widthOf(out), terminal.Colored(out))
}

// widthOf is the width of the terminal that out is; unbounded if it is none.
func widthOf(out io.Writer) int {
	file, ok := terminal.Of(out)
	if !ok {
		return terminal.Unbounded
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// idAndFiles asks for an ID and at least one file.
func idAndFiles(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || strings.TrimSpace(args[0]) == "":
		return fmt.Errorf("no ID: name one of the request's, as in\n%s", cmd.Example)
	case len(args) == 1:
		return errors.New(`no FILE: name what the collector's file exporter wrote, or - for the standard input. Its config is
  exporters:
    file:
      path: /var/lib/otelcol-sre/telemetry.json
and file in the exporters of the traces and logs pipelines`)
	}
	return nil
}

func (s survey) String() string {
	text := fmt.Sprintf("%s and %s in %s", output.Count(s.spans, "span"), output.Count(s.logs, "log record"), output.Count(s.files, "file"))
	if !s.first.IsZero() {
		text += fmt.Sprintf(", from %s to %s", s.first.Format(time.RFC3339), s.last.Format(time.RFC3339))
	}
	return text
}
