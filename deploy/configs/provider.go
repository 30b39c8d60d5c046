// Package configs holds the collector configs that are built into the binary, and the confmap
// provider that serves them: otelcol-sre --config builtin:standalone.
package configs

import (
	"context"
	"embed"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

const scheme = "builtin"

// Names are the built-in configs.
var Names = []string{"agent", "gateway", "standalone"}

// Environment variables that merge further files over NAME.yaml. An agent has none: its gateway sends on.
const (
	downstream = "OTELCOL_SRE_DOWNSTREAM" // NAME.downstream.yaml
	grafana    = "OTELCOL_SRE_GRAFANA"    // grafana.yaml
	// Only standalone has the rules that alert.
	alertmanager = "OTELCOL_SRE_ALERTMANAGER" // alertmanager.yaml
)

//go:embed *.yaml
var files embed.FS

// NewFactory returns the factory of the provider of "builtin:NAME" locations, NAME being one of [Names].
func NewFactory() confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{} })
}

type provider struct{}

// Retrieve returns the named config, ${env:...} not yet expanded: the resolver does that.
func (provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, ok := strings.CutPrefix(uri, scheme+":")
	if !ok {
		return nil, fmt.Errorf("%q is not a built-in config; write %s:NAME", uri, scheme)
	}
	if !slices.Contains(Names, name) {
		return nil, fmt.Errorf("no built-in config %q; there are: %s", name, strings.Join(Names, ", "))
	}
	layers := []string{"base.yaml", name + ".yaml"}
	if os.Getenv(downstream) != "" && name != "agent" {
		layers = append(layers, name+".downstream.yaml")
	}
	if os.Getenv(grafana) != "" && name != "agent" {
		layers = append(layers, "grafana.yaml")
	}
	if os.Getenv(alertmanager) != "" && name == "standalone" {
		layers = append(layers, "alertmanager.yaml")
	}
	config := confmap.New()
	for _, layer := range layers {
		if err := merge(config, layer); err != nil {
			return nil, fmt.Errorf("built-in config %s: %w", layer, err)
		}
	}
	return confmap.NewRetrieved(config.ToStringMap())
}

func merge(config *confmap.Conf, layer string) error {
	text, err := files.ReadFile(layer)
	if err != nil {
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
	before, _ := config.Get(extensions).([]any)
	more, _ := conf.Get(extensions).([]any)
	if err := config.Merge(conf); err != nil {
		return err
	}
	return config.Merge(confmap.NewFromStringMap(map[string]any{extensions: slices.Concat(before, more)}))
}

// extensions is the one list that layers add to: Merge replaces lists.
const extensions = "service::extensions"

// Scheme is "builtin".
func (provider) Scheme() string { return scheme }

// Shutdown has nothing to end.
func (provider) Shutdown(context.Context) error { return nil }
