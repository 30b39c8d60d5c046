// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package postmortem

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

// A document is Markdown that is being written. Texts from outside are escaped.
type document struct{ strings.Builder }

func (d *document) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *document) heading(text string) { d.line("\n## %s\n", text) }

// table writes rows below a header; nothing without rows.
func (d *document) table(header string, rows []string, none string) {
	if len(rows) == 0 {
		d.line("%s", none)
		return
	}
	d.line("| %s |", header)
	d.line("|%s", strings.Repeat(" --- |", strings.Count(header, "|")+1))
	for _, row := range rows {
		d.line("| %s |", row)
	}
}

var text = output.Markdown

// note is the kind of what somebody wrote, in a timeline.
const note = "note"

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// length is a time to the second, below an hour, or to the minute.
func length(d time.Duration) string {
	if d = max(d, 0).Round(time.Second); d >= time.Hour {
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return d.String()
}

// number is a count, or unknown.
func number(n *float64) string {
	if n == nil {
		return "unknown"
	}
	return strconv.FormatFloat(math.Round(*n), 'f', -1, 64)
}

func percent(n float64) string { return strconv.FormatFloat(100*n, 'f', 1, 64) + " %" }

// draft is the post-mortem of an incident, of which the status page has an address.
func draft(of *incident, page string) string {
	d := &document{}
	title := of.Origin.Service
	if of.Origin.Environment != "" {
		title += " in " + of.Origin.Environment
	}
	d.line("# Post-mortem: %s, %s", text(title), of.Start.UTC().Format("2006-01-02"))
	d.line("\nDraft of incident %s (<%s>), made of what was measured. All times are UTC. It is about systems, not about persons: name roles.", text(of.ID), link(page+of.Path))
	if of.End == nil {
		d.line("\n**The incident is not over**: write it again when it is.")
	}
	d.heading("Summary")
	d.line("%s", summary(of))
	d.heading("Impact")
	var rows []string
	for i := range of.Burning {
		b := &of.Burning[i]
		share, left := "unknown", "unknown"
		if b.Failed != nil && b.Events != nil && *b.Events > 0 {
			share = percent(*b.Failed / *b.Events)
		}
		if b.Remaining != nil {
			left = percent(*b.Remaining)
		}
		rows = append(rows, strings.Join([]string{text(b.Service), text(b.SLO), clock(b.Since), number(b.Failed), number(b.Events), share, left}, " | "))
	}
	d.table("Service | SLO | Burns since | Failed events | Events | Share | Error budget left, when this was written", rows, "No SLO of it is known.")
	if of.Fails != nil && of.Fails.Text != "" {
		d.line("\nWhat the failed events have in common: %s", text(of.Fails.Text))
	}
	d.line("\nWhat did users notice, and how many of them?")
	d.heading("Detection and recovery")
	d.table("From the beginning of the burn | Took", delays(of), "")
	d.heading("Timeline")
	rows = nil
	for _, m := range of.Timeline {
		what := text(m.Text)
		if m.Kind == note {
			what = "Note: " + what // its author is not named
		}
		rows = append(rows, clock(m.Time)+" | "+what)
	}
	d.table("Time | What happened", rows, "Nothing is known.")
	d.line("\nAdd what people did, and when: decisions, attempts, messages to users.")
	d.heading("Changes that may have contributed")
	rows = nil
	for i := range of.Suspects {
		rows = append(rows, of.Suspects[i].row())
	}
	d.table("Change | Time | Probability | Commit | More", rows, "No change is a likely cause.")
	d.line("\nThe probability is from times and failure rates alone. What else was different?")
	d.heading("Failed requests")
	rows = nil
	for _, r := range of.Requests {
		rows = append(rows, fmt.Sprintf("%s | %s | <%s/search?id=%s>", clock(r.Time), text(r.Service), link(page), hexadecimal(r.TraceID)))
	}
	d.table("Time | Service | Spans and logs", rows, "No exemplar of a failed request is known.")
	d.heading("Queries to see it again")
	d.line("From %s to %s:\n", clock(of.Start.Add(-30*time.Minute)), clock(of.over().Add(30*time.Minute)))
	for i := range of.Burning {
		b := &of.Burning[i]
		d.line("    slo:sli_error:ratio_rate5m{service_name=%s,slo_name=%s}", quoted(b.Service), quoted(b.SLO))
	}
	d.heading("Questions")
	for _, q := range questions {
		d.line("- %s", q)
	}
	d.heading("Actions")
	d.line("| Action | Prevents, detects sooner, or mitigates | Owner | Ticket | Due |\n| --- | --- | --- | --- | --- |")
	if of.Owner != "" {
		d.line("\nThe service belongs to %s.", text(of.Owner))
	}
	return d.String()
}

// questions are those that figures do not answer.
var questions = []string{
	"Which conditions had to come together?",
	"Why did tests, review and rollout not stop it?",
	"What made detection as fast or slow as it was? Did the right people get the alert?",
	"Which step of the runbook helped, and which was missing or wrong?",
	"Where were we lucky?",
	"Is there the same weakness elsewhere?",
}

// over is when it ended, or the last thing that is known.
func (i *incident) over() time.Time {
	switch {
	case i.End != nil:
		return *i.End
	case len(i.Timeline) > 0:
		return i.Timeline[len(i.Timeline)-1].Time
	}
	return i.Alerted
}

func summary(of *incident) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From %s", clock(of.Start))
	if end := of.burnEnd(); end != nil {
		fmt.Fprintf(&b, " to %s (%s)", clock(*end), length(end.Sub(of.Start)))
	}
	var names []string
	for _, s := range of.Services {
		names = append(names, text(s.Service))
	}
	fmt.Fprintf(&b, ", %s burned error budgets, likely beginning with %s.", strings.Join(names, ", "), text(of.Origin.Service))
	if of.Change != nil {
		fmt.Fprintf(&b, " The likely change is %s (%s).", text(of.Change.Text), percent(of.Change.Probability))
		if of.Cost != nil {
			fmt.Fprintf(&b, " It failed %s events.", number(of.Cost))
		}
	} else {
		b.WriteString(" No change is likelier than not to be the cause.")
	}
	return b.String()
}

