// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

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
	"github.com/otelcol-sre/otelcol-sre/processors/correlation"
)

// NewCommand is `srectl find`.
func NewCommand() *cobra.Command {
	var (
		format *output.Format
		limit  int
		why    bool
	)
	cmd := &cobra.Command{
		Use:   "find ID FILE...",
		Short: "Show all spans and log records of one request, in order",
		Long: `find prints the spans and log records of one request, across services, in order of time.

ID is any ID of the request: its correlation ID, a trace ID or span ID in hexadecimal, a conflicting ID
(correlation.conflict), the whole value of any attribute, such as an order number, or a word in the text of a log
record. Each ID of a request gives the same result: its traces, the traces that link to them, all items with its
correlation ID, and items that mention one of its IDs. If several requests have the ID, find shows each by itself; if the
ID is only a word that they have in common, it lists them. --why tells where each item has its correlation ID from, and which other values it
has, and why they are not used; it reads the items with the default sources. docs/correlation.md defines what belongs to a request; the search of the status page gives
the same result.

FILE is the output of the collector's file exporter (format json, no compression), or other OTLP/JSON, also
indented; - is the standard input. Name all rotated files. find reads the files several times and keeps no copy.

It exits 1 if nothing has the ID, 2 if the files cannot be searched.`,
		Example: `  srectl find A-1001 /var/lib/otelcol-sre/telemetry*.json
  kubectl exec deploy/gateway -- cat /data/telemetry.json | srectl find 4bf92f3577b34da6a3ce929d0e0e4736 -
  srectl find A-1001 telemetry.json -o json | jq '.items[] | select(.status == "error")'`,
		Args: idAndFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.Check(); err != nil {
				return err
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
			f := &finder{inputs: inputs, limit: limit, complaints: aside}
			if why {
				if f.why, err = correlation.NewExplainer(); err != nil {
					return err
				}
			}
			return find(strings.TrimSpace(args[0]), f, cmd.OutOrStdout(), format.Value)
		},
	}
	format = output.NewFormat(cmd.Flags(), output.Table, output.Wide, output.JSON, output.YAML)
	cmd.Flags().BoolVar(&why, "why", false, "say of each item where its correlation ID comes from")
	cmd.Flags().IntVar(&limit, "limit", 10_000, "maximum number of spans and log records to show")
	return cmd
}

// find prints the request, or reports what it read without a result.
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
		f.complaints.say("the result may be incomplete: the ID leads to more traces and IDs than find follows; search for another ID of the request")
	case found.Truncated:
		f.complaints.say(fmt.Sprintf("the result is incomplete: --limit %d was reached; raise it", f.limit))
	}
	if found.requests > 1 {
		f.complaints.say(fmt.Sprintf("%d requests have this ID", found.requests))
	}
	switch format {
	case output.JSON:
		return writeFoundJSON(out, found)
	case output.YAML:
		return output.WriteYAML(out, found)
	case output.Wide: // lines are not cut to the width of the terminal
		return writeFoundTable(out, found, terminal.Unbounded, terminal.Colored(out))
	}
	return writeFoundTable(out, found, widthOf(out), terminal.Colored(out))
}

// widthOf is the width of the terminal out; unbounded if out is not a terminal.
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

// idAndFiles requires an ID and at least one file.
func idAndFiles(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || strings.TrimSpace(args[0]) == "":
		return fmt.Errorf("no ID: give an ID of the request, as in\n%s", cmd.Example)
	case len(args) == 1:
		return errors.New(`no FILE: give a file of the collector's file exporter, or - for the standard input. The exporter's config is
  exporters:
    file:
      path: /var/lib/otelcol-sre/telemetry.json
and "file" in the exporters of the traces and logs pipelines`)
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
