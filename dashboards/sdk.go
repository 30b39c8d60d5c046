// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"bytes"
	"encoding/json"
	"hash/fnv"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// This file works around properties of the Foundation SDK (v0.0.18):
//
//   - Its types are used as they are, not its builders: WithPanel panics on an error, and the defaults
//     of the builders leave enumerations empty, which comes out as "" and is in no schema.
//   - It knows two models of a dashboard. Files are read by Grafana in the older one, schema version 42.
//   - Lists that are required come out as null unless they are made.
//   - New links and annotations are put into a menu of the controls unless their placement is taken back.
//   - Panels have no id. Grafana would give them new ones at every import, and links would break.
//   - No type of its own fits a query of Grafana's annotations.

// A document is a dashboard in the model that Grafana provisions from files.
type document = dashboard.Dashboard //nolint:staticcheck // the newer one it refuses in files

// encode writes a dashboard: the same bytes for the same dashboard, and a line's end at the end.
func encode(d document) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil { // maps have string keys and numbers are finite
		panic("dashboards: " + err.Error())
	}
	return b.Bytes()
}

// newDashboard is a dashboard without panels.
func newDashboard(uid, title, description string) document {
	d := *dashboard.NewDashboard()
	d.Uid, d.Title, d.Description = &uid, &title, &description
	d.Tags = []string{"otelcol-sre", "slo"}
	d.Timezone = new("browser")
	d.Editable = new(false)
	d.GraphTooltip = new(dashboard.DashboardCursorSyncCrosshair)
	d.Time = &dashboard.DashboardDashboardTime{From: "now-6h", To: "now"}
	d.Refresh = new("30s")
	return d
}

// newLink is a link above the panels.
func newLink(title, url, tooltip string) dashboard.DashboardLink {
	return dashboard.DashboardLink{
		Title: title, Type: dashboard.DashboardLinkTypeLink, Icon: "external link", Tooltip: tooltip,
		Url: &url, Tags: []string{}, TargetBlank: true,
	}
}

// panelID is an id that stays when other panels come and go. taken are those of the dashboard.
func panelID(key string, taken map[uint32]bool) uint32 {
	h := fnv.New32a()
	h.Write([]byte(key))
	const largest = 1<<31 - 1
	id := h.Sum32() & largest
	for id == 0 || taken[id] {
		id = (id + 1) & largest
	}
	taken[id] = true
	return id
}

// fields completes the configuration of a panel's fields: lists are required.
func fields(defaults dashboard.FieldConfig, overrides []dashboard.DashboardFieldConfigSourceOverrides) *dashboard.FieldConfigSource {
	if overrides == nil {
		overrides = []dashboard.DashboardFieldConfigSourceOverrides{}
	}
	return &dashboard.FieldConfigSource{Defaults: defaults, Overrides: overrides}
}

func legend(show bool) common.VizLegendOptions {
	mode := common.LegendDisplayModeList
	if !show {
		mode = common.LegendDisplayModeHidden
	}
	return common.VizLegendOptions{DisplayMode: mode, Placement: common.LegendPlacementBottom, ShowLegend: show, Calcs: []string{}}
}

func tooltip() common.VizTooltipOptions {
	return common.VizTooltipOptions{Mode: common.TooltipDisplayModeMulti, Sort: common.SortOrderDescending}
}

// last reduces a series to its newest value.
func last() common.ReduceDataOptions {
	return common.ReduceDataOptions{Calcs: []string{"lastNotNull"}, Values: new(false), Fields: new("")}
}

// taggedAnnotations finds annotations of Grafana's own by their tags.
type taggedAnnotations struct {
	Type     string   `json:"type"`
	Tags     []string `json:"tags"`
	MatchAny bool     `json:"matchAny"`
	Limit    int      `json:"limit"`
	RefID    string   `json:"refId"`
}

var _ variants.Dataquery = taggedAnnotations{}

// ImplementsDataqueryVariant marks the type as a query.
func (taggedAnnotations) ImplementsDataqueryVariant() {}

// DataqueryType is the data source's.
func (taggedAnnotations) DataqueryType() string { return "grafana" }

// Validate has nothing to check.
func (taggedAnnotations) Validate() error { return nil }

// Equals compares queries.
func (a taggedAnnotations) Equals(other variants.Dataquery) bool {
	b, ok := other.(taggedAnnotations)
	if !ok {
		return false
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
