// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package output has the output formats of commands.
package output

import "fmt"

// The formats of several commands.
const (
	Text  = "text"
	Table = "table"
	// Wide is a table with more columns.
	Wide = "wide"
	JSON = "json"
	YAML = "yaml"
)

// Count is such as "1 service" and "2 services".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
