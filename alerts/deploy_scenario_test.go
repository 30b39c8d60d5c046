package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts/scenario"
)

// A deploy that made things worse pages; one that did not, whatever else goes on, does not.
func TestDeployment(t *testing.T) {
	const deploy = 6 * hour
	// versions are the traffic before, and of both versions after.
	version := func(name string, begin scenario.Span, traffic ...scenario.Phase) scenario.Stream {
		return scenario.Stream{Version: name, Instance: name, Life: begin, Traffic: traffic}
	}
	type phase = scenario.Phase
	even := func(length time.Duration, perMinute, bad float64) phase {
		return phase{For: length, PerMinute: perMinute, Bad: bad}
	}
	tests := map[string]struct {
		old, young []scenario.Phase
		regresses  bool
	}{
		"regresses, replaced at once":  {[]phase{even(deploy, 600, 0)}, []phase{even(hour, 600, 0.05)}, true},
		"regresses, beside the old":    {[]phase{even(deploy+hour, 300, 0.0005)}, []phase{even(hour, 300, 0.05)}, true},
		"both fail alike":              {[]phase{even(deploy, 600, 0), even(hour, 600, 0.05)}, []phase{even(hour, 600, 0.05)}, false},
		"the old one fails more":       {[]phase{even(deploy, 600, 0), even(hour, 600, 0.1)}, []phase{even(hour, 600, 0.01)}, false},
		"clean":                        {[]phase{even(deploy, 600, 0)}, []phase{even(hour, 600, 0)}, false},
		"canary at 1/min, one failure": {[]phase{even(deploy+hour, 600, 0.0005)}, []phase{even(10*minute, 1, 0), even(minute, 1, 1), even(49*minute, 1, 0)}, false},
		"canary at 1/min, six of ten":  {[]phase{even(deploy+hour, 600, 0.002)}, []phase{even(10*minute, 1, 0), even(6*minute, 1, 1), even(44*minute, 1, 0)}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := life(t, counted, rolling)
			s.Name, s.Length = name, deploy+hour
			s.Watch.Begin = deploy - 10*minute
			old := scenario.Span{}
			if len(test.old) == 1 && test.old[0].For == deploy {
				old.End = deploy + minute
			}
			s.Streams = []scenario.Stream{version("1", old, test.old...), version("2", scenario.Span{Begin: deploy}, test.young...)}
			s.Versions = []scenario.Version{
				{Name: "1", Status: "completed", Life: old, Instances: 3},
				{Name: "2", Status: "started", Life: scenario.Span{Begin: deploy}, Instances: 3},
			}
			p := sweep(t, &s)
			fired := p.Fired("DeploymentRegression")
			if !test.regresses {
				assert.Empty(t, fired)
				return
			}
			require.Len(t, fired, 1, "%v", p.Episodes)
			assert.Equal(t, "2", fired[0].Labels.Get("service_version"))
			assert.Less(t, fired[0].Firing, deploy+20*minute)
		})
	}
}
