package main

import (
	"encoding/json"
	"io"
)

// writeJSON writes a value for programs, in lines that people can read too.
func writeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
