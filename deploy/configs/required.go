// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
)

// An environment variable that has no default.
var withoutDefault = regexp.MustCompile(`\$\{env:(\w+)\}`)

// required reports the variables that a config reads, that have no default and that are not set. A component whose endpoint
// or token is empty says that of a key, or nothing before it sends; the user who named the fragment wants to know what to set.
func required(text []byte) error {
	var missing []string
	for _, match := range withoutDefault.FindAllSubmatch(text, -1) {
		if name := string(match[1]); os.Getenv(name) == "" && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var about []string
	for line := range strings.Lines(string(text)) {
		comment, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		about = append(about, strings.TrimSpace(comment))
	}
	return fmt.Errorf("set %s%s; this is %q", strings.Join(missing, ", "), typo(missing), strings.Join(about, " "))
}

// typo is the variable that is set, is not one of ours, and is near to one that is missing.
func typo(missing []string) string {
	const prefix = "OTELCOL_SRE_"
	known, wanted := Variables(), make([]string, len(missing))
	for i, name := range missing {
		wanted[i] = strings.TrimPrefix(name, prefix)
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if _, ours := known[name]; !ours && strings.HasPrefix(name, prefix) && nearest.Word(strings.TrimPrefix(name, prefix), wanted) != "" {
			return fmt.Sprintf(" (%s is set: is that a slip?)", name)
		}
	}
	return ""
}