func (i *incident) burnEnd() *time.Time {
	if i.BurnEnd != nil {
		return i.BurnEnd
	}
	return i.End
}

func delays(of *incident) []string {
	row := func(what string, at time.Time) string { return what + " | " + length(at.Sub(of.Start)) }
	what := "first alert, a ticket"
	if of.Page {
		what = "first alert"
	}
	rows := []string{row(what, of.Alerted)}
	if of.BurnEnd != nil {
		rows = append(rows, row("no SLO burns any more", *of.BurnEnd))
	}
	if of.End != nil {
		rows = append(rows, row("last alert over", *of.End))
	}
	return rows
}

func (s *suspect) row() string {
	commit := text(s.Revision)
	if s.Commit != "" {
		commit = "<" + link(s.Commit) + ">"
	}
	var more []string
	for _, address := range []string{s.Compare, s.Run} {
		if address != "" {
			more = append(more, "<"+link(address)+">")
		}
	}
	if s.Tickets != "" {
		more = append(more, text(s.Tickets))
	}
	return strings.Join([]string{text(s.Text), clock(s.Time), percent(s.Probability), commit, strings.Join(more, " ")}, " | ")
}

// link is an address within angle brackets: without what would end them, or a cell.
func link(address string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || strings.ContainsRune("<>[]|`\\", r) || r == 0x7f {
			return -1
		}
		return r
	}, address)
}

// hexadecimal is the ID if it is one.
func hexadecimal(id string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return r
		}
		return -1
	}, id)
}

// quoted is a value in PromQL, within a block of code.
func quoted(value string) string { return strconv.QuoteToASCII(value) }
