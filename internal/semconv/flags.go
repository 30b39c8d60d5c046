// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import "strings"

// FlagPrefix begins the attribute whose value is the variant of a feature flag that was evaluated: feature_flag.KEY.
const FlagPrefix = "feature_flag."

// FlagAttribute is the attribute of a flag: its key, with _ for what groups of SLOs cannot have in their names.
func FlagAttribute(key string) string {
	return FlagPrefix + strings.Map(func(r rune) rune {
		if !plainRune(r) {
			return '_'
		}
		return r
	}, key)
}

// NamesFlag reports whether the attribute is that of the flag.
func NamesFlag(attribute, key string) bool {
	name, ok := strings.CutPrefix(attribute, FlagPrefix)
	if !ok || key == "" {
		return false
	}
	for _, r := range key {
		if !plainRune(r) {
			r = '_'
		}
		if name == "" || rune(name[0]) != r {
			return false
		}
		name = name[1:]
	}
	return name == ""
}

func plainRune(r rune) bool {
	return r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}
