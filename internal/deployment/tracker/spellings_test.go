// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import "testing"

// What forges say and what telemetry shows are one deployment, whichever way each writes the version.
func TestSpellings(t *testing.T) {
	for name, text := range map[string]string{
		"a tag with a v": `
			at 0s: 1.4.1 on a b c
			at 2h: report started v1.4.2 id=gh1 revision=abc123
			at 2h1m: 1.4.1 on b c | 1.4.2 on d
			at 2h2m: 1.4.2 on d e f
			at 2h3m: report completed v1.4.2 id=gh1 revision=abc123
			expect 2h: started 1.4.2 #gh1 from 2h was 1.4.1 revision abc123
			expect 2h2m55s: completed 1.4.2 #gh1 from 2h to 2h1m55s was 1.4.1 revision abc123
			end 4h`,
		"a commit in full and in short": `
			at 0s: 1111111 on a b c
			at 2h: report started 2222222aaaabbbbccccddddeeeeffff000011112 id=gh1
			at 2h1m: 1111111 on b c | 2222222 on d
			at 2h2m: 2222222 on d e f
			at 2h3m: report completed 2222222aaaabbbbccccddddeeeeffff000011112 id=gh1
			expect 2h: started 2222222 #gh1 from 2h was 1111111
			expect 2h2m55s: completed 2222222 #gh1 from 2h to 2h1m55s was 1111111
			end 4h`,
		"half a commit": `
			at 0s: 1111111 on a b c
			at 2h: report started 2222222aaaabbbb id=gh1
			at 2h1m: 1111111 on b c | 2222222 on d
			at 2h2m: 2222222 on d e f
			expect 2h: started 2222222 #gh1 from 2h was 1111111
			expect 2h2m55s: completed 2222222 #gh1 from 2h to 2h1m55s was 1111111
			end 4h`,
		"told after it is seen": `
			at 0s: 1.4.1 on a b c
			at 2h: 1.4.1 on b c | 1.4.2 on d
			at 2h30s: report started release-1.4.2+build.7 id=gh1
			at 2h1m: 1.4.2 on d e f
			at 2h3m: report completed release-1.4.2 id=gh1 actor=ada
			expect 2h0m10s: started 1.4.2 #0 from 2h was 1.4.1
			expect 2h1m55s: completed 1.4.2 #0 from 2h to 2h0m55s was 1.4.1
			expect 2h3m: completed 1.4.2 #0 from 2h to 2h0m55s was 1.4.1 by ada
			end 4h`,
		"pods that write it differently": `
			at 0s: 1.4.1 on a b
			at 10m: v1.4.1 on a | 1.4.1+build.3 on b
			at 20m: 1.4.1 on c
			end 1h`,
		"a tag, and telemetry says the commit": `
			at 0s: aaaa111 on a b
			at 2h: report started v1.4.2 id=gh1 revision=bbbb222aaaabbbbccccddddeeeeffff000011112
			at 2h1m: aaaa111 on b | bbbb222 on d
			at 2h2m: bbbb222 on d e
			at 2h20m: report completed v1.4.2 id=gh1
			expect 2h: started v1.4.2 #gh1 from 2h was aaaa111 revision bbbb222aaaabbbbccccddddeeeeffff000011112
			expect 2h2m55s: completed v1.4.2 #gh1 from 2h to 2h1m55s was aaaa111 revision bbbb222aaaabbbbccccddddeeeeffff000011112
			end 4h`,
		"a tag, and telemetry says a hash": `
			at 0s: template:5d7f9c on a b
			at 2h: report started v1.4.2 id=gh1 actor=ada
			at 2h1m: template:5d7f9c on b | template:6c8e1b on d
			at 2h2m: template:6c8e1b on d e
			at 2h20m: report completed v1.4.2 id=gh1
			expect 2h: started v1.4.2 #gh1 from 2h was 5d7f9c by ada
			expect 2h2m55s: completed v1.4.2 #gh1 from 2h to 2h1m55s was 5d7f9c by ada
			end 4h`,
		"another name, and success long after the takeover": `
			at 0s: aaaa111 on a b
			at 2h: report started v1.4.2 id=gh1
			at 2h1m: bbbb222 on d e
			at 2h25m: report completed v1.4.2 id=gh1
			expect 2h: started v1.4.2 #gh1 from 2h was aaaa111
			expect 2h1m55s: completed v1.4.2 #gh1 from 2h to 2h1m was aaaa111
			end 4h`,
		"a name that never comes, and success after the takeover": `
			at 0s: 1.4.1 on a b
			at 2h: report started v1.4.2 id=gh1
			at 2h1m: 1.4.3 on d e
			at 2h25m: report completed v1.4.2 id=gh1
			expect 2h: started 1.4.2 #gh1 from 2h was 1.4.1
			expect 2h1m10s: started 1.4.3 #0 from 2h1m was 1.4.1
			expect 2h1m55s: completed 1.4.3 #0 from 2h1m to 2h1m was 1.4.1
			expect 2h25m: completed 1.4.2 #gh1 from 2h to 2h25m was 1.4.1
			end 4h`,
		"two releases that differ": `
			at 0s: 1.4.1 on a
			at 10m: 1.4.10 on a
			at 20m: 1.4.1-rc.1 on a
			expect 10m10s: started 1.4.10 #0 from 10m was 1.4.1
			expect 10m55s: completed 1.4.10 #0 from 10m to 10m was 1.4.1
			expect 20m10s: started 1.4.1-rc.1 #0 from 20m was 1.4.10
			expect 20m55s: completed 1.4.1-rc.1 #0 from 20m to 20m was 1.4.10
			end 1h`,
		"git describe": `
			at 0s: v1.4.2 on a
			at 10m: v1.4.2-14-gabc1234 on a
			at 11m: report completed abc1234aaaabbbbccccddddeeeeffff000011112 id=gl1
			expect 10m10s: started v1.4.2-14-gabc1234 #0 from 10m was v1.4.2
			expect 10m55s: completed v1.4.2-14-gabc1234 #0 from 10m to 10m was v1.4.2
			end 1h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}

// A deployment that returns to what was there before is told from one that goes on.
func TestRollbacksAreTold(t *testing.T) {
	s := newScript(t, 1)
	s.rollbacks = true
	s.run(`
		at 0s: v1 on a
		at 10m: v2 on b
		at 20m: v1 on c
		at 25m: restart
		at 30m: v2 on d
		expect 10m10s: started v2 #0 from 10m was v1
		expect 10m55s: completed v2 #0 from 10m to 10m was v1
		expect 20m10s: started v1 #1 from 20m was v2 back
		expect 20m55s: rolled_back v2 #0 from 10m to 10m was v1
		expect 20m55s: completed v1 #1 from 20m to 20m was v2 back
		expect 30m10s: started v2 #1 from 30m was v1
		expect 30m55s: completed v2 #1 from 30m to 30m was v1
		end 1h`)
}
