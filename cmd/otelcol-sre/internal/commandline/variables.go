// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/deploy/configs"
)

const prefix = "OTELCOL_SRE_"

// An environment is the variables that are set, and those that configs have read.
type environment struct {
	set []string // NAME=value

	mu   sync.Mutex
	read map[string]bool
}

// watch makes the resolver warn of variables of ours that are set and that nothing reads: a slip, or a fragment that was forgotten.
func watch(resolver *confmap.ResolverSettings, variables []string) *environment {
	e := &environment{set: variables, read: map[string]bool{}}
	resolver.ProviderFactories = slices.Clone(resolver.ProviderFactories)
	for i, factory := range resolver.ProviderFactories {
		resolver.ProviderFactories[i] = confmap.NewProviderFactory(func(set confmap.ProviderSettings) confmap.Provider {
			provider := factory.Create(set)
			if provider.Scheme() == "env" {
				return recorder{Provider: provider, environment: e}
			}
			return provider
		})
	}
	resolver.ConverterFactories = append(slices.Clone(resolver.ConverterFactories), confmap.NewConverterFactory(func(set confmap.ConverterSettings) confmap.Converter {
		return checker{environment: e, logger: set.Logger}
	}))
	return e
}

// A recorder remembers which variables are read.
type recorder struct {
	confmap.Provider
	environment *environment
}

func (r recorder) Retrieve(ctx context.Context, uri string, watcher confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(uri, "env:"), ":-")
	r.environment.mu.Lock()
	r.environment.read[name] = true
	r.environment.mu.Unlock()
	return r.Provider.Retrieve(ctx, uri, watcher)
}

// A checker runs when all variables have been read.
type checker struct {
	environment *environment
	logger      *zap.Logger
}

func (c checker) Convert(context.Context, *confmap.Conf) error {
	for _, problem := range c.environment.unread() {
		c.logger.Warn(problem)
	}
	return nil
}

// ofChecks begins variables that the catalog's checks name.
const ofChecks = prefix + "CHECK_"

// Kubernetes sets such variables for each service of a namespace.
var (
	serviceLink = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PORT|PROTO|ADDR))?)$`)
	linkedPort  = regexp.MustCompile(`_PORT=(tcp|udp|sctp)://`)
)

// unread is a sentence for each variable that is set for nothing.
func (e *environment) unread() (problems []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := configs.Variables()
	var names []string // without what all have in common, which would make all of them near
	for _, name := range slices.Sorted(maps.Keys(known)) {
		names = append(names, strings.TrimPrefix(name, prefix))
	}
	for _, variable := range slices.Sorted(slices.Values(e.set)) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, ofChecks) || value == "" || e.read[name] || serviceLink.MatchString(name) || linkedPort.MatchString(variable) {
			continue
		}
		switch v, ours := known[name]; {
		case !ours:
			fix := "unset it, or correct its name"
			if near := nearest.Word(strings.TrimPrefix(name, prefix), names); near != "" {
				fix = fmt.Sprintf("did you mean %s%s?", prefix, near)
			}
			problems = append(problems, fmt.Sprintf("%.100s is set, but nothing reads it; %s", name, fix))
		case v.Switch != "" && len(v.Roles) == 0:
			problems = append(problems, fmt.Sprintf("%s is set, but nothing reads it; set %s, too", name, v.Switch))
		case v.Needing != "" && len(v.Roles) == 0:
			problems = append(problems, fmt.Sprintf("%s is set, but nothing reads it; add --config builtin:%s", name, v.Needing))
		}
	}
	return problems
}
