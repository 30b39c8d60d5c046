// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// An about holds the properties of every panel. The description says which values are good.
type about struct {
	key, title, description string
	width                   uint32
}

func (a about) panel(kind string, options any, config *dashboard.FieldConfigSource, targets []variants.Dataquery) panel {
	p := dashboard.Panel{
		Type: kind, Title: &a.title, Description: &a.description, Options: options, FieldConfig: config, Targets: targets,
	}
	if len(targets) > 0 {
		p.Datasource = fromPrometheus()
	}
	return panel{a.key, a.width, p}
}

// newStat is one large value.
func newStat(a about, l look, target variants.Dataquery) panel {
	return newTile(a, l, common.BigValueTextModeAuto, target)
}

// newNamedStat is a large value of each series, with its name.
func newNamedStat(a about, l look, target variants.Dataquery) panel {
	return newTile(a, l, common.BigValueTextModeValueAndName, target)
}

// newNameStat shows the names of existing series, in their colors.
func newNameStat(a about, l look, target variants.Dataquery) panel {
	return newTile(a, l, common.BigValueTextModeName, target)
}

// newTile is grey when nothing is known.
func newTile(a about, l look, mode common.BigValueTextMode, target variants.Dataquery) panel {
	l.mappings = append(slices.Clip(l.mappings), valueless(dashboard.ValueMappingResult{Color: new(unknown)}))
	if l.brief != "" {
		a.description += " Without a value: " + l.none
		l.none = l.brief
	}
	return a.panel("stat", statOptions(mode), l.config(nil), []variants.Dataquery{target})
}

func statOptions(mode common.BigValueTextMode) stat.Options {
	return stat.Options{
		GraphMode: common.BigValueGraphModeNone, ColorMode: common.BigValueColorModeBackground, JustifyMode: common.BigValueJustifyModeAuto,
		TextMode: mode, WideLayout: true, ReduceOptions: last(),
		PercentChangeColorMode: common.PercentChangeColorModeStandard, Orientation: common.VizOrientationAuto,
	}
}

// byVersion names series in a legend.
const byVersion = "{{service_version}}"

var ofVersions = unnamed("no version")

// unnamed names the series whose legend is empty, which Grafana calls Value. Not byName: every series' value is called
// that, and only what has no legend is shown so.
func unnamed(name string) []dashboard.DashboardFieldConfigSourceOverrides {
	return []dashboard.DashboardFieldConfigSourceOverrides{{
		Matcher: dashboard.MatcherConfig{Id: "byRegexp", Options: "/^Value$/"}, Properties: []dashboard.DynamicConfigValue{{Id: "displayName", Value: name}},
	}}
}

// newGraph is lines over time.
func newGraph(a about, l look, targets ...variants.Dataquery) panel {
	return a.panel("timeseries", graphOptions(), l.config(lines(l, 0)), targets)
}

// newAreas is areas over time that add up.
func newAreas(a about, l look, targets ...variants.Dataquery) panel {
	custom := lines(l, 30)
	custom.Stacking = &common.StackingConfig{Mode: new(common.StackingModeNormal), Group: new("A")}
	return a.panel("timeseries", graphOptions(), l.config(custom), targets)
}

// newLimited is lines over time in colors of their own, with the thresholds as dashed lines.
func newLimited(a about, l look, targets ...variants.Dataquery) panel {
	custom := lines(l, 0)
	custom.ThresholdsStyle = &common.GraphThresholdsStyleConfig{Mode: common.GraphThresholdsStyleModeDashed}
	return a.panel("timeseries", graphOptions(), l.configAs(dashboard.FieldColorModeIdPaletteClassicByName, l.steps, custom), targets)
}

func graphOptions() timeseries.Options {
	return timeseries.Options{Legend: legend(true), Tooltip: tooltip()}
}

// roomFor is how far the axis of a unit goes at least: Grafana draws a constant 0 on an axis to 100.
var roomFor = map[string]float64{"percentunit": 0.01, "cps": 0.1, "reqps": 0.1, "short": 1, "suffix:x": 1, "s": 0.01, "ms": 10}

// lines breaks where there is no value: a gap is not a zero.
func lines(l look, fill float64) *timeseries.FieldConfig {
	var room *float64
	if least, ok := roomFor[l.unit]; ok && l.max == nil {
		room = &least
	}
	return &timeseries.FieldConfig{
		AxisSoftMax: room,
		DrawStyle:   new(common.GraphDrawStyleLine), LineInterpolation: new(common.LineInterpolationLinear), LineWidth: new(1.0),
		FillOpacity: &fill, ShowPoints: new(common.VisibilityModeAuto), SpanNulls: &common.BoolOrFloat64{Bool: new(false)},
	}
}

