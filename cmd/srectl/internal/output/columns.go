// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"io"
	"strings"
	"text/tabwriter"
)

// WriteColumns writes rows with aligned columns; the first is the heading.
func WriteColumns(out io.Writer, rows [][]string) error {
	const gap = 2
	w := tabwriter.NewWriter(out, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		if _, err := io.WriteString(w, strings.TrimRight(strings.Join(row, "\t"), "\t")+"\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}
