// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package whynot is `srectl why-not`: it says how the SLOs of a service take a span or log record.
package whynot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/doctor"
)

const (
	// maxInput bounds a file, maxAnswers the spans and log records that are explained.
	maxInput   = 64 << 20
	maxAnswers = 1000
)

var traceID = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

// NewCommand is `srectl why-not`.
func NewCommand() *cobra.Command {
	var folder, page string
	cmd := &cobra.Command{
		Use:   "why-not FILE|TRACEID",
		Short: "Say which SLOs count a span, and why others do not",
		Long: `why-not says of each span or log record, for each SLO of its service, whether it counts as good or bad and by which rule, or why it does not
count: its kind, a condition that does not hold, its environment, a name that the catalog does not have. It judges with the code of the collector.

FILE has OTLP/JSON, such as a request of an SDK or the output of the collector's file exporter; - is the standard input. A trace ID is looked up
among the recent telemetry of a running collector, which judges by the catalog that it uses.

It exits 0 if an SLO counts one of them, 1 if none does, 2 if there is nothing to judge.`,
		Example: "  srectl why-not --catalog ./catalog span.json\n  srectl why-not 4bf92f3577b34da6a3ce929d0e0e4736",
		Args:    oneInput,
	}
	flags := cmd.Flags()
	flags.StringVar(&folder, "catalog", "catalog", "catalog folder, for a file")
	flags.StringVar(&page, "url", collector.DefaultPage, "the collector's status page, for a trace ID")
	format := output.NewFormat(flags, output.Table, output.Wide, output.JSON, output.YAML)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := format.Check(); err != nil {
			return err
		}
		var answers []doctor.Answer
		var err error
		if _, missing := os.Stat(args[0]); traceID.MatchString(args[0]) && missing != nil {
			if flags.Changed("catalog") {
				return errors.New("--catalog is for a file: the collector judges a trace by the catalog that it uses")
			}
			answers, err = ofTrace(cmd.Context(), page, args[0])
		} else {
			answers, err = ofFile(cmd.Context(), folder, args[0], cmd.InOrStdin())
		}
		if err != nil {
			return err
		}
		if err := write(cmd.OutOrStdout(), format, answers); err != nil {
			return err
		}
		if !slices.ContainsFunc(answers, func(a doctor.Answer) bool { return a.Counted() }) {
			return exit.ErrNotOK
		}
		return nil
	}
	return cmd
}

func oneInput(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("write one file with OTLP/JSON (- is the standard input), or one trace ID")
	}
	return nil
}

func ofTrace(ctx context.Context, address, id string) ([]doctor.Answer, error) {
	page, err := collector.NewPage("--url", address)
	if err != nil {
		return nil, err
	}
	var body struct{ Answers []doctor.Answer }
	_, err = page.Get(ctx, "why-not/"+strings.ToLower(id), &body)
	return body.Answers, err
}

func ofFile(ctx context.Context, folder, file string, stdin io.Reader) ([]doctor.Answer, error) {
	in := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w; name a file with OTLP/JSON, or 32 hexadecimal digits of a trace ID", terminal.Label(file), errors.Unwrap(err))
		}
		defer opened.Close()
		in = opened
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxInput:
		return nil, fmt.Errorf("%s has more than %d MiB; name a smaller part of it", terminal.Label(file), maxInput>>20)
	}
	if _, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("--catalog %s: there is no such folder; name the catalog's", terminal.Label(folder))
	}
	loaded, problems := catalog.Load(folder)
	if problems.Err() != nil {
		return nil, fmt.Errorf("the catalog has errors; correct what srectl validate %s says", terminal.Label(folder))
	}
	answers := explain(ctx, doctor.NewExplainer(loaded), text)
	if len(answers) == 0 {
		return nil, fmt.Errorf("%s has no span and no log record in OTLP/JSON; it begins with {\"resourceSpans\": ... or {\"resourceLogs\": ..., one document per line or one in all", terminal.Label(file))
	}
	return answers, nil
}

// explain explains a document per line, or one in all.
func explain(ctx context.Context, x *doctor.Explainer, text []byte) (answers []doctor.Answer) {
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		answers = append(answers, explainOne(ctx, x, line, maxAnswers-len(answers))...)
		if len(answers) == maxAnswers {
			break
		}
	}
	if len(answers) == 0 {
		return explainOne(ctx, x, text, maxAnswers)
	}
	return answers
}

func explainOne(ctx context.Context, x *doctor.Explainer, text []byte, most int) (answers []doctor.Answer) {
	if td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(text); err == nil {
		answers = x.Traces(ctx, td, nil, most)
	}
	if ld, err := new(plog.JSONUnmarshaler).UnmarshalLogs(text); err == nil {
		answers = append(answers, x.Logs(ctx, ld, nil, most-len(answers))...)
	}
	return answers
}

func write(out io.Writer, format *output.Format, answers []doctor.Answer) error {
	if format.Data() {
		return format.Write(out, answers)
	}
	for i, a := range answers {
		var b strings.Builder
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s %s", a.Signal, terminal.OrDash(terminal.Label(a.Name)))
		if a.Kind != "" {
			fmt.Fprintf(&b, " (%s)", terminal.Label(a.Kind))
		}
		fmt.Fprintf(&b, " of %s", terminal.OrDash(terminal.Label(a.Service)))
		if a.Environment != "" {
			fmt.Fprintf(&b, " in %s", terminal.Label(a.Environment))
		}
		if format.Value == output.Wide && a.TraceID != "" {
			fmt.Fprintf(&b, ", trace %s, span %s", terminal.Label(a.TraceID), terminal.Label(a.SpanID))
		}
		b.WriteString("\n")
		if a.What != "" {
			so := "no SLO counts it"
			if len(a.SLOs) > 0 {
				so = "only Defaults give it SLOs"
			}
			fmt.Fprintf(&b, "%s: %s; %s\n", so, printable(a.What), printable(a.Fix))
		}
		if _, err := io.WriteString(out, b.String()); err != nil {
			return err
		}
		if len(a.SLOs) == 0 {
			continue
		}
		rows := [][]string{{"SLO", "VERDICT", "WHY"}}
		for _, v := range a.SLOs {
			rows = append(rows, []string{terminal.Label(v.SLO), terminal.Label(v.Verdict), printable(v.Why)})
		}
		if err := output.WriteColumns(out, rows); err != nil {
			return err
		}
	}
	return nil
}

func printable(text string) string {
	const longest = 500
	return terminal.Printable(text, longest)
}
