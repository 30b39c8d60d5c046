// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// outcomes are the deployments that were announced, each with how it ended.
func outcomes(due []deployment.Deployment) (all []string) {
	last := map[string]deployment.Status{}
	for _, d := range due {
		if rank(d.Status) >= rank(last[d.ID]) {
			last[d.ID] = d.Status
		}
	}
	for id, status := range last {
		all = append(all, id+" "+string(status))
	}
	slices.Sort(all)
	return all
}

// Two replicas that each see some of the instances announce, taken together, what one that sees all announces.
func TestReplicas(t *testing.T) {
	for name, text := range map[string]string{
		"rolling update": `
			at 0s: v1 on a[1-12]
			at 10m: v1 on a[4-12] | v2 on b[1-3]
			at 11m: v1 on a[7-12] | v2 on b[1-6]
			at 12m: v1 on a[10-12] | v2 on b[1-9]
			at 13m: v2 on b[1-12]
			end 1h`,
		"two, with a restart between": `
			at 0s: v1 on a[1-12]
			at 10m: v1 on a[1-12] | v2 on b[1-12]
			at 11m: v2 on b[1-12]
			at 20m: restart
			at 30m: v2 on b[7-12] | v3 on c[1-6]
			at 31m: v3 on c[1-12]
			end 1h`,
		"canary aborted": `
			at 0s: v1 on a[1-20]
			at 10m: v1 on a[1-20] | v2 on b
			at 40m: v1 on a[1-20]
			end 1h`,
		"canary promoted": `
			at 0s: v1 on a[1-20]
			at 10m: v1 on a[1-20] | v2 on b
			at 40m: v1 on a[6-20] | v2 on b[1-6]
			at 41m: v2 on b[1-20]
			end 1h30m`,
		"rolled back after it was complete": `
			at 0s: v1 on a[1-12]
			at 10m: v1 on a[1-12] | v2 on b[1-12]
			at 11m: v2 on b[1-12]
			at 50m: v2 on b[1-6] | v1 on c[1-6]
			at 51m: v1 on c[1-12]
			end 1h30m`,
		"restarted, scaled, to zero and back": `
			at 0s: v1 on a[1-12]
			at 10m: v1 on b[1-40]
			at 20m: nothing
			at 50m: v1 on c[1-12]
			end 1h30m`,
	} {
		t.Run(name, func(t *testing.T) {
			one := newScript(t, 1)
			one.follow(text)
			for seed := range 10 {
				two := newScript(t, 2)
				two.seed = seed
				two.follow(text)
				require.Equal(t, outcomes(one.due), outcomes(two.due), fmt.Sprint("seed ", seed))
			}
		})
	}
}
