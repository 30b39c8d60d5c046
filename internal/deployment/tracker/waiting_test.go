// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import "testing"

// Forges deploy a branch: their reports name no version.
func TestReportsWithoutAVersion(t *testing.T) {
	for name, text := range map[string]string{
		"a branch": `
			at 0s: v1 on a b c
			at 2h: report started id=gh1 revision=abc123
			at 2h1m: v1 on b c | v2 on d
			at 2h2m: v2 on d e f
			at 2h3m: report completed id=gh1 revision=abc123
			expect 2h1m10s: started v2 #gh1 from 2h was v1 revision abc123
			expect 2h2m55s: completed v2 #gh1 from 2h to 2h1m55s was v1 revision abc123
			end 4h`,
		"of a version that was deployed before": `
			at 0s: v0 on a
			at 1h: v1 on a b c
			at 2h: report started id=gh1 actor=ada
			at 2h1m: v2 on d e f
			expect 1h0m10s: started v1 #0 from 1h was v0
			expect 1h0m55s: completed v1 #0 from 1h to 1h was v0
			expect 2h1m10s: started v2 #gh1 from 2h was v1 by ada
			expect 2h1m55s: completed v2 #gh1 from 2h to 2h1m was v1 by ada
			end 4h`,
		"success before anything is seen": `
			at 0s: v1 on a b c
			at 2h: report started id=gh1 revision=abc123
			at 2h1m: report completed id=gh1
			at 2h2m: v2 on d e f
			expect 2h2m10s: started v2 #gh1 from 2h was v1 revision abc123
			expect 2h2m10s: completed v2 #gh1 from 2h to 2h1m was v1 revision abc123
			end 4h`,
		"success alone, after it is complete": `
			at 0s: v1 on a b c
			at 2h: v2 on d e f
			at 2h3m: report completed id=gh1 revision=abc123
			expect 2h0m10s: started v2 #0 from 2h was v1
			expect 2h0m55s: completed v2 #0 from 2h to 2h was v1
			expect 2h3m: completed v2 #0 from 2h to 2h was v1 revision abc123
			end 4h`,
		"success first, then the beginning": `
			at 0s: v1 on a b c
			at 2h1m: v1 on b c | v2 on d
			at 2h3m: report completed id=gh1 revision=abc123
			at 2h3m10s: report started id=gh1 actor=ada start=2h
			expect 2h1m10s: started v2 #0 from 2h1m was v1
			expect 2h3m: completed v2 #0 from 2h1m to 2h3m was v1 revision abc123
			expect 2h3m10s: completed v2 #0 from 2h1m to 2h3m was v1 revision abc123 by ada
			at 2h3m20s: v2 on d e f
			end 4h`,
		"a report that comes late": `
			at 0s: v1 on a b c
			at 2h1m: v1 on b c | v2 on d
			at 2h2m: report started id=gh1 actor=ada start=2h
			at 2h3m: v2 on d e f
			expect 2h1m10s: started v2 #0 from 2h1m was v1
			expect 2h2m: started v2 #0 from 2h1m was v1 by ada
			expect 2h3m55s: completed v2 #0 from 2h1m to 2h2m55s was v1 by ada
			end 4h`,
		"nothing new comes": `
			at 0s: v1 on a b c
			at 2h: report started id=gh1 actor=ada
			at 2h5m: report completed id=gh1
			at 3h: v2 on d e f
			expect 3h0m10s: started v2 #0 from 3h was v1
			expect 3h0m55s: completed v2 #0 from 3h to 3h was v1
			end 4h`,
		"the commit tells which of two": `
			at 0s: aaaa111 on a
			at 2h: report started id=gh1 revision=bbbb222aaaabbbbccccddddeeeeffff000011112 actor=ada
			at 2h1m: report started id=gh2 revision=cccc333aaaabbbbccccddddeeeeffff000011112 actor=bob
			at 2h2m: aaaa111 on a | cccc333 on c
			at 2h3m: bbbb222 on b
			expect 2h2m10s: started cccc333 #gh2 from 2h1m was aaaa111 revision cccc333aaaabbbbccccddddeeeeffff000011112 by bob
			expect 2h3m10s: started bbbb222 #gh1 from 2h was aaaa111 revision bbbb222aaaabbbbccccddddeeeeffff000011112 by ada
			end 2h3m30s`,
		"the commit of what runs already": `
			at 0s: aaaa111 on a
			at 2h: report started id=gh1 revision=bbbb222aaaabbbbccccddddeeeeffff000011112
			at 2h5m: cccc333 on c
			expect 2h5m10s: started cccc333 #0 from 2h5m was aaaa111
			expect 2h5m55s: completed cccc333 #0 from 2h5m to 2h5m was aaaa111
			end 4h`,
		"one that was overtaken": `
			at 0s: v1 on a
			at 2h: report started id=gh1 actor=ada
			at 2h1m: report started id=gh2 actor=bob
			at 2h2m: v2 on b
			at 2h10m: v3 on c
			expect 2h2m10s: started v2 #gh2 from 2h1m was v1 by bob
			expect 2h2m55s: completed v2 #gh2 from 2h1m to 2h2m was v1 by bob
			expect 2h10m10s: started v3 #0 from 2h10m was v2
			expect 2h10m55s: completed v3 #0 from 2h10m to 2h10m was v2
			end 4h`,
		"a service of which nothing is known": `
			at 1h: report started id=gh1 actor=ada
			at 1h1m: v1 on a
			expect 1h1m10s: started v1 #gh1 from 1h by ada
			expect 1h1m10s: completed v1 #gh1 from 1h to 1h1m by ada
			end 2h`,
		"the collector has just started": `
			at 0s: report started id=gh1 actor=ada
			at 1m: v1 on a
			at 3m: v2 on b
			expect 3m10s: started v2 #gh1 from 0s was v1 by ada
			expect 3m55s: completed v2 #gh1 from 0s to 3m was v1 by ada
			end 2h`,
		"rolled back what was running": `
			at 0s: v1 on a
			at 2h: report rolled_back id=gh1
			at 3h: report failed id=gh2
			end 4h`,
		"across a restart": `
			at 0s: v1 on a
			at 2h: report started id=gh1 actor=ada
			at 2h1m: restart
			at 2h2m: v2 on b
			expect 2h2m10s: started v2 #gh1 from 2h was v1 by ada
			expect 2h2m55s: completed v2 #gh1 from 2h to 2h2m was v1 by ada
			end 4h`,
		"the version becomes known": `
			at 0s: v1 on a
			at 2h: report started id=gh1 actor=ada
			at 2h1m: report started v2 id=gh1
			at 2h2m: v2 on b
			expect 2h1m: started v2 #gh1 from 2h was v1 by ada
			expect 2h2m55s: completed v2 #gh1 from 2h to 2h2m was v1 by ada
			end 4h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}

func TestClusters(t *testing.T) {
	for name, text := range map[string]string{
		"one scaled to zero at night": `
			at 0s: eu: v1 on a b
			at 0s: us: v2 on c d
			at 8h: us: nothing
			at 9h: us: v2 on e f
			end 12h`,
		"deployed to one after the other": `
			at 0s: eu: v1 on a b
			at 0s: us: v1 on c d
			at 1h: eu: v2 on a b
			at 2h: us: v2 on c d
			expect 1h0m10s: started v2 #0 at eu from 1h was v1
			expect 1h0m55s: completed v2 #0 at eu from 1h to 1h was v1
			expect 2h0m10s: started v2 #0 at us from 2h was v1
			expect 2h0m55s: completed v2 #0 at us from 2h to 2h was v1
			end 3h`,
		"some telemetry does not say which": `
			at 0s: v1 on a
			at 10m: eu: v1 on b
			at 20m: v2 on a
			at 20m: eu: v2 on b
			expect 20m10s: started v2 #0 at eu from 20m was v1
			expect 20m55s: completed v2 #0 at eu from 20m to 20m was v1
			end 1h`,
		"a second one comes": `
			at 0s: eu: v1 on a
			at 1h: us: v2 on b
			at 2h: us: v3 on b
			expect 2h0m10s: started v3 #0 at us from 2h was v2
			expect 2h0m55s: completed v3 #0 at us from 2h to 2h was v2
			end 3h`,
		"told without the cluster": `
			at 0s: eu: v1 on a b
			at 0s: us: v1 on c d
			at 1h: report started v2 id=gh1 actor=ada
			at 1h1m: eu: v2 on a b
			expect 1h1m10s: started v2 #gh1@eu at eu from 1h was v1 by ada
			expect 1h1m55s: completed v2 #gh1@eu at eu from 1h to 1h1m was v1 by ada
			end 3h`,
		"told with the cluster, and only one runs": `
			at 0s: v1 on a b
			at 1h: report started v2 id=gh1 cluster=eu
			at 1h1m: v2 on a b
			expect 1h: started v2 #gh1 from 1h was v1
			expect 1h1m55s: completed v2 #gh1 from 1h to 1h1m was v1
			end 3h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}
