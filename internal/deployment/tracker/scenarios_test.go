// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import "testing"

func TestScenarios(t *testing.T) {
	for name, text := range map[string]string{
		"first sight": `
			at 0s: v1 on a b c
			end 1h`,
		"first sight of two versions": `
			at 0s: v1 on a b c | v2 on d
			at 30m: v2 on d e f
			end 1h`,
		"first sight of two versions, one after the other": `
			at 0s: v1 on a b c
			at 5s: v1 on a b c | v2 on d
			at 30m: v2 on d e f
			end 1h`,
		"stuck half-way": `
			at 0s: v1 on a b c
			at 10m: v1 on a | v2 on b c
			expect 10m10s: started v2 #0 from 10m was v1
			end 1h`,
		"rolling update": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 11m: v1 on b c | v2 on d e
			at 12m: v1 on c | v2 on d e f
			at 13m: v2 on d e f
			expect 10m10s: started v2 #0 from 10m was v1
			expect 13m55s: completed v2 #0 from 10m to 12m55s was v1
			end 2h`,
		"blue-green": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d e f
			at 10m30s: v2 on d e f
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m25s: completed v2 #0 from 10m to 10m25s was v1
			end 2h`,
		"the old one stops before the new one starts": `
			at 0s: v1 on a b c
			at 10m: nothing
			at 12m: v2 on d e f
			expect 12m10s: started v2 #0 from 12m was v1
			expect 12m30s: completed v2 #0 from 12m to 12m was v1
			end 2h`,
		"canary promoted": `
			at 0s: v1 on a b c d
			at 10m: v1 on a b c d | v2 on e
			at 50m: v1 on a b | v2 on e f g
			at 51m: v2 on e f g h
			expect 10m10s: started v2 #0 from 10m was v1
			expect 20m10s: canary v2 #0 from 10m was v1
			expect 51m55s: completed v2 #0 from 10m to 50m55s was v1
			end 3h`,
		"canary aborted": `
			at 0s: v1 on a b c d
			at 10m: v1 on a b c d | v2 on e
			at 50m: v1 on a b c d
			expect 10m10s: started v2 #0 from 10m was v1
			expect 20m10s: canary v2 #0 from 10m was v1
			expect 55m55s: rolled_back v2 #0 from 10m to 49m55s was v1
			end 3h`,
		"canary aborted and tried again": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 15m: v1 on a b c
			at 40m: v1 on a b c | v2 on e f g
			at 41m: v2 on e f g
			expect 10m10s: started v2 #0 from 10m was v1
			expect 20m55s: rolled_back v2 #0 from 10m to 14m55s was v1
			expect 40m10s: started v2 #1 from 40m was v1
			expect 41m55s: completed v2 #1 from 40m to 40m55s was v1
			end 3h`,
		"rolled back while it rolls": `
			at 0s: v1 on a b c
			at 10m: v1 on b c | v2 on d
			at 11m: v1 on c | v2 on d e
			at 12m: v1 on c f g | v2 on d
			at 13m: v1 on c f g
			expect 10m10s: started v2 #0 from 10m was v1
			expect 18m55s: rolled_back v2 #0 from 10m to 12m55s was v1
			end 3h`,
		"rolled back after it was complete": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d e f
			at 11m: v2 on d e f
			at 2h: v2 on d e f | v1 on g h i
			at 2h1m: v1 on g h i
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m55s: completed v2 #0 from 10m to 10m55s was v1
			expect 2h0m10s: started v1 #1 from 2h was v2
			expect 2h1m55s: rolled_back v2 #0 from 10m to 10m55s was v1
			expect 2h1m55s: completed v1 #1 from 2h to 2h0m55s was v2
			end 5h`,
		"rolled back, and forward again": `
			at 0s: v1 on a
			at 10m: v2 on b
			at 20m: v1 on c
			at 30m: v2 on d
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			expect 20m10s: started v1 #1 from 20m was v2
			expect 20m55s: rolled_back v2 #0 from 10m to 10m was v1
			expect 20m55s: completed v1 #1 from 20m to 20m was v2
			expect 30m10s: started v2 #1 from 30m was v1
			expect 30m55s: completed v2 #1 from 30m to 30m was v1
			end 2h`,
		"one right after another": `
			at 0s: v1 on a b
			at 10m: v2 on c d
			at 10m40s: v3 on e f
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m50s: started v3 #0 from 10m40s was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			expect 11m35s: completed v3 #0 from 10m40s to 10m40s was v1
			end 1h`,
		"mended forward": `
			at 0s: v1 on a b c
			at 10m: v1 on b c | v2 on d
			at 15m: v1 on b c | v3 on e
			at 16m: v3 on e f g
			expect 10m10s: started v2 #0 from 10m was v1
			expect 15m10s: started v3 #0 from 15m was v1
			expect 16m55s: rolled_back v2 #0 from 10m to 14m55s was v1
			expect 16m55s: completed v3 #0 from 15m to 15m55s was v1
			end 3h`,
		"crash loop of the new version": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 10m20s: v1 on a b c
			at 10m40s: v1 on a b c | v2 on d
			at 11m: v1 on a b c
			at 13m40s: v1 on a b c | v2 on d
			at 13m50s: v1 on a b c
			at 18m50s: v1 on a b c | v2 on d
			at 19m: v1 on a b c
			at 24m: v1 on a b c | v2 on d
			at 26m: v2 on d e f
			expect 10m10s: started v2 #0 from 10m was v1
			expect 20m10s: canary v2 #0 from 10m was v1
			expect 34m10s: completed v2 #0 from 10m to 25m55s was v1
			at 1h: v3 on a
			expect 1h0m10s: started v3 #0 from 1h was v2
			expect 1h4m5s: completed v3 #0 from 1h to 1h was v2
			end 3h`,
		"crash loop with new names": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 10m5s: v1 on a b c
			at 10m30s: v1 on a b c | v2 on e
			at 10m35s: v1 on a b c
			at 11m30s: v1 on a b c | v2 on f
			at 11m35s: v1 on a b c
			expect 10m30s: started v2 #0 from 10m was v1
			expect 17m30s: rolled_back v2 #0 from 10m to 11m30s was v1
			end 1h`,
		"scale to zero and back": `
			at 0s: v1 on a b c
			at 10m: nothing
			at 8h: v1 on d e
			at 8h30m: nothing
			at 9h: v1 on a
			end 10h`,
		"restarted with new names": `
			at 0s: v1 on a b c
			at 10m: v1 on d e f
			at 10m30s: v1 on a b c
			end 1h`,
		"scaled out and in": `
			at 0s: v1 on a
			at 10m: v1 on pod[1-50]
			at 20m: v1 on pod[7-9]
			end 1h`,
		"two environments": `
			at 0s: v1 on a b
			at 0s: staging: v1 on c
			at 10m: staging: v2 on d
			at 20m: v1 on a b | v2 on e f
			at 21m: v2 on e f
			at 30m: staging: v1 on g
			expect 10m10s: started v2 #0 in staging from 10m was v1
			expect 10m55s: completed v2 #0 in staging from 10m to 10m was v1
			expect 20m10s: started v2 #0 from 20m was v1
			expect 21m55s: completed v2 #0 from 20m to 20m55s was v1
			expect 30m10s: started v1 #1 in staging from 30m was v2
			expect 30m55s: rolled_back v2 #0 in staging from 10m to 10m was v1
			expect 30m55s: completed v1 #1 in staging from 30m to 30m was v2
			end 1h`,
		"500 instances, slowly": `
			at 0s: v1 on old[1-500]
			at 10m: v1 on old[51-500] | v2 on new[1-50]
			at 15m: v1 on old[101-500] | v2 on new[1-100]
			at 20m: v1 on old[151-500] | v2 on new[1-150]
			at 25m: v1 on old[201-500] | v2 on new[1-200]
			at 30m: v1 on old[301-500] | v2 on new[1-300]
			at 35m: v1 on old[401-500] | v2 on new[1-400]
			at 40m: v2 on new[1-500]
			expect 10m10s: started v2 #0 from 10m was v1
			expect 40m55s: completed v2 #0 from 10m to 39m55s was v1
			end 1h30m`,
		"versions that alternate in a long canary": `
			at 0s: v1 on a
			at 10m: v2 on b
			at 10m40s: v1 on a
			at 11m20s: v2 on b
			at 12m40s: v1 on a
			at 14m: v2 on b
			at 16m: v1 on a
			at 18m: v2 on b
			at 20m: v1 on a
			at 22m: v1 on a | v2 on b
			expect 10m10s: started v2 #0 from 10m was v1
			expect 20m10s: canary v2 #0 from 10m was v1
			end 3h`,
		"metrics alone, once a minute": `
			every 1m
			at 0s: v1 on a b
			at 10m: v1 on b | v2 on c
			at 20m: v2 on c
			at 40m: v2 on c d
			expect 11m: started v2 #0 from 10m was v1
			expect 22m: completed v2 #0 from 10m to 19m was v1
			end 3h`,
		"updated in place": `
			at 0s: v1 on a b c
			at 10m: v1 on b c | v2 on a
			at 11m: v2 on a b c
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m55s: completed v2 #0 from 10m to 10m55s was v1
			end 1h`,
		"instances without a name": `
			at 0s: v1 on -
			at 10m: v1 on - | v2 on -
			at 12m: v2 on -
			expect 10m10s: started v2 #0 from 10m was v1
			expect 12m55s: completed v2 #0 from 10m to 11m55s was v1
			end 1h`,
		"no version": `
			at 0s: - on a b c
			at 10m: - on d
			end 1h`,
		"some without a version": `
			at 0s: v1 on a | - on b
			at 10m: v1 on a | - on b c
			at 20m: - on b
			end 1h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}
