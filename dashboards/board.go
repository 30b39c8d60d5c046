// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// gridWidth is how many columns Grafana has.
const gridWidth = 24

// A panel is one with its place in a strip.
type panel struct {
	// key makes the id: it must not change.
	key   string
	width uint32
	dashboard.Panel
}

// A strip is panels of one height beside each other.
type strip struct {
	height uint32
	panels []panel
}

// A board places panels from top to bottom.
type board struct {
	panels []dashboard.PanelOrRowPanel
	taken  map[uint32]bool
	y      uint32
	// without are kinds of data sources whose panels are left out.
	without []string
}

func newBoard(o Options) *board { return &board{taken: map[uint32]bool{}, without: o.Without} }

// left are the strips without the panels of data sources that do not exist; the others take their places.
func (b *board) left(strips []strip) (all []strip) {
	for _, s := range strips {
		shown := slices.DeleteFunc(slices.Clone(s.panels), func(p panel) bool {
			return p.Datasource != nil && p.Datasource.Type != nil && slices.Contains(b.without, *p.Datasource.Type)
		})
		switch {
		case len(shown) == len(s.panels):
			all = append(all, s)
		case len(shown) > 0:
			all = append(all, strip{s.height, spread(shown)})
		}
	}
	return all
}

// add places strips below what is there.
func (b *board) add(strips ...strip) {
	for _, p := range b.place(b.left(strips)) {
		b.panels = append(b.panels, dashboard.PanelOrRowPanel{Panel: &p})
	}
}

// row adds a heading with strips below it; nothing if nothing of them is left. A collapsed row runs no query until it is opened.
func (b *board) row(key, title string, collapsed bool, strips ...strip) {
	if strips = b.left(strips); len(strips) == 0 {
		return
	}
	row := dashboard.RowPanel{
		Type: "row", Title: &title, Collapsed: collapsed, Id: panelID("row "+key, b.taken),
		GridPos: &dashboard.GridPos{H: 1, W: gridWidth, Y: b.y}, Panels: []dashboard.Panel{},
	}
	b.y++
	inside := b.y
	placed := b.place(strips)
	b.panels = append(b.panels, dashboard.PanelOrRowPanel{RowPanel: &row})
	if collapsed {
		row.Panels = placed
		b.y = inside
		return
	}
	for _, p := range placed {
		b.panels = append(b.panels, dashboard.PanelOrRowPanel{Panel: &p})
	}
}

func (b *board) place(strips []strip) []dashboard.Panel {
	var placed []dashboard.Panel
	for _, s := range strips {
		var x uint32
		for _, p := range s.panels {
			one := p.Panel
			one.Id = new(panelID(p.key, b.taken))
			one.GridPos = &dashboard.GridPos{X: x, Y: b.y, W: p.width, H: s.height}
			placed = append(placed, one)
			x += p.width
		}
		b.y += s.height
	}
	return placed
}

// spread gives panels a strip's width, each the same as far as that goes.
func spread(panels []panel) []panel {
	n := uint32(len(panels))
	for i := range panels {
		panels[i].width = gridWidth / n
		if uint32(i) < gridWidth%n {
			panels[i].width++
		}
	}
	return panels
}
