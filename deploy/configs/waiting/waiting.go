// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package waiting lets nothing wait that is counted. The correlation processor may hold items back until their trace shows an ID.
// What counts events, detects deployments, or measures requests does not need the ID, so it must not wait for it
// (docs/decisions/0023-counting-does-not-wait.md). A confmap converter splits each pipeline that does both: the first half has its
// receivers and processors, with a correlation that does not wait, and what counts; the second has the correlation that waits, and the exporters.
package waiting

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// counting are the types of connectors that must not wait.
var counting = []string{"sli", "deployevent", "red"}

// NewFactory returns the factory of the converter.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return converter{} })
}

type converter struct{}

// Convert changes the configuration in place.
func (converter) Convert(_ context.Context, conf *confmap.Conf) error {
	all := conf.ToStringMap()
	processors := section(all, "processors")
	pipelines := section(section(all, "service"), "pipelines")
	waiting := map[string]bool{}
	changed, connectors := map[string]any{}, map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(pipelines)) {
		p, ok := pipelines[name].(map[string]any)
		if !ok || kind(name) != "traces" && kind(name) != "logs" {
			continue
		}
		all := list(p["processors"])
		at := slices.IndexFunc(all, func(processor any) bool { return waits(processors, processor) })
		if at < 0 {
			continue
		}
		first := fmt.Sprint(all[at])
		early, late := divided(list(p["exporters"]))
		waiting[first] = waiting[first] || len(early) > 0
		switch {
		case len(late) == 0:
		case len(early) == 0:
			processors := slices.Clone(all)
			processors[at] = second(first)
			changed[name] = with(p, map[string]any{"processors": processors})
		default:
			connector := "forward/arriving-" + strings.ReplaceAll(name, "/", "-")
			connectors[connector] = nil
			changed[name+suffix(name)] = map[string]any{
				"receivers": p["receivers"], "processors": all, "exporters": append(slices.Clone(early), connector),
			}
			changed[name] = with(p, map[string]any{"receivers": []any{connector}, "processors": []any{second(first)}, "exporters": late})
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(waiting)), true) {
		return nil // nothing counts behind one that waits
	}
	correlations := map[string]any{}
	for name := range waiting {
		config, _ := processors[name].(map[string]any)
		later := maps.Clone(config)
		later["after"] = name
		correlations[second(name)] = later
		correlations[name] = map[string]any{"wait": "0s", "generate": "none"} // the second one generates
	}
	for name := range changed {
		conf.Delete("service::pipelines::" + name) // merging would add to its lists
	}
	return conf.Merge(confmap.NewFromStringMap(map[string]any{
		"processors": correlations, "connectors": connectors, "service": map[string]any{"pipelines": changed},
	}))
}

// with is a pipeline with other parts. A key that no pipeline has stays, so that the Collector can name it.
func with(pipeline, parts map[string]any) map[string]any {
	next := maps.Clone(pipeline)
	maps.Copy(next, parts)
	return next
}

// second names the correlation that waits.
func second(name string) string { return name + suffix(name) }

// suffix is what makes an ID another one: traces/arriving, or traces/mine-arriving.
func suffix(id string) string {
	word := "arriving"
	if kind(id) == "correlation" {
		word = "waiting"
	}
	if strings.Contains(id, "/") {
		return "-" + word
	}
	return "/" + word
}

func section(of map[string]any, key string) map[string]any {
	if s, ok := of[key].(map[string]any); ok {
		return s
	}
	return map[string]any{}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// kind is the type of a component, or the signal of a pipeline.
func kind(id any) string {
	before, _, _ := strings.Cut(fmt.Sprint(id), "/")
	return strings.TrimSpace(before)
}

// divided separates what counts from what may wait.
func divided(exporters []any) (early, late []any) {
	for _, e := range exporters {
		if slices.Contains(counting, kind(e)) {
			early = append(early, e)
		} else {
			late = append(late, e)
		}
	}
	return early, late
}

// waits reports whether the processor is a correlation that holds items back.
func waits(processors map[string]any, id any) bool {
	if kind(id) != "correlation" {
		return false
	}
	var parsed component.ID
	config, ok := processors[fmt.Sprint(id)].(map[string]any)
	if !ok || parsed.UnmarshalText([]byte(fmt.Sprint(id))) != nil {
		return false
	}
	wait, err := time.ParseDuration(fmt.Sprint(config["wait"]))
	return err == nil && wait > 0 // an invalid one is reported by the processor
}
