// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/otelcol"
	"go.yaml.in/yaml/v3"
)

// printLoadable makes print-config print all configs as one that can be used in their place: variables stay references, so no secret is
// printed and the file works elsewhere. The Collector's own modes print what components make of it, which none of them reads again.
func printLoadable(command *cobra.Command, set otelcol.CollectorSettings, from locations) {
	effective := command.RunE
	command.Short = "Prints all configs as one, which can be used in their place"
	command.Long = `Prints all configs, merged, as one that can be used in their place. Variables stay references: secrets are not printed. A secret that is
written into a config becomes a reference to a variable, and stderr names it.

--mode=redacted and --mode=unredacted print what the components make of the config, with all defaults. No collector reads that output again.`
	command.Flags().Lookup("mode").DefValue = "loadable"
	command.Flags().Lookup("mode").Usage = "loadable (default), redacted or unredacted"
	command.RunE = func(cmd *cobra.Command, args []string) error {
		switch mode := cmd.Flags().Lookup("mode"); {
		case !mode.Changed || mode.Value.String() == "loadable":
		case mode.Value.String() == "redacted" || mode.Value.String() == "unredacted":
			return effective(cmd, args)
		default:
			return fmt.Errorf("--mode %s: there are loadable, redacted and unredacted", mode.Value)
		}
		set.ConfigProviderSettings.ResolverSettings.URIs = from.all()
		set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "env"
		p := printer{set: set, out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr()}
		validate, _ := cmd.Flags().GetBool("validate")
		format, _ := cmd.Flags().GetString("format")
		return p.print(cmd.Context(), strings.ToLower(format), validate)
	}
}

type locations struct{ config, set *recorded }

// all are the locations in the order in which the Collector reads them.
func (l locations) all() []string {
	all := slices.Clone(l.config.values)
	for _, value := range l.set.values {
		key, value, _ := strings.Cut(value, "=")
		all = append(all, "yaml:"+strings.TrimSpace(strings.ReplaceAll(key, ".", "::"))+": "+strings.TrimSpace(value))
	}
	return all
}

// recorded is the value of a flag that remembers what it was given: the Collector's own flags do not tell.
type recorded struct {
	pflag.Value
	values []string
}

func record(command *cobra.Command, name string) *recorded {
	flag := command.Flags().Lookup(name)
	r := &recorded{Value: flag.Value}
	flag.Value = r
	return r
}

func (r *recorded) Set(value string) error {
	if err := r.Value.Set(value); err != nil {
		return err
	}
	r.values = append(r.values, value)
	return nil
}

type printer struct {
	set        otelcol.CollectorSettings
	out, notes io.Writer
}

func (p printer) print(ctx context.Context, format string, validate bool) error {
	resolver := p.set.ConfigProviderSettings.ResolverSettings
	if len(resolver.URIs) == 0 {
		return errors.New("at least one config flag must be provided")
	}
	secrets, err := p.secrets(ctx, validate)
	if err != nil {
		return err
	}
	merged, err := merge(ctx, resolver)
	if err != nil {
		return err
	}
	if resolver.URIs = slices.DeleteFunc(slices.Clone(resolver.URIs), func(uri string) bool { return !strings.HasPrefix(uri, "builtin:") }); len(resolver.URIs) > 0 {
		public, err := merge(ctx, resolver)
		if err != nil {
			return err
		}
		publish(public, secrets)
	}
	for _, found := range conceal(merged, secrets, nil) {
		fmt.Fprintf(p.notes, "%s was written out; it is now ${env:%s}: set that variable\n", found.key, found.variable)
	}
	switch format {
	case "", "yaml":
		text, err := yaml.Marshal(merged)
		if err != nil {
			return err
		}
		_, err = p.out.Write(text)
		return err
	case "json":
		encoder := json.NewEncoder(p.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(merged)
	}
	return fmt.Errorf("--format %s: there are yaml and json", format)
}

// merge merges all configs. References to variables stay.
func merge(ctx context.Context, set confmap.ResolverSettings) (map[string]any, error) {
	set.ConverterFactories = nil // they run when the output is read
	resolver, err := confmap.NewResolver(set)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resolver.Shutdown(ctx) }()
	if _, err := resolver.Resolve(ctx); err != nil {
		return nil, err
	}
	return resolver.UnexpandedConf().ToStringMap(), nil
}

// secrets are the values that components treat as such. It also reads, and validates, the config.
func (p printer) secrets(ctx context.Context, validate bool) (map[string]bool, error) {
	factories, err := p.set.Factories()
	if err != nil {
		return nil, err
	}
	provider, err := otelcol.NewConfigProvider(p.set.ConfigProviderSettings)
	if err != nil {
		return nil, err
	}
	defer func() { _ = provider.Shutdown(ctx) }()
	config, err := provider.Get(ctx, factories)
	if err != nil {
		return nil, err
	}
	if validate {
		if err := confmap.Validate(config); err != nil {
			return nil, err
		}
	}
	hidden, open := confmap.New(), confmap.New()
	if err := hidden.Marshal(config); err != nil {
		return nil, err
	}
	if err := open.Marshal(config, xconfmap.WithUnredacted()); err != nil {
		return nil, err
	}
	secrets := map[string]bool{}
	collect(hidden.ToStringMap(), open.ToStringMap(), secrets)
	return secrets, nil
}

// collect finds the values that are redacted in one of two copies of a config.
func collect(hidden, open any, secrets map[string]bool) {
	switch hidden := hidden.(type) {
	case map[string]any:
		open, _ := open.(map[string]any)
		for key := range hidden {
			collect(hidden[key], open[key], secrets)
		}
	case []any:
		open, _ := open.([]any)
		for i := range min(len(hidden), len(open)) {
			collect(hidden[i], open[i], secrets)
		}
	case string:
		if text, ok := open.(string); ok && text != hidden && text != "" {
			secrets[text] = true
		}
	}
}

// publish removes values of built-in configs, which anybody can read, from the secrets: headers are secrets to components, whatever they say.
func publish(value any, secrets map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		for _, below := range value {
			publish(below, secrets)
		}
	case []any:
		for _, below := range value {
			publish(below, secrets)
		}
	case string:
		delete(secrets, value)
	}
}

// A secret was written into a config.
type secret struct{ key, variable string }

var outsideNames = regexp.MustCompile(`[^A-Z0-9]+`)

// conceal replaces secrets that are written out by references. What is no reference is a secret wherever it has a secret's value.
func conceal(value any, secrets map[string]bool, path []string) (concealed []secret) {
	replace := func(step string, value any, set func(string)) {
		at := append(slices.Clone(path), step)
		if text, ok := value.(string); ok && secrets[text] {
			name := strings.Trim(outsideNames.ReplaceAllString(strings.ToUpper(strings.Join(at, "_")), "_"), "_")
			set("${env:" + name + "}")
			concealed = append(concealed, secret{key: strings.Join(at, "::"), variable: name})
			return
		}
		concealed = append(concealed, conceal(value, secrets, at)...)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			replace(key, value[key], func(reference string) { value[key] = reference })
		}
	case []any:
		for i := range value {
			replace(strconv.Itoa(i), value[i], func(reference string) { value[i] = reference })
		}
	}
	return concealed
}
