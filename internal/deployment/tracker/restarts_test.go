// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import "testing"

func TestRestarts(t *testing.T) {
	for name, text := range map[string]string{
		"in the middle of a rolling update": `
			at 0s: v1 on a b c
			at 10m: v1 on b c | v2 on d
			at 11m: restart
			at 12m: v2 on d e f
			at 12m30s: restart
			expect 10m10s: started v2 #0 from 10m was v1
			expect 13m: completed v2 #0 from 10m to 11m55s was v1
			at 20m: restart
			end 2h`,
		"minutes of nothing": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 11m: down
			at 25m: up
			at 40m: down
			at 3h: up
			expect 10m10s: started v2 #0 from 10m was v1
			expect 25m: canary v2 #0 from 10m was v1
			end 4h`,
		"deployed meanwhile": `
			at 0s: v1 on a b c
			at 10m: down
			at 15m: v2 on d e f
			at 20m: up
			expect 20m10s: started v2 #0 from 20m was v1
			expect 21m: completed v2 #0 from 20m to 20m was v1
			end 1h`,
		"completed meanwhile": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 11m: down
			at 15m: v2 on d e f
			at 20m: up
			expect 10m10s: started v2 #0 from 10m was v1
			expect 21m: completed v2 #0 from 10m to 10m55s was v1
			end 1h`,
		"aborted meanwhile": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 11m: down
			at 15m: v1 on a b c
			at 20m: up
			expect 10m10s: started v2 #0 from 10m was v1
			expect 26m: rolled_back v2 #0 from 10m to 10m55s was v1
			end 1h`,
		"killed before it was saved": `
			at 0s: v1 on a b c
			at 10m: v1 on b c | v2 on d
			at 10m5s: save
			at 10m20s: kill
			at 11m: v2 on d
			at 11m50s: save
			at 12m: kill
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m20s: started v2 #0 from 10m was v1
			expect 11m55s: completed v2 #0 from 10m to 10m55s was v1
			expect 12m10s: completed v2 #0 from 10m to 10m55s was v1
			end 1h`,
		"after a rollback": `
			at 0s: v1 on a
			at 10m: v2 on b
			at 20m: restart
			at 30m: v1 on c
			at 30m20s: restart
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			expect 30m10s: started v1 #1 from 30m was v2
			expect 31m: rolled_back v2 #0 from 10m to 10m was v1
			expect 31m: completed v1 #1 from 30m to 30m was v2
			end 1h`,
		"telemetry in the queue of an agent meanwhile": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 20m: down
			at 30m: up
			at 30m: late 10m..0s v2 on d
			at 30m: late 10m..0s v1 on a b c
			expect 10m10s: started v2 #0 from 10m was v1
			expect 30m: canary v2 #0 from 10m was v1
			end 1h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}
