// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package configs holds the collector configs that are built into the binary, and the confmap
// provider that serves them: otelcol-sre --config builtin:gateway --config builtin:tempo.
package configs

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/featuregate"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
)

const scheme = "builtin"

// Roles are the configs that run by themselves, each with the files it is made of, later ones merged over earlier ones.
var Roles = map[string][]string{
	"agent":      {"base.yaml", "agent.yaml"},
	"gateway":    {"base.yaml", "gateway.yaml"},
	"standalone": {"base.yaml", "gateway.yaml", "standalone.yaml", "status-page.yaml"},
}

// automatic are fragments that a role adds by itself, if the value of a variable says so; they are merged in this order.
var automatic = []struct {
	fragment, variable string
	roles              []string
	wanted             func(value string) bool
}{
	{"gateways", "OTELCOL_SRE_KAFKA", []string{"agent"}, unset}, // an agent with Kafka behind it does not send to gateways
	{"peers", "OTELCOL_SRE_PEERS", []string{"gateway"}, set},
	{"store", "OTELCOL_SRE_STORE", []string{"standalone"}, notFalse}, // false: another Prometheus keeps the metrics
	{"cors", "OTELCOL_SRE_CORS_ORIGINS", []string{"agent", "gateway", "standalone"}, set},
	{"otlp", "OTELCOL_SRE_DOWNSTREAM", []string{"gateway", "standalone"}, set},
	{"grafana", "OTELCOL_SRE_GRAFANA", []string{"gateway", "standalone"}, set},
	{"alertmanager", "OTELCOL_SRE_ALERTMANAGER", []string{"standalone"}, set}, // only it has the rules that alert
}

// within are fragments that others have by themselves.
var within = map[string][]string{"store": {"self"}, "victoriametrics": {"self"}}

func set(value string) bool      { return value != "" }
func unset(value string) bool    { return value == "" }
func notFalse(value string) bool { return value != "false" }

//go:embed *.yaml
var files embed.FS

// appendLists is the feature gate under which a config that is merged over another adds to its lists of receivers,
// exporters and extensions (docs/decisions/0007-fragments-add.md).
const appendLists = "confmap.enableMergeAppendOption"

// NewFactory returns the factory of the provider of "builtin:NAME" locations, NAME being one of [Roles] or of [Fragments].
// It switches on that lists are added to; --feature-gates=-confmap.enableMergeAppendOption switches it off again.
func NewFactory() confmap.ProviderFactory {
	if err := featuregate.GlobalRegistry().Set(appendLists, true); err != nil {
		panic(err) // the collector was updated and has no such gate any more
	}
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{} })
}

// Fragments are what is merged over a role, in the order of their names: a backend, a source, a way to prove who one is.
func Fragments() []string {
	var fragments []string
	entries, _ := files.ReadDir(".") // of an embedded folder, which is there
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".yaml")
		if _, role := Roles[name]; !role && name != "base" && name != "self" {
			fragments = append(fragments, name)
		}
	}
	return fragments
}

type provider struct{}

// Retrieve returns the named config, ${env:...} not yet expanded: the resolver does that.
func (provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, ok := strings.CutPrefix(uri, scheme+":")
	if !ok {
		return nil, fmt.Errorf("%q is not a built-in config; write %s:NAME", uri, scheme)
	}
	layers, role := Roles[name]
	fragments := Fragments()
	switch {
	case role:
		if store := os.Getenv("OTELCOL_SRE_STORE"); !slices.Contains([]string{"", "true", "false"}, store) {
			return nil, fmt.Errorf("OTELCOL_SRE_STORE is %.20q; set it to true or false", store)
		}
		for origin := range strings.SplitSeq(os.Getenv("OTELCOL_SRE_CORS_ORIGINS"), ",") {
			if origin = strings.TrimSpace(origin); origin != "" && origin != "*" && !strings.Contains(origin, "://") {
				return nil, fmt.Errorf("OTELCOL_SRE_CORS_ORIGINS has %.100q, which no browser sends; write the scheme, too: https://%.100s", origin, origin)
			}
		}
		layers = slices.Clone(layers)
		for _, a := range automatic {
			if slices.Contains(a.roles, name) && a.wanted(os.Getenv(a.variable)) {
				layers = append(layers, layersOf(a.fragment)...)
			}
		}
	case slices.Contains(fragments, name):
		layers = layersOf(name)
	default:
		meant := ""
		if near := nearest.Word(name, append(slices.Sorted(maps.Keys(Roles)), fragments...)); near != "" {
			meant = fmt.Sprintf("did you mean %s:%s? ", scheme, near)
		}
		return nil, fmt.Errorf("no built-in config %q; %sthere are agent, gateway and standalone, and, to merge over one of them: %s", name, meant, strings.Join(fragments, ", "))
	}
	config := confmap.New()
	for _, layer := range layers {
		if err := merge(config, layer); err != nil {
			return nil, fmt.Errorf("built-in config %s: %w", layer, err)
		}
	}
	return confmap.NewRetrieved(config.ToStringMap())
}

func layersOf(fragment string) (layers []string) {
	for _, part := range append(slices.Clone(within[fragment]), fragment) {
		layers = append(layers, part+".yaml")
	}
	return layers
}

func merge(config *confmap.Conf, layer string) error {
	text, err := files.ReadFile(layer)
	if err != nil {
		return err
	}
	if err := required(text); err != nil {
		return err
	}
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		return err
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return err
	}
	return config.Merge(conf)
}

// Scheme is "builtin".
func (provider) Scheme() string { return scheme }

// Shutdown has nothing to end.
func (provider) Shutdown(context.Context) error { return nil }
