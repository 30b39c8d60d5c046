// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package nearest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWord(t *testing.T) {
	known := []string{"OTELCOL_SRE_RULES", "OTELCOL_SRE_RUNBOOKS", "standalone", "slo", "sli", "flush_interval", "gateway", "gateways", "otlp"}
	for word, want := range map[string]string{
		"standalon":         "standalone",
		"Standalone":        "standalone",
		"flush_intervall":   "flush_interval",
		"OTELCOL_SRE_RULE":  "OTELCOL_SRE_RULES",
		"OTELCOL_SRE_RULSE": "OTELCOL_SRE_RULES", // two letters that changed places are one mistake
		"slow":              "slo",
		"otpl":              "otlp",
		"gateway":           "gateway", // the same before one that is only near
		"gatewayss":         "gateways",
		"kafka":             "",
		"ab":                "", // too short to say
		"":                  "",
	} {
		assert.Equal(t, want, Word(word, known), word)
	}
}

func FuzzWord(f *testing.F) {
	f.Add("slow", "slo")
	f.Add("", "")
	f.Add("é", "e")
	f.Fuzz(func(t *testing.T, word, known string) {
		got := Word(word, []string{known})
		assert.Contains(t, []string{"", known}, got)
		if len(word) > 2 {
			assert.Equal(t, word, Word(word, []string{known, word, known}))
		}
	})
}
