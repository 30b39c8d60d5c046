// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// complete makes the shell complete values: those that a flag's help lists, services of the catalog, folders.
func complete(root *cobra.Command) {
	for _, command := range root.Commands() {
		command.Flags().VisitAll(func(flag *pflag.Flag) {
			if values := valuesOf(command, flag); values != nil {
				_ = command.RegisterFlagCompletionFunc(flag.Name, values) // refused if the command has its own
			}
		})
		if command.Name() == "generate" {
			command.ValidArgsFunction = cobra.FixedCompletions([]string{"alerts", "tests", "runbooks", "dashboards", "rollouts", "all"}, cobra.ShellCompDirectiveNoFileComp)
		}
	}
}

func valuesOf(command *cobra.Command, flag *pflag.Flag) cobra.CompletionFunc {
	switch flag.Name {
	case "service":
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return catalogServices(command), cobra.ShellCompDirectiveNoFileComp
		}
	case "out", "dir":
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
	case "format", "to", "status", "dashboard-format", "history":
		return cobra.FixedCompletions(listed(flag.Usage), cobra.ShellCompDirectiveNoFileComp)
	}
	return nil
}

// listed are the values that a help text lists, as in "of dashboards: json, configmap (the sidecar) or grafanadashboard".
func listed(usage string) (values []string) {
	if _, after, ok := strings.Cut(usage, ": "); ok {
		usage = after
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(outsideParentheses(usage), " or ", ", "), ", ") {
		if value := strings.TrimSpace(part); value != "" && !strings.Contains(value, " ") {
			values = append(values, value)
		}
	}
	return values
}

func outsideParentheses(text string) string {
	var b strings.Builder
	depth := 0
	for _, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth = max(depth-1, 0)
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// catalogServices are those of the catalog: of --catalog, of OTELCOL_SRE_CATALOG, or in the folder catalog.
func catalogServices(command *cobra.Command) (names []string) {
	folder := "catalog"
	if flag := command.Flags().Lookup("catalog"); flag != nil && flag.Value.String() != "" {
		folder = flag.Value.String()
	} else if variable := os.Getenv("OTELCOL_SRE_CATALOG"); variable != "" {
		folder = variable
	}
	loaded, _ := catalog.Load(folder) // a file with errors has no services to offer
	for _, service := range loaded.Services {
		if !slices.Contains(names, service.Name) {
			names = append(names, service.Name)
		}
	}
	slices.Sort(names)
	return names
}
