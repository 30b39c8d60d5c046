// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import "testing"

func TestReports(t *testing.T) {
	for name, text := range map[string]string{
		"told before it is seen": `
			at 0s: v1 on a b
			at 10m: report started v2 revision=abc actor=ada
			at 12m: v1 on a b | v2 on c d
			at 13m: v2 on c d
			expect 10m: started v2 #0 from 10m was v1 revision abc by ada
			expect 13m55s: completed v2 #0 from 10m to 12m55s was v1 revision abc by ada
			end 3h`,
		"told after it is seen": `
			at 0s: v1 on a b
			at 10m: v1 on a b | v2 on c d
			at 11m: report started v2 id=ci-7 revision=abc start=9m
			at 12m: v2 on c d
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m: started v2 #0 from 10m was v1 revision abc
			expect 12m55s: completed v2 #0 from 10m to 11m55s was v1 revision abc
			end 3h`,
		"told after it is complete": `
			at 0s: v1 on a b
			at 10m: v2 on c d
			at 12m: report completed v2 revision=abc
			at 13m: report completed v2 revision=abc
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			expect 12m: completed v2 #0 from 10m to 10m was v1 revision abc
			end 3h`,
		"the reporter's ID": `
			at 0s: v1 on a b
			at 10m: report started v2 id=ci-7
			at 11m: v2 on c d
			at 11m10s: report completed id=ci-7 revision=abc
			expect 10m: started v2 #ci-7 from 10m was v1
			expect 11m10s: completed v2 #ci-7 from 10m to 11m10s was v1 revision abc
			end 3h`,
		"two reporters": `
			at 0s: v1 on a b
			at 10m: report started v2 id=ci-7 revision=abc
			at 10m1s: report started v2 id=argo-1 actor=argo
			at 11m: v2 on c d
			at 11m20s: report completed id=argo-1
			at 11m40s: report completed id=ci-7
			expect 10m: started v2 #ci-7 from 10m was v1 revision abc
			expect 10m5s: started v2 #ci-7 from 10m was v1 revision abc by argo
			expect 11m20s: completed v2 #ci-7 from 10m to 11m20s was v1 revision abc by argo
			end 3h`,
		"without a version": `
			at 0s: v1 on a b
			at 10m: v1 on a b | v2 on c
			at 11m: report completed actor=ada
			at 12m: v2 on c d
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m: completed v2 #0 from 10m to 11m was v1 by ada
			end 3h`,
		"failed, and tried again": `
			at 0s: v1 on a b
			at 10m: v1 on a b | v2 on c
			at 11m: report failed v2
			at 12m: v1 on a b
			at 50m: report started v2
			at 50m30s: v2 on d e
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m: failed v2 #0 from 10m to 11m was v1
			expect 50m: started v2 #1 from 50m was v1
			expect 51m25s: completed v2 #1 from 50m to 50m30s was v1
			end 3h`,
		"rolled back, told by what it went back to": `
			at 0s: v1 on a b
			at 10m: v1 on a b | v2 on c
			at 11m: report rolled_back v1 actor=argo
			at 11m30s: v1 on a b
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m: rolled_back v2 #0 from 10m to 11m was v1 by argo
			end 3h`,
		"told too early that it is complete": `
			at 0s: v1 on a b
			at 10m: v1 on a b | v2 on c
			at 11m: report completed v2
			at 15m: v1 on a b
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m: completed v2 #0 from 10m to 11m was v1
			expect 20m55s: rolled_back v2 #0 from 10m to 11m was v1
			end 3h`,
		"the first deployment of a service": `
			at 0s: report started v1 id=ci-1
			at 1m: v1 on a
			expect 0s: started v1 #ci-1 from 0s
			expect 1m10s: completed v1 #ci-1 from 0s to 1m
			end 3h`,
		"told and nothing seen yet": `
			at 0s: report started v2
			at 1m: v1 on a b
			at 5m: v2 on c d
			expect 0s: started v2 #0 from 0s
			expect 5m55s: completed v2 #0 from 0s to 5m
			end 3h`,
		"the same version with another configuration": `
			at 0s: v1 on a
			at 2h: report started v1 id=ci-9
			at 2h10m: report completed v1
			at 5h: report started v1
			expect 2h: started v1 #ci-9 from 2h
			expect 2h10m: completed v1 #ci-9 from 2h to 2h10m
			expect 5h: started v1 #2 from 5h
			expect 5h30m: completed v1 #2 from 5h to 5h
			end 8h`,
		"told only": `
			at 0s: report completed v1
			at 1h: report started v2
			at 1h10m: report completed v2
			at 2h: report completed v1
			expect 0s: completed v1 #0 from 0s to 0s
			expect 1h: started v2 #0 from 1h was v1
			expect 1h10m: completed v2 #0 from 1h to 1h10m was v1
			expect 2h: rolled_back v2 #0 from 1h to 1h10m was v1
			expect 2h: completed v1 #1 from 2h to 2h was v2
			end 5h`,
		"told again and again": `
			at 0s: v1 on a
			at 10m: v2 on b
			at 11m: report completed v2
			at 2h: report completed v2
			at 5h: report completed v2 run=7
			at 7h: report completed v2 run=7
			at 8h: report completed v2 run=8
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			expect 5h: completed v2 #0 from 10m to 10m was v1 run 7
			expect 8h: completed v2 #1 from 8h to 8h run 8
			end 9h`,
		"told hours later how it went": `
			at 0s: v1 on a
			at 10m: v2 on b
			at 3h: report rolled_back v2
			at 3h1m: v1 on c
			at 7h: report failed v2
			at 7h1m: report failed v2
			expect 10m10s: started v2 #0 from 10m was v1
			expect 10m55s: completed v2 #0 from 10m to 10m was v1
			expect 3h: rolled_back v2 #0 from 10m to 10m was v1
			expect 3h1m10s: started v1 #1 from 3h1m was v2
			expect 3h1m55s: completed v1 #1 from 3h1m to 3h1m was v2
			expect 7h: failed v2 #1 from 7h to 7h was v1
			end 9h`,
		"told just when it is first seen": `
			at 0s: v1 on a
			at 1m: report completed v1 id=ci-1
			at 2m: report failed v1
			at 3m: report started v1
			expect 1m: completed v1 #ci-1 from 1m to 1m
			expect 2m: failed v1 #ci-1 from 1m to 1m
			expect 3m: started v1 #1 from 3m
			expect 33m: completed v1 #1 from 3m to 3m
			end 1h`,
		"failed, and tried again at once": `
			at 0s: v1 on a b
			at 10m: v1 on a b | v2 on c
			at 12m: report failed v2
			at 14m: report started v2 id=ci-2
			at 16m: v2 on c d
			expect 10m10s: started v2 #0 from 10m was v1
			expect 12m: failed v2 #0 from 10m to 12m was v1
			expect 14m: started v2 #ci-2 from 14m was v1
			expect 16m55s: completed v2 #ci-2 from 14m to 15m55s was v1
			end 1h`,
		"times that make no sense": `
			at 0s: v1 on a
			at 10m: v1 on a | v2 on b
			at 11m: report completed v2 start=3m end=2m
			at 12m: report started v3 start=900h
			at 13m: report failed v3 end=900h
			expect 10m10s: started v2 #0 from 10m was v1
			expect 11m: completed v2 #0 from 10m to 10m was v1
			expect 12m: started v3 #0 from 12m was v2
			expect 13m: failed v3 #0 from 12m to 13m was v2
			end 20m`,
		"told between the first item and the marker": `
			at 0s: v1 on a
			at 10m: v1 on a | v2 on b
			at 10m8s: report started v2 id=ci-1 start=9m
			at 10m9s: report started v2 id=argo-1
			at 11m: v2 on b
			expect 10m10s: started v2 #ci-1 from 9m was v1
			expect 11m55s: completed v2 #ci-1 from 9m to 10m55s was v1
			end 1h`,
		"told, and never came": `
			at 0s: v1 on a
			at 10m: report started v2
			at 40m: v1 on a | v3 on b
			at 41m: v3 on b
			expect 10m: started v2 #0 from 10m was v1
			expect 40m10s: started v3 #0 from 40m was v1
			expect 41m55s: rolled_back v2 #0 from 10m to 40m55s was v1
			expect 41m55s: completed v3 #0 from 40m to 40m55s was v1
			end 3h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}
