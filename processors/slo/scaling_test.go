// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two gateways, then four, then one, while traffic goes on: each SLO has one speaker, whose budget, burn rates and coverage are those of a collector that has had
// every counter from the beginning. Only in the moments after a change may nobody speak.
func TestTwoFourOne(t *testing.T) {
	services := catalogOf(6)
	reference := newRigWith(t, createDefaultConfig().(*Config), noon, nil, services...)
	rigs := newPeerRigs(t, 4, services...)
	senders := make([][]*counter, len(services))
	for i, s := range services {
		for n := range 2 {
			c := newCounter(noon)
			c.service, c.instance = s.Name, fmt.Sprint("agent-", n)
			senders[i] = append(senders[i], c)
		}
	}
	compared := 0
	// live is some time with the first gateways. Just after the change, a move may be under way.
	live := func(gateways, minutes int) {
		for step := range minutes {
			pass(time.Minute, append(rigs, reference)...)
			for i := range services {
				for n, c := range senders[i] {
					failed := 0.0
					if (step+i*7)%23 < 3 {
						failed = float64(i + n)
					}
					c.add(float64(50*(i+1)), failed)
					rigs[(i*5+gateways)%gateways].send(c)
					reference.send(c)
				}
			}
			for _, r := range rigs[:gateways] {
				r.round(t.Context())
			}
			want, said := reference.flushed(), map[string]int{}
			for n, r := range rigs[:gateways] {
				for series, value := range r.flushed() {
					if !strings.HasPrefix(series, "slo.") || strings.HasPrefix(series, "slo.maintenance") {
						continue
					}
					said[series]++
					if step >= 2 {
						require.InDelta(t, want[series], value, 1e-9, "gateway %d of %d, minute %d: %s", n, gateways, step, series)
					}
				}
			}
			if step < 2 {
				continue
			}
			for _, s := range services {
				require.Equal(t, 1, said["slo.error_budget.remaining{ shop "+s.Name+" production availability }"], "gateways %d, minute %d, %s", gateways, step, s.Name)
				compared++
			}
		}
	}
	live(2, 150)
	live(4, 100)
	for _, r := range rigs[1:] { // they stop, and leave what they have
		require.NoError(t, r.shutdown(t.Context()))
	}
	live(1, 100)
	require.Equal(t, 6*(150+100+100-6), compared)
}
