// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Variable is an environment variable that built-in configs read.
type Variable struct {
	Name string
	// Default is its value if it is not set.
	Default string
	// Roles and Fragments read it. Needing is one of the fragments that have no default for it.
	Roles, Fragments []string
	Needing          string
	// Switch is the variable by which roles add that fragment, if there is one.
	Switch string
}

var reference = regexp.MustCompile(`\$\{env:(\w+)(:-([^}]*))?\}`)

// others are variables that are read outside of configs: by the systemd unit, by Compose, and by pipelines that use deploy/markers.
var others = []string{"OTELCOL_SRE_OPTIONS", "OTELCOL_SRE_IMAGE", "OTELCOL_SRE_SHOP_IMAGE", "OTELCOL_SRE_TOKEN"}

// Variables are all of them, by name. The map is shared: it is to be read only.
var Variables = sync.OnceValue(readVariables)

func readVariables() map[string]Variable {
	found := map[string]Variable{}
	change := func(name string, set func(*Variable)) {
		v := found[name]
		v.Name = name
		set(&v)
		found[name] = v
	}
	read := func(layer string, set func(*Variable)) {
		text, _ := files.ReadFile(layer) // embedded
		for _, match := range reference.FindAllStringSubmatch(string(text), -1) {
			change(match[1], func(v *Variable) {
				if v.Default == "" {
					v.Default = match[3]
				}
				set(v)
			})
		}
	}
	for _, role := range slices.Sorted(maps.Keys(Roles)) {
		for _, layer := range Roles[role] {
			read(layer, func(v *Variable) { v.Roles = appendNew(v.Roles, role) })
		}
	}
	for _, fragment := range Fragments() {
		for _, layer := range layersOf(fragment) {
			read(layer, func(v *Variable) { v.Fragments = appendNew(v.Fragments, fragment) })
		}
		text, _ := files.ReadFile(fragment + ".yaml")
		for _, match := range withoutDefault.FindAllStringSubmatch(string(text), -1) {
			change(match[1], func(v *Variable) { v.Needing = fragment })
		}
	}
	for _, a := range automatic {
		change(a.variable, func(v *Variable) {
			for _, role := range a.roles {
				v.Roles = appendNew(v.Roles, role)
			}
		})
	}
	for _, a := range automatic {
		for name, v := range found {
			if v.Needing == a.fragment && name != a.variable {
				change(name, func(v *Variable) { v.Switch = a.variable })
			}
		}
	}
	for _, name := range others {
		change(name, func(*Variable) {})
	}
	return found
}

func appendNew(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// VariableOf is the variable that gives an address, a port or a folder, or "". One that is set to it comes before one whose default it is.
func VariableOf(wanted string, value func(name string) string) string {
	all := slices.SortedFunc(maps.Values(Variables()), func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	for _, gives := range []func(Variable) bool{
		func(v Variable) bool { return value(v.Name) == wanted },
		func(v Variable) bool { return strings.HasSuffix(value(v.Name), ":"+wanted) },
		func(v Variable) bool { return value(v.Name) == "" && v.Default == wanted },
		func(v Variable) bool {
			return value(v.Name) == "" && strings.HasSuffix(v.Default, ":"+wanted) && len(v.Roles) > 0
		},
	} {
		if i := slices.IndexFunc(all, gives); i >= 0 {
			return all[i].Name
		}
	}
	return ""
}
