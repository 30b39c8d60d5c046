// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicemap

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/layers"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// Sizes in pixels.
const (
	boxWidth, boxHeight = 204, 58
	columnWidth         = boxWidth + 96
	rowHeight           = boxHeight + 18
	margin              = 8
	// maxLabel is what fits into a box, in characters.
	maxLabel = 26
)

// A Label is what a node of the picture says besides its name.
type Label struct {
	// State is a line such as "Burning fast, 14×", Change the newest one, such as "1.1.0, 5 min ago"; "" is none.
	State, Change string
	// Class is that of the state, Icon its icon; "" without an SLO.
	Class, Icon string
	// Link is the URL that it leads to.
	Link string
}

// Draw draws the part as SVG, callers to the left of what they call. Colors are those of the style sheet.
func (p *Part) Draw(label func(*Node) Label) template.HTML {
	at := map[Name]int{}
	for i := range p.Nodes {
		at[p.Nodes[i].Name] = i
	}
	edges := make([]layers.Edge, len(p.Edges))
	for i := range p.Edges {
		edges[i] = layers.Edge{From: at[p.Edges[i].From], To: at[p.Edges[i].To]}
	}
	l := layers.New(len(p.Nodes), edges)
	width := 2*margin + max(0, l.Layers-1)*columnWidth + boxWidth
	height := 2*margin + math.Max(0, l.Rows-1)*rowHeight + boxHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="map" viewBox="0 0 %d %s" width="%d" height="%s" role="group" aria-label="Map of services; the table below has the same">`, width, number(height), width, number(height))
	b.WriteString(`<defs>`)
	for _, kind := range []string{"", " failing", " declared"} {
		fmt.Fprintf(&b, `<marker id="arrow%s" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="head%s" d="M0 0L8 4L0 8Z"/></marker>`, strings.TrimSpace(kind), kind)
	}
	b.WriteString(`</defs>`)
	for i := range p.Edges {
		p.edge(&b, l, edges[i], i)
	}
	for i := range p.Nodes {
		p.node(&b, l, i, label(&p.Nodes[i]))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // what is from outside is escaped
}

func left(layer int) float64  { return margin + float64(layer*columnWidth) }
func top(row float64) float64 { return margin + row*rowHeight }

// edge draws a line from the right of the caller to the left of what it calls, through the gaps of the layers between them.
func (p *Part) edge(b *strings.Builder, l layers.Layout, e layers.Edge, i int) {
	of := &p.Edges[i]
	class := ""
	switch {
	case of.Fails():
		class = " failing"
	case !of.Observed:
		class = " declared"
	}
	x, y := left(l.Layer[e.From])+boxWidth, top(l.Row[e.From])+boxHeight/2
	var path strings.Builder
	fmt.Fprintf(&path, "M%s %s", number(x), number(y))
	to := func(nextX, nextY float64) {
		bend := math.Abs(nextX-x) / 2
		if nextX <= x { // it leads back
			bend = columnWidth / 2
		}
		fmt.Fprintf(&path, "C%s %s %s %s %s %s", number(x+bend), number(y), number(nextX-bend), number(nextY), number(nextX), number(nextY))
		x, y = nextX, nextY
	}
	for _, bend := range l.Bends[i] {
		middle := top(bend.Row) + boxHeight/2
		if l.Layer[e.From] < l.Layer[e.To] {
			to(left(bend.Layer), middle)
			fmt.Fprintf(&path, "H%s", number(left(bend.Layer)+boxWidth))
			x = left(bend.Layer) + boxWidth
		}
	}
	to(left(l.Layer[e.To]), top(l.Row[e.To])+boxHeight/2)
	fmt.Fprintf(b, `<path class="edge%s" d="%s" marker-end="url(#arrow%s)"><title>%s</title></path>`, class, path.String(), strings.TrimSpace(class), html.EscapeString(of.sentence()))
}

// sentence is an edge for people.
func (e *Edge) sentence() string {
	text := shown(e.From.Words()) + " calls " + shown(e.To.Words())
	if e.Messages {
		text = shown(e.From.Words()) + " sends messages to " + shown(e.To.Words())
	}
	switch {
	case !e.Observed:
		return text + ", says the catalog; it was not seen within a day"
	case !e.Rate.Known():
		return text + "; not in the last 5 minutes"
	}
	text += ": " + words.Number(float64(e.Rate)) + "/s"
	if e.Failed.Known() {
		text += ", " + words.Percent(float64(e.Failed)) + " failed"
	}
	if e.Slowest.Known() {
		text += ", 95 % within " + Milliseconds(e.Slowest)
	}
	return text
}

// Milliseconds is a time for people.
func Milliseconds(n fleet.Number) string {
	switch ms := float64(n); {
	case math.IsNaN(ms):
		return "–"
	case ms >= 1000:
		return words.Number(ms/1000) + " s"
	default:
		return words.Number(ms) + " ms"
	}
}

func (p *Part) node(b *strings.Builder, l layers.Layout, i int, label Label) {
	n := &p.Nodes[i]
	x, y := left(l.Layer[i]), top(l.Row[i])
	class := "node"
	if label.Class != "" {
		class += " " + label.Class
	}
	if p.Around != nil && *p.Around == n.Name {
		class += " middle"
	}
	open, end := `<g class="`+class+`">`, `</g>`
	if label.Link != "" {
		open, end = `<a class="`+class+`" href="`+html.EscapeString(label.Link)+`">`, `</a>`
	}
	b.WriteString(open)
	fmt.Fprintf(b, `<title>%s</title><rect class="box" x="%s" y="%s" width="%d" height="%d" rx="6"/><rect class="side" x="%s" y="%s" width="5" height="%d"/>`,
		html.EscapeString(strings.Join(n.says(label), ", ")), number(x), number(y), boxWidth, boxHeight, number(x), number(y), boxHeight)
	name := strings.TrimSpace(label.Icon + " " + words.Bounded(n.Name.Name, maxLabel))
	second := label.State
	if second == "" {
		second = n.sort()
	}
	for row, line := range []string{name, second, label.Change} {
		if line != "" {
			fmt.Fprintf(b, `<text class="line%d" x="%s" y="%s">%s</text>`, row, number(x+14), number(y+18+float64(row)*17), html.EscapeString(words.Bounded(line, maxLabel+2)))
		}
	}
	b.WriteString(end)
}

// says is all of a node, for people.
func (n *Node) says(label Label) []string {
	all := []string{shown(n.Name.Words())}
	for _, text := range []string{label.State, label.Change} {
		if text != "" {
			all = append(all, text)
		}
	}
	if n.Rate.Known() {
		all = append(all, words.Number(float64(n.Rate))+"/s")
	}
	if n.Failed.Known() {
		all = append(all, words.Percent(float64(n.Failed))+" failed")
	}
	return all
}

// sort is what a node without an SLO is.
func (n *Node) sort() string {
	switch {
	case n.Kind == virtual:
		return "sends no spans"
	case n.Kind != "":
		return words.Bounded(strings.ReplaceAll(n.Kind, "_", " "), maxLabel)
	case !n.Heard:
		return "no telemetry"
	case n.Namespace != "":
		return words.Bounded(n.Namespace, maxLabel-8) + ", no SLO"
	}
	return "no SLO"
}

func shown(text string) string { return words.Shown(text, maxText) }

// maxText bounds a name, in characters.
const maxText = 120

// number is a coordinate, to a tenth of a pixel.
func number(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }
