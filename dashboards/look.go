// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Colors have one meaning everywhere.
const (
	good    = "green"
	notice  = "yellow"
	warning = "orange"
	bad     = "red"
	worst   = "dark-red"
	neutral = "blue"
	unknown = "#808080"

	exemplar = "rgba(87, 148, 242, 0.9)" // a trace: neutral, and seen on orange
)

// stateColors are the states of an SLO, best first.
var stateColors = [][2]string{
	{string(semconv.StateOK), good}, {string(semconv.StateIdle), neutral}, {string(semconv.StateNew), neutral}, {string(semconv.StateNoData), unknown}, {string(semconv.StateNeverSeen), unknown},
	{string(semconv.StateBurningSlow), warning}, {string(semconv.StateBurningFast), bad}, {string(semconv.StateExhausted), worst},
}

// A look is the display of a panel's values.
type look struct {
	unit     string
	decimals *float64
	min, max *float64
	steps    []dashboard.Threshold
	// none is shown when there is no value: it says why.
	none string
	// brief takes its place in a tile, which has room for a word or two; the description then says why.
	brief     string
	mappings  []dashboard.ValueMapping
	overrides []dashboard.DashboardFieldConfigSourceOverrides
}

// config is the look as Grafana has it. Values are colored by thresholds, or else series by palette.
func (l look) config(custom any) *dashboard.FieldConfigSource {
	mode, steps := dashboard.FieldColorModeIdThresholds, l.steps
	if steps == nil {
		mode, steps = dashboard.FieldColorModeIdPaletteClassicByName, from(neutral)
	}
	return l.configAs(mode, steps, custom)
}

func (l look) configAs(mode dashboard.FieldColorModeId, steps []dashboard.Threshold, custom any) *dashboard.FieldConfigSource {
	return fields(dashboard.FieldConfig{
		Unit: &l.unit, Decimals: l.decimals, Min: l.min, Max: l.max, NoValue: &l.none, Mappings: l.mappings, Custom: custom,
		Color:      &dashboard.FieldColor{Mode: mode},
		Thresholds: &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: steps},
	}, l.overrides)
}

// from begins thresholds: the color of everything below the first step.
func from(color string, steps ...dashboard.Threshold) []dashboard.Threshold {
	return append([]dashboard.Threshold{{Color: color}}, steps...)
}

func step(at float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &at, Color: color}
}

// budgetSteps color the remaining budget.
var budgetSteps = from(worst, step(0, bad), step(0.1, warning), step(0.25, notice), step(0.5, good))

// burnSteps color burn rates as the alerts of an SLO over 30 days do: from 1 on a ticket, from 6 on a page.
var burnSteps = from(good, step(1, warning), step(6, bad))

// words maps words in a table to colors, and nothing to none.
func words(pairs ...[2]string) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, p := range pairs {
		options[p[0]] = dashboard.ValueMappingResult{Color: new(p[1]), Index: new(int32(i))}
	}
	return orBlank([]dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}})
}

// orBlank leaves a cell without a value without a color.
func orBlank(mappings []dashboard.ValueMapping) []dashboard.ValueMapping {
	return append(slices.Clip(mappings), valueless(dashboard.ValueMappingResult{Color: new("transparent")}))
}

// valueless is the display of a missing value.
func valueless(result dashboard.ValueMappingResult) dashboard.ValueMapping {
	return matching(dashboard.SpecialValueMatchNullAndNan, result)
}

func matching(match dashboard.SpecialValueMatch, result dashboard.ValueMappingResult) dashboard.ValueMapping {
	return dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue, Options: dashboard.DashboardSpecialValueMapOptions{Match: match, Result: result},
	}}
}

// pattern maps text that matches a regular expression.
func pattern(expression string, result dashboard.ValueMappingResult) dashboard.ValueMapping {
	return dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{
		Type: dashboard.MappingTypeRegexToText, Options: dashboard.DashboardRegexMapOptions{Pattern: expression, Result: result},
	}}
}

// shortCommit shows as much of a commit's hash as tells it from others.
func shortCommit() []dashboard.ValueMapping {
	return []dashboard.ValueMapping{pattern("/^([0-9a-f]{8})[0-9a-f]{32,}$/", dashboard.ValueMappingResult{Text: new("$1")})}
}

// texts maps words and numbers to other words.
func texts(pairs ...[2]string) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, p := range pairs {
		options[p[0]] = dashboard.ValueMappingResult{Text: new(p[1]), Index: new(int32(i))}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

// absolute are the thresholds of one column.
func absolute(steps []dashboard.Threshold) dashboard.ThresholdsConfig {
	return dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: steps}
}

// limits draws the result of a target as a dashed line in the color of a warning.
func limits(ref string) dashboard.DashboardFieldConfigSourceOverrides {
	o := fixed(ref, warning)
	o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 8}}})
	return o
}

// colors gives series of these names their colors.
func colors(pairs [][2]string) []dashboard.DashboardFieldConfigSourceOverrides {
	var overrides []dashboard.DashboardFieldConfigSourceOverrides
	for _, p := range pairs {
		overrides = append(overrides, field(p[0], "color", dashboard.FieldColor{Mode: dashboard.FieldColorModeIdFixed, FixedColor: new(p[1])}))
	}
	return overrides
}

// fixed gives the result of a target one color.
func fixed(ref, color string) dashboard.DashboardFieldConfigSourceOverrides {
	return dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byFrameRefID", Options: ref},
		Properties: []dashboard.DynamicConfigValue{{Id: "color", Value: dashboard.FieldColor{Mode: dashboard.FieldColorModeIdFixed, FixedColor: &color}}},
	}
}

// field overrides properties of the field of a name: pairs of property and value.
func field(name string, pairs ...any) dashboard.DashboardFieldConfigSourceOverrides {
	o := dashboard.DashboardFieldConfigSourceOverrides{
		Matcher: dashboard.MatcherConfig{Id: "byName", Options: name}, Properties: []dashboard.DynamicConfigValue{},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: pairs[i].(string), Value: pairs[i+1]})
	}
	return o
}

// A fieldLink is a link on a value. The SDK's type is that of links above a dashboard.
type fieldLink struct {
	Title       string `json:"title"`
	URL         string `json:"url"`
	TargetBlank bool   `json:"targetBlank"`
}

func linked(title, url string) []fieldLink { return []fieldLink{{title, url, true}} }

// colored fills a cell of a table with the color of its value.
func colored() map[string]any {
	return map[string]any{"type": "color-background", "mode": "basic"}
}
