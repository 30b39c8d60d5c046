// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package adjusted

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCount(t *testing.T) {
	for tracestate, want := range map[string]struct {
		count   float64
		problem Problem
	}{
		"":                        {1, None},
		"vendor=x":                {1, None},
		"ot=th:0":                 {1, None},
		"ot=th:8":                 {2, None},
		"vendor=x, ot=th:c":       {4, None},
		"ot=rv:12345678901234":    {1, None},
		"ot=th:zz":                {1, Malformed},
		"ot=th:fffffffffffff":     {Max, Capped},
		"ot=th:8,ot=th:c":         {2, None},
		"not a tracestate at all": {1, None},
	} {
		count, problem := Count(tracestate)
		require.Equal(t, want.count, count, tracestate)
		require.Equal(t, want.problem, problem, tracestate)
	}
}

func FuzzCount(f *testing.F) {
	f.Add("ot=th:8")
	f.Add("ot=th:fffffffffffff,x=y")
	f.Fuzz(func(t *testing.T, tracestate string) {
		count, _ := Count(tracestate)
		require.True(t, count >= 1 && count <= Max)
	})
}
