// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever is merged over a role, telemetry from outside passes admission first, directly after memory_limiter.
func TestNothingComesInWithoutAdmission(t *testing.T) {
	t.Setenv("OTELCOL_SRE_KAFKA", "broker:9092")
	checked := 0
	for role := range Roles {
		for _, fragment := range append(Fragments(), "") {
			locations := []string{"builtin:" + role}
			if fragment != "" {
				locations = append(locations, "builtin:"+fragment)
			}
			conf, err := resolve(t, locations...)
			if err != nil {
				continue // it needs variables that are not set
			}
			pipelines, _ := conf.Get("service::pipelines").(map[string]any)
			for name, p := range pipelines {
				pipeline := p.(map[string]any)
				from, _ := pipeline["receivers"].([]any)
				if !slices.Contains(from, any("otlp")) && !slices.Contains(from, any("kafka")) { // others read what this machine or the cluster says
					continue
				}
				processors, _ := pipeline["processors"].([]any)
				require.GreaterOrEqual(t, len(processors), 2, "%s %s %s", role, fragment, name)
				assert.Equal(t, []any{"memory_limiter", "admission"}, processors[:2], "%s %s %s", role, fragment, name)
				checked++
			}
		}
	}
	require.Greater(t, checked, 100)
}
