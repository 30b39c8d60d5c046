// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// The names of pages that others link to.
const (
	leadPage     = "incident-lead"
	rollbackPage = "rollback"
	freezePage   = "feature-freeze"
	dataPage     = "data-fix"
	queuePage    = "queue-replay"
)

// A procedure is what to do that is not the answer to one alert.
type procedure struct {
	name         string
	title, about markdown
	write        func(*subject, *page)
	// dated pages say when all that they tell to run was run last.
	dated bool
}

var procedures = []procedure{
	{searchPage, "Find requests", "errors in logs, and all of one request", (*subject).findRequests, false},
	{leadPage, "Lead an incident", "one person leads, and repairs nothing", (*subject).lead, true},
	{rollbackPage, "Roll back", "the way back, with checks before and after", (*subject).backWithChecks, true},
	{freezePage, "Freeze features", "the budget is spent", (*subject).freeze, true},
	{dataPage, "Fix data", "an incident left wrong data behind", (*subject).fixData, true},
	{queuePage, "Replay a queue", "telemetry waits on a disk", (*subject).replayQueue, true},
}

// proceduresOf are those of a service. The collector's are about its queues.
func proceduresOf(s *catalog.Service) []procedure {
	if s.Name == Collector {
		return procedures[len(procedures)-1:]
	}
	return procedures
}

// Known reports whether the service may have a page of this name.
func Known(s *catalog.Service, name string) bool {
	return alerts.Known(name) ||
		slices.ContainsFunc(s.SLOs, func(slo *catalog.SLO) bool {
			return alerts.SLORunbook(slo.Name) == name || queriesPrefix+slo.Name == name
		}) ||
		slices.ContainsFunc(proceduresOf(s), func(p procedure) bool { return p.name == name })
}

// procedure is the page of one.
func (c *subject) procedure(p procedure) func(*notebook) page {
	return func(notes *notebook) page {
		var b page
		b.add(c.mark(sprintf("%s: %s", p.title, text(c.service.Name))))
		b.list(c.reach(), sprintf("All pages of the service: %s.", pageLink(text(c.service.Name), Index)))
		p.write(c, &b)
		b.heading(2, "Notes")
		b.add(notes.block(serviceNotes))
		if p.dated {
			b.add("\n", lastRun())
		}
		return b
	}
}

// srectl is a command that asks the status page.
func (c *subject) srectl(words ...string) string {
	if c.o.StatusPage != "" && c.o.StatusPage != "/" {
		words = append(words, "--url", shell(c.o.StatusPage))
	}
	return "srectl " + strings.Join(words, " ")
}

// reference is the service as srectl takes it.
func (c *subject) reference() string {
	if c.service.Namespace != "" {
		return shell(c.service.Namespace + "/" + c.service.Name)
	}
	return shell(c.service.Name)
}

// shell is a block of commands.
func (p *page) shell(commands ...string) { p.add(block("sh", strings.Join(commands, "\n"), ""), "\n") }

func (c *subject) lead(b *page) {
	b.heading(2, "At once")
	b.steps(
		"Say in the chat that you lead. You ask, decide and report; others repair.",
		sprintf("Open %s: what burns, since when, the likely change, and the way back. The ID is the end of its address; write it in place of `INCIDENT`.", c.here("the incident", "/incidents", c.about(nil))),
		sprintf("Undo first, if a change is likely: %s.", pageLink("Roll back", rollbackPage+".md")),
		"Name one person who repairs, and one who informs customers.")
	b.paragraph("Write into the timeline what you decide:")
	b.shell(c.srectl("note", "INCIDENT", "'I lead. NEXT STEP'"))
	b.heading(2, "Every 30 minutes")
	b.steps("What do we know, what do we try next, until when?", "Tell the chat and the customers the same, with the time of the next word.", sprintf("Is it worse? Call the owners of %s.", c.around()))
	b.heading(2, "When it is over")
	b.paragraph("It is over when the incident page says so, not before. The draft has the timeline, the impact and the open questions; it blames nobody:")
	b.shell(c.srectl("postmortem", "INCIDENT", "--out", "postmortem.md"))
	b.paragraph(sprintf("Is the budget spent? %s. Is data wrong? %s.", pageLink("Freeze features", freezePage+".md"), pageLink("Fix data", dataPage+".md")))
}

// around are the dependencies, or, without any, those that depend on it.
func (c *subject) around() markdown {
	all := c.q.dependsOn
	if len(all) == 0 {
		return "the services that call this one"
	}
	names := make([]markdown, 0, maxDependencies)
	for _, d := range all[:min(len(all), maxDependencies)] {
		names = append(names, indexOf(d))
	}
	return join(names, ", ")
}

func (c *subject) backWithChecks(b *page) {
	b.heading(2, "Before")
	b.paragraph("This changes nothing. It says to which version it would return, by which command, or why not. Write the new version in place of `VERSION`:")
	b.shell(c.srectl(append([]string{"rollback", "--service", c.reference(), "--version", "VERSION"}, append(c.inEnvironment(), "--catalog", "CATALOG")...)...))
	b.add(c.migrations())
	b.heading(2, "Go back")
	b.paragraph("The same command with `--yes` does it, and reports it to the collector. By hand:")
	b.add(c.wayBack())
	b.heading(2, "After")
	b.paragraph("Within 5 minutes only the old version runs:")
	b.add(c.query(c.q.instances()))
	b.paragraph(sprintf("The error ratio falls: %s. If it does not, the version was not the cause: look at the page of the SLO.", run("bad events over 5m", c, c.q.every("slo:sli_error:ratio_rate5m", 1))))
	b.paragraph(sprintf("Undo: %s", c.rollback().undo))
}

