// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
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
	about, _, _ := strings.Cut(string(text), "\n")
	return fmt.Errorf("set %s; this is %q", strings.Join(missing, ", "), strings.TrimPrefix(about, "# "))
}
