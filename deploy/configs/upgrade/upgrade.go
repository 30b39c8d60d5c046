// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package upgrade keeps earlier configurations working for one minor version: a confmap converter replaces deprecated
// keys by the current ones, and logs each replacement.
package upgrade

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
)

// NewFactory returns the factory of the converter.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(set confmap.ConverterSettings) confmap.Converter { return converter{set.Logger} })
}

type converter struct{ logger *zap.Logger }

// Convert changes the configuration in place.
func (c converter) Convert(_ context.Context, conf *confmap.Conf) error {
	return upgrade{conf, c.logger}.tracker()
}

type upgrade struct {
	*confmap.Conf
	logger *zap.Logger
}

// set sets one key.
func (u upgrade) set(key string, value any) error {
	return u.Merge(confmap.NewFromStringMap(map[string]any{key: value}))
}

// remove removes the key of a component. Delete removes a component with its last key, so it is added again.
func (u upgrade) remove(component, key string) error {
	u.Delete(component + "::" + key)
	if u.IsSet(component) {
		return nil
	}
	return u.set(component, map[string]any{})
}

// components returns the sorted keys of the section that are components of the type.
func (u upgrade) components(section, kind string) (keys []string) {
	all, _ := u.Get(section).(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if id, ok := idOf(key); ok && id.Type().String() == kind {
			keys = append(keys, key)
		}
	}
	return keys
}

// idOf reads a component's ID. The collector reports an ID that cannot be read.
func idOf(text any) (id component.ID, ok bool) {
	return id, id.UnmarshalText(fmt.Append(nil, text)) == nil
}

func (u upgrade) deprecated(what, instead string) {
	u.logger.Warn("Deprecated configuration: version 0.2 does not accept it", zap.String("found", what), zap.String("instead", instead))
}
