package runbooks

import (
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A subject is what one page is about.
type subject struct {
	service *catalog.Service
	// alerts are those of the page, one name; all are the service's, by name.
	alerts []alerts.Alert
	all    [][]alerts.Alert
	q      queries
	hash   string
	o      Options
	// shown and common are what was written for another page of the service already.
	shown  map[query]markdown
	common map[string]markdown
}

func newSubject(s *catalog.Service, all [][]alerts.Alert, o Options) subject {
	return subject{
		service: s, all: all, q: queries{newNames(o.Alerts.Translation), s}, hash: Hash(s), o: o,
		shown: map[query]markdown{}, common: map[string]markdown{},
	}
}

// page is the subject of the page about these alerts; none is the index.
func (c subject) page(of []alerts.Alert) *subject {
	c.alerts = of
	return &c
}

// alert is the one that stands for the page where all of them agree.
func (c *subject) alert() alerts.Alert { return c.alerts[0] }

// slos are the SLOs the page's alerts are about, each once.
func (c *subject) slos() []*catalog.SLO {
	var slos []*catalog.SLO
	seen := map[*catalog.SLO]bool{}
	for _, a := range c.alerts {
		if a.SLO != nil && !seen[a.SLO] {
			seen[a.SLO] = true
			slos = append(slos, a.SLO)
		}
	}
	return slos
}

// of are the page's alerts about the SLO.
func (c *subject) of(slo *catalog.SLO) []alerts.Alert {
	var some []alerts.Alert
	for _, a := range c.alerts {
		if a.SLO == slo {
			some = append(some, a)
		}
	}
	return some
}

// The marker tells a generated page from one that is not ours to write; the hash tells what it was
// generated from.
const (
	marker     = "<!-- Generated: edit only between notes markers. Regenerate with: "
	hashMarker = "<!-- input: "
	orphanMark = "<!-- orphan -->"
)

func (c *subject) header(title markdown, more ...markdown) markdown {
	var b page
	b.line(marker + markdown(comment(c.o.Command)) + " -->")
	b.line(hashMarker + markdown(c.hash) + " -->")
	b.heading(1, title)
	facts := []markdown{"Owner: " + sprintf("**%s**", orNone(c.service.Owner))}
	if c.service.Tier > 0 {
		facts = append(facts, "Tier: "+markdown(strconv.Itoa(c.service.Tier)))
	}
	if len(c.service.Environments) > 0 {
		facts = append(facts, "Environments: "+text(strings.Join(c.service.Environments, ", ")))
	}
	if c.service.Repository != "" {
		facts = append(facts, "Repository: "+link(text(c.service.Repository), c.service.Repository))
	}
	facts = append(facts, "Regenerate: "+code(c.o.Command))
	b.list(append(facts, more...)...)
	return b.markdown()
}

// comment keeps a text from ending the HTML comment it stands in.
func comment(s string) string {
	return strings.NewReplacer("<", "", ">", "").Replace(oneLine(s))
}

func orNone(s string) markdown {
	if s == "" {
		return "nobody is named"
	}
	return text(s)
}

// runbook is the page of an alert.
func (c *subject) runbook(notes *notebook) markdown {
	g := guideOf(c.alert())
	name := text(c.alert().Name)
	var b page
	b.b.Grow(32 << 10)
	b.add(c.header(sprintf("%s: %s", name, text(c.service.Name)), c.links()...))

	b.heading(2, "Meaning")
	b.add(g.meaning(c))
	if len(c.slos()) == 0 {
		b.add(c.rule(c.alerts))
	}

	b.heading(2, "Impact")
	b.add(g.impact(c))

	b.heading(2, "First five minutes")
	b.steps(g.first(c)...)

	b.heading(2, "What changed")
	b.add(g.changed(c))

	b.heading(2, "Diagnosis")
	b.add(g.diagnosis(c))

	b.heading(2, "Mitigation")
	b.add(c.remedies(g.mitigation(c)))

	b.heading(2, "Escalation")
	b.add(c.escalation())

	b.heading(2, "Silencing safely")
	b.add(c.silencing(g))

	b.heading(2, "Known causes")
	b.add(notes.block(knownCauses))
	return b.markdown()
}

// links lead to the alert's dashboard and to the other pages of the service.
func (c *subject) links() []markdown {
	links := []markdown{"All alerts of the service: " + pageLink(text(c.service.Name), Index)}
	if d := c.alert().Annotations["dashboard_url"]; d != "" {
		links = append(links, "Dashboard: "+link(text(d), d))
	}
	links = append(links, sprintf("Severity: **%s**", text(c.alert().Severity)))
	if slos := c.slos(); len(slos) > 1 {
		jumps := make([]markdown, len(slos))
		for i, slo := range slos {
			jumps[i] = anchor(text(slo.Name), sloHeading(slo))
		}
		links = append(links, "The alert's label "+code("slo_name")+" says which SLO. Its queries: "+join(jumps, ", "))
	}
	return links
}

// rule are the exact conditions and the reasons for them, to look at while the alert fires.
func (c *subject) rule(of []alerts.Alert) markdown {
	var b page
	for _, a := range of {
		if a.Why != "" {
			b.paragraph(text(a.Why))
		}
		about := markdown("The rule")
		if a.For > 0 {
			about += sprintf(", true for %s", text(catalog.FormatDuration(a.For)))
		}
		b.add(c.show(about, query{a.Expr, 6}))
	}
	return b.markdown()
}

// show is a query with the link that runs it.
func (c *subject) show(about markdown, q query) markdown {
	return sprintf("%s:\n\n", about) + c.query(q)
}

func (c *subject) query(q query) markdown {
	if c.shown[q] == "" {
		c.shown[q] = block("promql", q.promql, "") + sprintf("\n%s\n\n", run("Run it in Prometheus", c, q))
	}
	return c.shown[q]
}

// once writes a part that is the same on all pages of the service.
func (c *subject) once(part string, write func() markdown) markdown {
	if _, known := c.common[part]; !known {
		c.common[part] = write()
	}
	return c.common[part]
}

// A page is Markdown in the making.
type page struct{ b strings.Builder }

func (p *page) markdown() markdown { return markdown(p.b.String()) }
func (p *page) add(m markdown)     { p.b.WriteString(string(m)) }
func (p *page) line(m markdown)    { p.add(m + "\n") }

// paragraph is on its own; what comes next begins after an empty line.
func (p *page) paragraph(m markdown) { p.add(m + "\n\n") }

func (p *page) heading(level int, title markdown) {
	if text := p.b.String(); text != "" && !strings.HasSuffix(text, "\n\n") {
		p.add("\n")
	}
	p.add(markdown(strings.Repeat("#", level)) + " " + title + "\n\n")
}

func (p *page) list(items ...markdown) {
	for _, item := range items {
		p.line("- " + item)
	}
	p.add("\n")
}

func (p *page) steps(items ...markdown) {
	for i, item := range items {
		p.line(markdown(strconv.Itoa(i+1)) + ". " + item)
	}
	p.add("\n")
}

func join(parts []markdown, separator markdown) markdown {
	words := make([]string, len(parts))
	for i, part := range parts {
		words[i] = string(part)
	}
	return markdown(strings.Join(words, string(separator)))
}

func sloHeading(slo *catalog.SLO) string { return "SLO " + slo.Name }

// anchor leads to a heading of the same page.
func anchor(label markdown, heading string) markdown {
	return sprintf("[%s](#%s)", label, destination(slug(heading)))
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			return c
		}
		return -1
	}, strings.ToLower(heading))
}
