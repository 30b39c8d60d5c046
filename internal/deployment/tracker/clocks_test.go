// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import "testing"

func TestClocks(t *testing.T) {
	for name, text := range map[string]string{
		"one late item of a new version": `
			at 0s: v1 on a b c
			at 10m: late 3s v2 on d
			end 1h`,
		"a queue of an old instance drains late": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d e f
			at 11m: v2 on d e f
			at 30m: late 20m..19m v1 on a b c
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m55s: completed v2 #0 from 10m to 10m55s was v1
			end 2h`,
		"hours late": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d e f
			at 11m: v2 on d e f
			at 4h: late 4h..3h49m v1 on a b c
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m55s: completed v2 #0 from 10m to 10m55s was v1
			end 5h`,
		"so does one of an instance that was never seen": `
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d e f
			at 11m: v2 on d e f
			at 30m: late 25m..19m v1 on x
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m55s: completed v2 #0 from 10m to 10m55s was v1
			end 2h`,
		"and another late item of it": `
			at 0s: v1 on a b c
			at 10m: v2 on d e f
			at 30m: late 25m..21m v1 on x
			at 32m: late 22m v1 on x
			at 40m: late 31m v1 on x
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			end 2h`,
		"one late item, and a queue long after": `
			at 0s: v1 on a b c
			at 10m: v2 on d e f
			at 30m: late 24m v1 on x
			at 42m: late 20m..16m v1 on x
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			end 2h`,
		"single items of an old version": `
			at 0s: v1 on a b c
			at 10m: v2 on d e f
			at 1h: late 1s v1 on a
			at 2h: late 1s v1 on a
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			end 3h`,
		"telemetry that is long on its way": `
			at 0s: skew a -8s
			at 0s: skew b -40s
			at 0s: v1 on a
			at 10m: v1 on a | v2 on b
			at 12m: v2 on b
			expect 10m10s: started v2 #0 from 9m20s was v1
			expect 12m55s: completed v2 #0 from 9m20s to 11m47s was v1
			end 1h`,
		"two that are confirmed at once": `
			every 1m
			at 0s: v1 on a
			at 10m: v2 on b
			at 29m: skew d -8s
			at 30m: v2 on b | v1 on c | v3 on d
			at 40m: v3 on d
			expect 11m: started v2 #0 from 10m was v1
			expect 12m: completed v2 #0 from 10m to 10m was v1
			expect 31m: started v3 #0 from 29m52s was v2
			expect 31m: started v1 #1 from 30m was v2
			expect 42m: completed v3 #0 from 29m52s to 39m was v2
			expect 48m: rolled_back v1 #1 from 30m to 39m was v2
			end 1h`,
		"late items while the old one has just gone": `
			at 0s: v1 on a
			at 10m: v1 on a | v2 on b
			at 12m: v2 on b
			at 12m30s: late 1m..30s v1 on a
			at 12m40s: late 3m..2m v1 on a
			at 12m50s: late 3m..2m v1 on a
			expect 10m10s: started v2 #0 from 10m was v1
			expect 14m20s: completed v2 #0 from 10m to 12m was v1
			end 2h`,
		"clocks that are hours off": `
			at 0s: skew a 3h
			at 0s: skew b -5h
			at 0s: skew d -2h
			at 0s: skew e 26h
			at 0s: v1 on a b c
			at 10m: v1 on a b c | v2 on d
			at 11m: v1 on b | v2 on d e f
			at 12m: v2 on d e f
			expect 10m10s: started v2 #0 from 10m was v1
			expect 12m55s: completed v2 #0 from 10m to 11m55s was v1
			end 2h`,
		"clocks that are set": `
			at 0s: skew a 3h
			at 0s: skew b -5h
			at 0s: v1 on a b
			at 5m: v1 on a b | v2 on c
			at 30m: skew a 0s
			at 30m: skew b 0s
			at 40m: skew c 2h
			at 50m: skew c -2h
			at 1h: v2 on c d
			expect 5m10s: started v2 #0 from 5m was v1
			expect 15m10s: canary v2 #0 from 5m was v1
			expect 1h0m55s: completed v2 #0 from 5m to 59m55s was v1
			end 2h`,
		"many clocks without a name": `
			at 0s: v1 on -
			at 10m: v1 on - | v2 on -
			at 10m1s: late -3h v1 on -
			at 10m2s: late 3h v1 on -
			at 12m: v2 on -
			at 20m: late 5m v1 on -
			at 20m15s: late 5m v1 on -
			expect 10m10s: started v2 #0 from 10m was v1
			expect 12m55s: completed v2 #0 from 10m to 11m55s was v1
			end 1h`,
		"a time that makes no sense": `
			at 0s: v1 on a
			at 10m: late -900000h v1 on a
			at 10m: late 200000h v1 on a
			at 10m1s: v1 on a | v2 on b
			at 11m: late -900000h v1 on a
			at 11m: late 200000h v2 on b
			at 12m: v2 on b
			expect 10m15s: started v2 #0 from 10m5s was v1
			expect 12m55s: completed v2 #0 from 10m5s to 11m55s was v1
			end 2h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}
