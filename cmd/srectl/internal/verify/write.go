// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
)

const (
	formatJUnit    = "junit"
	formatMarkdown = "markdown"
)

func write(out io.Writer, format string, r *gate.Result) error {
	text := ""
	switch format {
	case output.JSON:
		return output.WriteJSON(out, r)
	case output.YAML:
		return output.WriteYAML(out, r)
	case formatJUnit:
		return writeJUnit(out, r)
	case formatMarkdown:
		g := grid(r)
		text = g.Markdown(3) + "\n"
		if len(r.Saturation) > 0 {
			used := used(r)
			text += used.Markdown(4) + "\n"
		}
		text += output.Markdown(join(r.Reason, r.Unmeasured)) + "\n"
	default:
		text = output.Printable(title(r)) + "\n" + output.Printable(join(r.Reason, r.Unmeasured)) + "\n"
		if len(r.Saturation) > 0 {
			text = used(r).Text() + "\n" + text
		}
		if len(r.SLOs) > 0 {
			text = grid(r).Text() + "\n" + text
		}
	}
	_, err := io.WriteString(out, text)
	return err
}

func title(r *gate.Result) string {
	return subject(r) + ": " + string(r.Verdict)
}

// join are two sentences; one of them may be in the other already.
func join(a, b string) string {
	if b == "" || strings.Contains(a, b) {
		return a
	}
	return a + " " + b
}

// subject is what is judged.
func subject(r *gate.Result) string {
	if r.Flag == "" {
		return strings.TrimSpace(r.Service + " " + r.Version)
	}
	text := r.Service + " " + r.Flag
	if r.Variant != "" {
		text += "=" + r.Variant
	}
	return text
}

// traffic is events per second: of the version, of the others, and before.
func traffic(s *gate.SLO) string {
	return number(s.Rate) + " (others " + number(s.OtherRate) + ", before " + number(s.BeforeRate) + ")"
}

// used is CPU and memory as a table.
func used(r *gate.Result) output.Grid {
	g := output.Grid{
		Title: "CPU and memory", Right: 3,
		Header: []string{"Resource", "Env", "State", "Mean", "Highest", "Of", "Instances", "Others", "Highest of others", "Metric"},
	}
	for i := range r.Saturation {
		s := &r.Saturation[i]
		others, highest := "-", "-"
		if s.Compared != "" {
			others = s.Amount(s.OtherMean) + ", " + s.Others()
			highest = s.Amount(s.OtherPeak)
		}
		g.Rows = append(g.Rows, []string{
			s.Label(), s.Environment, s.State, s.Amount(s.Mean), s.Amount(s.Peak), cmp.Or(s.Of, "no limit is known"), strconv.Itoa(s.Instances), others, highest, s.Metric,
		})
	}
	return g
}

// sentence is a row of it.
func sentence(s *gate.Saturation) string {
	text := fmt.Sprintf("%s: mean %s, highest %s", s.Metric, s.Amount(s.Mean), s.Amount(s.Peak))
	if s.Of != "" {
		text += " of " + s.Of
	}
	if s.Compared != "" {
		text += fmt.Sprintf("; %s: mean %s, highest %s", s.Others(), s.Amount(s.OtherMean), s.Amount(s.OtherPeak))
	}
	return text
}

// grid is the SLOs as a table.
func grid(r *gate.Result) output.Grid {
	g := output.Grid{
		Title: title(r), Right: 3,
		Header: []string{"SLO", "Env", "Verdict", "Events", "Failed", "Between", "Allowed", "Others failed", "Times as often", "Budget spent", "Of all that failed", "Events per second"},
	}
	for i := range r.SLOs {
		s := &r.SLOs[i]
		verdict, between, others, times := string(s.Verdict), "-", "-", "-"
		if s.Idle {
			verdict = "no events"
		}
		if s.Low.Known() {
			between = percent(s.Low) + " to " + percent(s.High)
		}
		if s.Compared != "" {
			others = percent(s.OtherShare) + " of " + number(s.OtherEvents)
		}
		if s.Times.Known() {
			times = number(s.Times) + " (" + number(s.TimesLow) + " to " + number(s.TimesHigh) + ")"
		}
		g.Rows = append(g.Rows, []string{
			s.Name, s.Environment, verdict, number(s.Events), percent(s.Share), between, percent(s.Allowed), others, times, spent(s), ofBad(s), traffic(s),
		})
	}
	return g
}

func spent(s *gate.SLO) string {
	if !s.Spent.Known() {
		return "-"
	}
	text := (time.Duration(float64(s.Spent) * float64(time.Second))).Round(time.Second).String()
	if s.SpentShare.Known() {
		text += ", " + percent(s.SpentShare)
	}
	return text
}

// ofBad is what the version has of the budget that all versions burned.
func ofBad(s *gate.SLO) string {
	if !s.OfBad.Known() {
		return "-"
	}
	return percent(s.OfBad)
}

func number(n gate.Number) string {
	switch {
	case !n.Known():
		return "?"
	case n >= 100:
		return strconv.FormatFloat(float64(n), 'f', 0, 64)
	}
	return strconv.FormatFloat(float64(n), 'g', 3, 64)
}

func percent(n gate.Number) string {
	if !n.Known() {
		return "-"
	}
	return strconv.FormatFloat(100*float64(n), 'g', 3, 64) + "%"
}

// The elements of JUnit's XML that CI systems read.
type (
	suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     float64    `xml:"time,attr"`
		At       string     `xml:"timestamp,attr"`
		Cases    []testCase `xml:"testcase"`
	}
	testCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Failure *message `xml:"failure"`
		Error   *message `xml:"error"`
		Skipped *message `xml:"skipped"`
		Out     string   `xml:"system-out,omitempty"`
	}
	message struct {
		Text string `xml:"message,attr"`
	}
)

// writeJUnit writes a test for the release and for each SLO. One that is inconclusive has an error: the test could not decide.
func writeJUnit(out io.Writer, r *gate.Result) error {
	s := suite{
		Name: "srectl verify " + output.Printable(subject(r)), Time: max(0, r.Until.Sub(r.Since).Seconds()), At: r.Until.UTC().Format("2006-01-02T15:04:05"),
	}
	add := func(name string, v gate.Verdict, idle bool, text string) {
		c := testCase{Class: output.Printable(r.Service), Name: output.Printable(name), Out: output.Printable(text)}
		switch {
		case idle:
			c.Skipped = &message{"no version has events"}
			s.Skipped++
		case v == gate.Fail:
			c.Failure = &message{c.Out}
			s.Failures++
		case v == gate.Inconclusive:
			c.Error = &message{"inconclusive: " + c.Out}
			s.Errors++
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
	}
	add("release", r.Verdict, false, join(r.Reason, r.Unmeasured))
	for i := range r.Saturation {
		one := &r.Saturation[i]
		name, v := one.Label(), gate.Pass
		if one.Environment != "" {
			name += " in " + one.Environment
		}
		if one.Fails {
			v = gate.Fail
		}
		add(name+" ("+one.Metric+")", v, false, sentence(one))
	}
	for i := range r.SLOs {
		slo := &r.SLOs[i]
		name := slo.Name
		if slo.Environment != "" {
			name += " in " + slo.Environment
		}
		add(name, slo.Verdict, slo.Idle, fmt.Sprintf("%s of %s events failed, %s to %s; the objective allows %s; budget spent: %s; of all that failed: %s; events per second: %s", percent(slo.Share), number(slo.Events), percent(slo.Low), percent(slo.High), percent(slo.Allowed), spent(slo), ofBad(slo), traffic(slo)))
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