// inEnvironment is the flag for the only environment of the service.
func (c *subject) inEnvironment() []string {
	if len(c.service.Environments) != 1 {
		return nil
	}
	return []string{"--environment", shell(c.service.Environments[0])}
}

func (c *subject) freeze(b *page) {
	b.heading(2, "Is the budget spent?")
	b.paragraph("This exits with 1 if an SLO of the service has overspent its budget, and says which. A pipeline that runs it before a release enforces the freeze:")
	b.shell(c.srectl("budget", "--fail-below", "0", "--service", c.reference()))
	b.heading(2, "Begin")
	b.steps(
		sprintf("Agree with %s: until the budget is above 0, only changes that improve reliability are released.", orNone(c.service.Owner)),
		"Turn off feature flags that are not finished. Stop experiments.",
		sprintf("Find what the budget was spent on: %s. Fix the largest cause first.", c.here("the ledger", "/ledger", c.spent(nil))),
		"Write date, reason and end under Notes.")
	b.heading(2, "A release that cannot wait")
	b.paragraph("A fix for security, or one that ends the burn, passes with an owner and a last day:")
	b.shell(c.srectl("budget", "--fail-below", "0", "--service", c.reference(), "--except", shell(c.plainReference()+" owner=NAME until=YYYY-MM-DD")))
	b.heading(2, "End")
	b.paragraph(sprintf("The freeze ends when the first command exits with 0. Budgets left: %s.", run("over the last week", c, c.q.every("slo:period_error_budget_remaining:ratio", 168))))
}

// plainReference is the service, unquoted.
func (c *subject) plainReference() string {
	if c.service.Namespace != "" {
		return oneLine(c.service.Namespace + "/" + c.service.Name)
	}
	return oneLine(c.service.Name)
}

func (c *subject) fixData(b *page) {
	b.heading(2, "Stop what writes it")
	b.paragraph(sprintf("Data that goes on being written wrong cannot be fixed. Undo the change that does it: %s.", pageLink("Roll back", rollbackPage+".md")))
	b.add(c.migrations())
	b.heading(2, "Which data is it?")
	b.steps(
		sprintf("Note from when until when: the incident has both: %s.", c.here("incidents of the service", "/incidents", c.about(nil))),
		sprintf("List the failed requests of that time: %s. Each has its trace, and in it what it wrote.", c.here("what failed", "/ledger", c.spent(nil))),
		sprintf("Ask the owners of %s what they got of it.", c.around()))
	b.heading(2, "Fix it")
	b.steps(
		"Take a backup, and restore it somewhere, so that you know that it can be restored.",
		"Write the fix as a script that can run twice. Have a second person read it.",
		"Run it on ten rows. Look at them. Then on the rest, in small parts.",
		"Undo: restore the rows of a part from the backup.")
	b.heading(2, "The budget")
	b.paragraph("The failures were real: they stay counted. Were events counted that were none, such as those of the script? Add a correction to the SLO in the catalog, and have it reviewed. This shows what it changes:")
	b.shell("srectl validate CATALOG", "srectl diff --git HEAD~1 CATALOG")
}

// queues is where queues are on disk, unless the collector's configuration says otherwise.
const queues = "/var/lib/otelcol-sre/queues"

func (c *subject) replayQueue(b *page) {
	b.paragraph("Telemetry for a backend that is away waits in a queue on the collector's disk. It is sent in its order as soon as the backend is back: nothing has to be started. Error budgets do not wait: events are counted before the queue.")
	b.heading(2, "What waits?")
	b.add(c.query(queue.query))
	b.steps(
		sprintf("Does the queue shrink? Then wait. %s.", c.here("The collectors", "/collector", nil)),
		"Does it grow, or stay? The backend is away or refuses: the collector's log says which, and why. Repair the backend, not the queue.",
		"Is it nearly full? Senders keep what is refused, and drop it when their own queues are full. Give the queue more room before: `OTELCOL_SRE_QUEUE`.")
	b.heading(2, "The collector's machine is lost, its disk is not")
	b.paragraph("Stop the collector, if it runs: two must not have one queue. Pack the queues:")
	b.shell("tar -C " + queues + " -cf queues.tar .")
	b.paragraph("Take the file to a collector with the same exporters that is stopped and whose queues are empty; unpack it, and start:")
	b.shell("mkdir -p "+queues, "tar -C "+queues+" -xf queues.tar")
	b.paragraph("It sends what waited, and once more what was on its way. Backends that know spans by their IDs keep one.")
	b.heading(2, "Did it arrive?")
	if c.ofCollector() {
		b.paragraph("The queue is empty, and nothing was dropped:")
		b.add(c.query(notQueued.query))
		return
	}
	b.paragraph(sprintf("The gap in the service's telemetry is closed: %s. Sent as seconds since the last telemetry: %s.", c.here("plots", c.plots(), nil), run("the service", c, c.q.silence())))
}
