// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"io"
)

// WriteJSON writes a value for programs, in lines that people can read too.
func WriteJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
