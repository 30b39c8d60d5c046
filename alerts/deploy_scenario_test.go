// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A deploy that made things worse pages; one that did not, whatever else goes on, does not. Queries know
// no versions.
func TestDeployment(t *testing.T) {
	const deploy = 6 * hour
	even := func(length time.Duration, perMinute, bad float64) phase {
		return phase{For: length, PerMinute: perMinute, Bad: bad}
	}
	for name, test := range map[string]struct {
		old, young []phase
		regresses  bool
	}{
		"regresses, replaced at once":  {[]phase{even(deploy, rate, 0)}, []phase{even(hour, rate, 0.05)}, true},
		"regresses, rolled back":       {[]phase{even(deploy, rate, 0), even(20*minute, rate/2, 0), even(2*hour, rate, 0)}, []phase{even(20*minute, rate/2, 0.05)}, true},
		"regresses, beside the old":    {[]phase{even(deploy+2*hour, rate/2, 0.0005)}, []phase{even(2*hour, rate/2, 0.05)}, true},
		"both fail alike":              {[]phase{even(deploy, rate, 0), even(hour, rate, 0.05)}, []phase{even(hour, rate, 0.05)}, false},
		"the old one fails more":       {[]phase{even(deploy, rate, 0), even(hour, rate, 0.1)}, []phase{even(hour, rate, 0.01)}, false},
		"clean":                        {[]phase{even(deploy, rate, 0)}, []phase{even(2*hour, rate, 0)}, false},
		"canary at 1/min, one failure": {[]phase{even(deploy+2*hour, rate, 0.0005)}, []phase{even(10*minute, 1, 0), even(minute, 1, 1), even(2*hour, 1, 0)}, false},
		"canary at 1/min, six of ten":  {[]phase{even(deploy+2*hour, rate, 0.002)}, []phase{even(10*minute, 1, 0), even(6*minute, 1, 1), even(2*hour, 1, 0)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods, func(t *testing.T, s scenario.Scenario) {
				s.Watch.Begin, s.Length = deploy-30*minute, deploy+2*hour
				before := span{}
				if len(test.old) == 1 && test.old[0].For == deploy {
					before.End = deploy + minute
				}
				after := span{Begin: deploy}
				s.Streams = []stream{
					{Version: "1", Instance: "a", Life: before, Traffic: test.old},
					{Version: "2", Instance: "b", Life: after, Traffic: test.young},
				}
				s.Versions = []scenario.Version{
					{Name: "1", Status: "completed", Life: before, Instances: 3},
					{Name: "2", Status: "started", Life: after, Instances: 3},
				}
				p := sweep(t, &s)
				checkAlerts(t, p)
				checkBudget(t, p, 0)
				fired := p.Fired("DeploymentRegression")
				if !test.regresses || s.SLO.SLI.Prometheus != nil {
					assert.Empty(t, fired)
					return
				}
				require.Len(t, fired, 1, "%v", p.Episodes)
				assert.Equal(t, "2", fired[0].Labels.Get("service_version"))
				assert.Less(t, fired[0].Firing, deploy+20*minute)
			})
		})
	}
}
