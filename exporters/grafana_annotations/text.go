// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

const (
	maxText  = 4096
	maxValue = 300 // of one value in the text, escaped
	maxURL   = 1024
)

// escape makes external text safe for HTML: printable, escaped, at most limit bytes. White space
// becomes a space.
func escape(text string, limit int) string {
	var b strings.Builder
	b.Grow(min(len(text), limit))
	for _, r := range text {
		if unicode.IsSpace(r) {
			r = ' '
		}
		if !unicode.IsPrint(r) {
			continue
		}
		entity := entities[r]
		if b.Len()+max(len(entity), utf8.RuneLen(r)) > limit {
			break
		}
		if entity != "" {
			b.WriteString(entity)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// entities are those of html.EscapeString.
var entities = map[rune]string{'<': "&lt;", '>': "&gt;", '&': "&amp;", '"': "&#34;", '\'': "&#39;"}

// withoutUser removes user name and password, which readers of an annotation must not see. An address that
// is malformed is none.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}

// link is an HTML link, or only its label if the address is not of http or https.
func link(address, label string) string {
	label = escape(label, maxValue)
	address = withoutUser(address)
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !utf8.ValidString(address) ||
		strings.ContainsFunc(address, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return label
	}
	if address = u.String(); len(address) > maxURL {
		return label
	}
	return `<a href="` + html.EscapeString(address) + `" target="_blank">` + label + `</a>`
}

// deploymentText is the annotation's HTML. Grafana sanitizes it too; here nothing from outside is
// left that could be a tag.
func deploymentText(d *deployment.Deployment, links *Links) string {
	b := newText(sentence(d))
	named := func(name, value string) {
		if value != "" {
			b.part(name + " " + escape(value, maxValue))
		}
	}
	linked := func(address, label string) {
		if html := link(address, label); strings.HasPrefix(html, "<a ") {
			b.part(html)
		}
	}
	b.part(escape(d.Effect.String(), maxValue))
	b.part(escape(d.Gate.String(), maxValue))
	if d.Revision != "" {
		b.part("commit " + link(deployment.CommitURL(d.Repository, d.Revision), deployment.ShortRevision(d.Revision)))
	}
	named("on", d.Branch)
	linked(d.Compare, "compare")
	named("change", d.Change)
	named("resolves", d.Tickets)
	if name := strings.TrimSpace(d.Pipeline + " " + d.RunID); name != "" {
		b.part("pipeline " + link(d.RunURL, name))
	} else {
		linked(d.RunURL, "pipeline run")
	}
	named("configuration", d.Configuration)
	linked(links.dashboard(d), "dashboard")
	named("by", d.Actor)
	return b.String()
}

// text is HTML of limited length: a heading, and parts below it. What does not fit is left out whole.
type text struct {
	strings.Builder
	separator string // before the next part
}

func newText(heading string) *text {
	t := &text{}
	t.part(heading)
	t.separator = "<br>"
	return t
}

// part adds one, if there is something to say.
func (t *text) part(html string) {
	if html == "" || t.Len()+len(t.separator)+len(html) > maxText {
		return
	}
	t.WriteString(t.separator)
	t.WriteString(html)
	t.separator = " · "
}

func sentence(d *deployment.Deployment) string {
	name := d.Name
	if d.Namespace != "" {
		name = d.Namespace + "/" + name
	}
	s := "<b>" + escape(name, maxValue) + "</b>"
	if d.Version != "" {
		s += " " + escape(d.Version, maxValue)
	}
	if d.Environment != "" {
		s += " in " + escape(d.Environment, maxValue)
	}
	if d.Cluster != "" {
		s += " at " + escape(d.Cluster, maxValue)
	}
	switch d.Status {
	case deployment.Started:
		s += ": deployment started"
	case deployment.Canary:
		s += ": canary"
	case deployment.Completed:
		s += ": deployment complete"
	case deployment.RolledBack:
		s += ": rolled back"
	case deployment.Failed:
		s += ": deployment failed"
	}
	if took := d.End.Sub(d.Start).Round(time.Second); d.Status.Over() && took > 0 {
		s += " after " + took.String()
	}
	if d.Adoption > 0 {
		s += " and has " + strconv.Itoa(d.Adoption) + " % of the traffic"
	}
	if d.Previous != "" {
		s += " (before: " + escape(d.Previous, maxValue) + ")"
	}
	return s
}
