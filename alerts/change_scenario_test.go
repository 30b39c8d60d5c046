// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A page names the version that began before it, and the one before; not one of long ago.
func TestPagesNameTheNewestVersion(t *testing.T) {
	for name, test := range map[string]struct {
		deploy scenario.Span
		want   string
	}{
		"deployed before": {scenario.Span{Begin: 6*hour - 10*minute}, ` Newest version: 2.0.0, first seen 1\dm.* ago, after 1.0.0\.$`},
		"long ago":        {scenario.Span{Begin: 10 * minute}, `The objective of 99.9 % allows 0.1 %\.$`},
	} {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods[:1], func(t *testing.T, s scenario.Scenario) {
				if s.SLO.SLI.Prometheus != nil {
					return // of queries no versions are known
				}
				s.Watch.Begin, s.Length = 5*hour, 7*hour
				s.Streams = []stream{{Version: "2.0.0", Traffic: []phase{{For: 6 * hour, PerMinute: rate}, {For: hour, PerMinute: rate, Bad: 1}}}}
				s.Versions = []scenario.Version{
					{Name: "1.0.0", Status: "completed", Life: scenario.Span{}, Instances: 3},
					{Name: "2.0.0", Status: "started", Life: test.deploy, Instances: 3},
				}
				fired := sweep(t, &s).Fired("ErrorBudgetBurnCritical")
				require.Len(t, fired, 1)
				assert.Regexp(t, test.want, fired[0].Annotations.Get("description"))
			})
		})
	}
}
