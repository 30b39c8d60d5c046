// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

const (
	referencePage  = "../docs/catalog.md"
	referenceBegin = "<!-- fields: written by go test ./catalog -update -->\n"
	referenceEnd   = "<!-- end of fields -->\n"
)

// TestReference: the tables of docs/catalog.md say what the loader does.
func TestReference(t *testing.T) {
	page, err := os.ReadFile(referencePage)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), referenceBegin)
	require.True(t, ok, "%s has lost its mark", referencePage)
	_, after, ok := strings.Cut(rest, referenceEnd)
	require.True(t, ok, "%s has lost its mark", referencePage)

	var b strings.Builder
	writeFields(&b, "The document", "", serviceShape.fields)
	fields := slices.Clone(defaultsSpecShape.fields)
	for i := range fields {
		if fields[i].key != "selector" { // the others are those of a service
			fields[i].fields = nil
		}
	}
	writeFields(&b, "`spec` of Defaults", "spec", fields)
	golden.Equal(t, referencePage, []byte(before+referenceBegin+"\n"+b.String()+referenceEnd+after))
}

// writeFields writes a table of the fields, then one for the fields within each of them.
func writeFields(b *strings.Builder, title, path string, fields []fieldDoc) {
	fmt.Fprintf(b, "### %s\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n", title)
	for _, f := range fields {
		otherwise := ""
		switch {
		case f.required:
			otherwise = "required"
		case f.defaultText != "":
			otherwise = "`" + f.defaultText + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.key, f.name, otherwise, f.text)
	}
	b.WriteString("\n")
	written := map[string]bool{}
	for _, f := range fields {
		if len(f.fields) == 0 {
			continue
		}
		inner := strings.TrimPrefix(path+"."+f.key, ".")
		if strings.HasPrefix(f.name, "list") {
			inner += "[]"
		}
		signature := fmt.Sprint(f.fields)
		if written[signature] { // good, bad and total of metrics are alike
			continue
		}
		written[signature] = true
		writeFields(b, "`"+inner+"`", inner, f.fields)
	}
}

// TestExamplesInReference: every YAML document of the page is one the loader takes.
func TestExamplesInReference(t *testing.T) {
	page, err := os.ReadFile(referencePage)
	require.NoError(t, err)
	found := 0
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if strings.Contains(text, "kind: Defaults") {
			c, problems := Parse("docs/catalog.md", []byte(text))
			require.NoError(t, problems.Err(), text)
			assert.NotEmpty(t, c.Defaults, text)
			continue
		}
		if !strings.Contains(text, "kind: Service") && !strings.Contains(text, "version: prometheus/v1") {
			continue
		}
		found++
		c, problems := Parse("docs/catalog.md", []byte(text))
		require.NoError(t, problems.Err(), text)
		assert.NotEmpty(t, c.Services, text)
	}
	assert.Positive(t, found)
}