// newTable is a table; several targets become one by the labels they share. It is sorted by a column, with a minus
// before its name the largest first.
func newTable(a about, l look, columns columns, sortBy string, targets ...variants.Dataquery) panel {
	options := table.Options{ShowHeader: true, CellHeight: new(common.TableCellHeightSm)}
	if sortBy != "" {
		column, descending := strings.CutPrefix(sortBy, "-")
		options.SortBy = []common.TableSortByFieldState{{DisplayName: column, Desc: &descending}}
	}
	l.overrides = append([]dashboard.DashboardFieldConfigSourceOverrides{l.blankCells()}, l.overrides...)
	p := a.panel("table", options, l.config(&table.FieldConfig{Align: common.FieldTextAlignmentAuto, MinWidth: new(60.0)}), targets)
	if len(targets) > 1 {
		p.Transformations = append(p.Transformations, dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
	}
	p.Transformations = append(p.Transformations, columns.organize())
	return p
}

// blankCells shows a short text without color in cells without a value: the panel's text for no rows would not fit.
func (l look) blankCells() dashboard.DashboardFieldConfigSourceOverrides {
	return dashboard.DashboardFieldConfigSourceOverrides{
		Matcher: dashboard.MatcherConfig{Id: "byRegexp", Options: "/.*/"}, Properties: []dashboard.DynamicConfigValue{
			{Id: "noValue", Value: "–"}, {Id: "mappings", Value: orBlank(l.mappings)},
		},
	}
}

// columns are the fields of a table in order, and their headings; one without heading is hidden.
type columns [][2]string

func (c columns) organize() dashboard.DataTransformerConfig {
	hidden, order, renamed := map[string]bool{"Time": true}, map[string]int{}, map[string]string{}
	for i, column := range c {
		if column[1] == "" {
			hidden[column[0]] = true
			continue
		}
		order[column[0]], renamed[column[0]] = i, column[1]
	}
	return dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": hidden, "indexByName": order, "renameByName": renamed,
	}}
}

// newBars is one bar for each series.
func newBars(a about, l look, target variants.Dataquery) panel {
	return a.panel("bargauge", bargauge.Options{
		DisplayMode: common.BarGaugeDisplayModeBasic, ValueMode: common.BarGaugeValueModeColor, NamePlacement: common.BarGaugeNamePlacementLeft,
		ShowUnfilled: true, Sizing: common.BarGaugeSizingAuto, MinVizWidth: 8, MinVizHeight: 16, MaxVizHeight: 300,
		Legend: legend(false), ReduceOptions: last(), Orientation: common.VizOrientationHorizontal,
	}, l.config(nil), []variants.Dataquery{target})
}

// newTimeline is a band of colors for each series.
func newTimeline(a about, l look, target variants.Dataquery) panel {
	return a.panel("state-timeline", statetimeline.Options{
		ShowValue: common.VisibilityModeNever, RowHeight: 0.9, MergeValues: new(true), AlignValue: new(common.TimelineValueAlignmentLeft),
		Legend: legend(false), Tooltip: tooltip(), PerPage: new(20.0),
	}, l.config(&statetimeline.FieldConfig{LineWidth: new(uint32(0)), FillOpacity: new(uint32(80))}), []variants.Dataquery{target})
}

// newHeatmap is how many values fell into each bucket of a histogram, whose unit is the look's.
func newHeatmap(a about, l look, count string, target variants.Dataquery) panel {
	options := heatmap.Options{
		Calculate: new(false), RowsFrame: &heatmap.RowsHeatmapOptions{Layout: new(common.HeatmapCellLayoutAuto)},
		Color: heatmap.HeatmapColorOptions{
			Mode: new(heatmap.HeatmapColorModeScheme), Scheme: "Oranges", Fill: "dark-orange",
			Scale: new(heatmap.HeatmapColorScaleExponential), Exponent: 0.5, Steps: 64,
		},
		FilterValues: &heatmap.FilterValueRange{Le: new(float32(1e-9))}, // leaves empty cells blank
		YAxis:        heatmap.YAxisConfig{Unit: &l.unit, AxisPlacement: new(common.AxisPlacementLeft)},
		CellValues:   &heatmap.CellValues{Unit: &count}, CellGap: new(uint8(1)),
		ShowValue: common.VisibilityModeNever, Legend: heatmap.HeatmapLegend{Show: true},
		Tooltip:   heatmap.HeatmapTooltip{Mode: common.TooltipDisplayModeSingle, YHistogram: new(true), ShowColorScale: new(true)},
		Exemplars: heatmap.ExemplarConfig{Color: exemplar},
	}
	custom := &heatmap.FieldConfig{ScaleDistribution: &common.ScaleDistributionConfig{Type: common.ScaleDistributionLinear}}
	return a.panel("heatmap", options, l.config(custom), []variants.Dataquery{target})
}

// newText is Markdown; whatever comes from the catalog must have gone through markdown.
func newText(a about, content string) panel {
	return a.panel("text", text.Options{Mode: text.TextModeMarkdown, Content: content}, nil, nil)
}

func newLogs(a about, target variants.Dataquery) panel {
	p := a.panel("logs", logs.Options{
		ShowTime: true, ShowLogContextToggle: true, WrapLogMessage: true, EnableLogDetails: true,
		SortOrder: common.LogsSortOrderDescending, DedupStrategy: common.LogsDedupStrategyNone,
	}, look{unit: "short", none: "No log line matches: is the ID complete, and does " + variableLoki + " hold this service's logs?"}.config(nil), []variants.Dataquery{target})
	p.Datasource = source("loki", variableLoki)
	return p
}

// newTraces shows the result of a search for traces.
func newTraces(a about, target variants.Dataquery) panel {
	p := a.panel("table", table.Options{ShowHeader: true, CellHeight: new(common.TableCellHeightSm)},
		look{none: "No trace matches: is the ID complete, and does " + variableTempo + " hold this service's traces?"}.
			config(&table.FieldConfig{Align: common.FieldTextAlignmentAuto}), []variants.Dataquery{target})
	p.Datasource = source("tempo", variableTempo)
	return p
}
