// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	maxText  = 500
	maxValue = 100
)

func write(out io.Writer, all []spent, wide bool) error {
	for i := range all {
		s := &all[i]
		var b strings.Builder
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(terminal.Label(s.SLO))
		if s.Environment != "" {
			b.WriteString(" in " + terminal.Label(s.Environment))
		}
		fmt.Fprintf(&b, ", %s to %s: %s failed, %s did not\n", moment(s.From), moment(s.To), count(s.Bad), count(s.Good))
		if s.Booked < s.Bad {
			fmt.Fprintf(&b, "of those that failed, %s are in the ledger\n", count(s.Booked))
		}
		if s.Text != "" {
			b.WriteString(terminal.Printable(s.Text, maxText) + "\n")
		}
		if _, err := io.WriteString(out, b.String()); err != nil {
			return err
		}
		if err := table(out, "CAUSE", s.Causes, wide, nil); err != nil {
			return err
		}
		if err := incidents(out, s); err != nil {
			return err
		}
		for _, d := range s.Dimensions {
			name := terminal.OrDash(terminal.Label(d.Name))
			switch {
			case wide:
			case d.Name == semconv.ServiceVersion:
				name = "VERSION"
			default:
				continue
			}
			if _, err := io.WriteString(out, "\n"); err != nil {
				return err
			}
			more := [][]string{{"all other values", count(d.Other)}, {"without it", count(d.Without)}}
			if err := table(out, name, named(d), wide, more); err != nil {
				return err
			}
		}
	}
	return nil
}

// incidents is the table of what incidents spent.
func incidents(out io.Writer, s *spent) error {
	if len(s.ByIncident) == 0 {
		return nil
	}
	rows := [][]string{{"INCIDENT", "FROM", "TO", "FAILED", "OF FAILED"}}
	for _, one := range s.ByIncident {
		rows = append(rows, []string{terminal.OrDash(terminal.Label(one.ID)), moment(one.From), moment(one.To), count(one.Bad), percent(one.OfBad)})
	}
	if s.Others > 0 {
		rows = append(rows, []string{"all other incidents", "-", "-", count(s.Others), "-"})
	}
	rows = append(rows, []string{"outside of incidents", "-", "-", count(s.Outside), "-"})
	if _, err := io.WriteString(out, "\n"); err != nil {
		return err
	}
	return output.WriteColumns(out, rows)
}

// named are the lines of a dimension, whose attribute needs no name.
func named(d attribution.Dimension) []attribution.Line {
	all := make([]attribution.Line, len(d.Lines))
	for i, l := range d.Lines {
		all[i] = l
		all[i].Attributes = make([]attribution.Attribute, len(l.Attributes))
		for j, a := range l.Attributes {
			all[i].Attributes[j].Value = a.Value
		}
	}
	return all
}

func table(out io.Writer, what string, lines []attribution.Line, wide bool, more [][]string) error {
	if len(lines)+len(more) == 0 {
		return nil
	}
	rows := [][]string{{what, "FAILED", "OF FAILED", "OF TRAFFIC", "FAILS", "REST FAILS", "SINCE"}}
	if wide {
		rows[0] = append(rows[0], "SAME", "REQUEST")
	}
	for i := range lines {
		l := &lines[i]
		failed := count(l.Bad)
		if l.Uncertain > 0 {
			failed += " to " + count(l.Bad+l.Uncertain)
		}
		since := "-"
		if !l.Since.IsZero() {
			since = moment(l.Since)
		}
		row := []string{attributes(l.Attributes), failed, percent(l.OfBad), percent(l.OfTraffic), percent(l.Rate), percent(l.RestRate), since}
		if wide {
			request := ""
			if len(l.Traces) > 0 {
				request = terminal.Label(l.Traces[0])
			}
			row = append(row, terminal.OrDash(attributes(l.Same)), terminal.OrDash(request))
		}
		rows = append(rows, row)
	}
	return output.WriteColumns(out, append(rows, more...))
}

func attributes(all []attribution.Attribute) string {
	var texts []string
	for _, a := range all {
		text := terminal.OrDash(terminal.Printable(a.Value, maxValue))
		if a.Name != "" {
			text = terminal.Label(a.Name) + "=" + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " and ")
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func count(n float64) string { return strconv.FormatFloat(math.Round(n), 'f', -1, 64) }

func percent(n float64) string { return strconv.FormatFloat(100*n, 'f', 1, 64) + " %" }
