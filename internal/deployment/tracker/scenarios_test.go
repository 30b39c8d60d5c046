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
			expect 31m25s: completed v2 #0 from 10m to 25m55s was v1
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
			expect 21m: completed v2 #0 from 10m to 19m was v1
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
		"late items while the old one has just gone": `
			at 0s: v1 on a
			at 10m: v1 on a | v2 on b
			at 12m: v2 on b
			at 12m30s: late 1m..30s v1 on a
			at 12m40s: late 3m..2m v1 on a
			at 12m50s: late 3m..2m v1 on a
			expect 10m10s: started v2 #0 from 10m was v1
			expect 13m45s: completed v2 #0 from 10m to 12m was v1
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
