// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestEffectInWords(t *testing.T) {
	for want, e := range map[string]Effect{
		"": {},
		"availability failed 4 times as often (2.5 to 6.6), which cost 8h0m of the budget": {SLO: "availability", Times: 4, Low: 2.5, High: 6.6, Spent: 8 * 3600},
		"availability failed 9 times as often (3 to any), which cost 12s of the budget":    {SLO: "availability", Times: 9, Low: 3, Spent: 12.4},
		"availability failed 9 times as often (3 to any)":                                  {SLO: "availability", Times: 9, Low: 3},
		"latency failed 1.1 times as often (0.4 to 3), which may be chance":                {SLO: "latency", Times: 1.1, Low: 0.4, High: 3, Spent: 60},
		"latency failed 0.2 times as often (0 to 0.7)":                                     {SLO: "latency", Times: 0.2, High: 0.7},
	} {
		require.Equal(t, want, e.String())
	}
	require.Equal(t, Better, (&Effect{SLO: "a", High: 0.9}).Verdict())
	require.Empty(t, (&Effect{}).Verdict())
}

func TestEffectFromOthers(t *testing.T) {
	record := plog.NewLogRecord()
	a := record.Attributes()
	a.PutStr("service.name", "checkout")
	a.PutStr("deployment.status", "succeeded")
	a.PutStr("deployment.effect.slo", "availability")
	a.PutInt("deployment.effect.times", 3)
	a.PutDouble("deployment.effect.low", math.NaN())
	a.PutDouble("deployment.effect.high", math.Inf(1))
	a.PutDouble("deployment.budget_spent", -1)
	d, err := Read(pcommon.NewMap(), record)
	require.NoError(t, err)
	require.Equal(t, Effect{SLO: "availability", Times: 3}, d.Effect)
	a.PutStr("deployment.effect.time", "now")
	_, err = Read(pcommon.NewMap(), record)
	require.ErrorContains(t, err, "deployment.effect.time")
}

// The later verdict counts, in whatever order reports come.
func TestMergeTakesTheLaterEffect(t *testing.T) {
	early, late := Effect{SLO: "a", Times: 2, At: start}, Effect{SLO: "a", Times: 3, At: start.Add(time.Minute)}
	for _, pair := range [][2]Effect{{early, late}, {late, early}, {{}, late}, {late, {}}} {
		a, b := Deployment{Effect: pair[0]}, Deployment{Effect: pair[1]}
		a.Merge(&b)
		require.Equal(t, late, a.Effect)
	}
}
