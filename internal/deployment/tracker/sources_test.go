// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// The SDK says service.version, the pod's logs know the image's tag only: two names of one version are no deployment, whichever
// comes first, and after a restart too.
func TestVersionsOfSeveralSources(t *testing.T) {
	for name, first := range map[string]deployment.Source{"the better one first": deployment.FromVersion, "the worse one first": deployment.FromImage} {
		t.Run(name, func(t *testing.T) {
			now := epoch
			clock := func() time.Time { return now }
			known := New(Default(), clock)
			checkout := deployment.Service{Name: "checkout"}
			see := func(seconds int, version string, sources ...deployment.Source) {
				for range seconds {
					for _, source := range sources {
						s := Sighting{Service: checkout, Version: version, Instance: "sdk", Source: source, Time: now}
						if source == deployment.FromImage {
							s.Version, s.Instance = "sha-"+version, "pod"
						}
						known.See(s)
					}
					now = now.Add(time.Second)
				}
			}
			see(300, "v1", first)
			see(300, "v1", deployment.FromImage, deployment.FromVersion)
			require.Empty(t, known.Due())

			saved := map[int][]byte{}
			require.NoError(t, known.Save(true, func(n int, record []byte) error {
				saved[n] = record
				return nil
			}))
			known = New(Default(), clock)
			for n, record := range saved {
				require.NoError(t, known.Restore(n, record))
			}
			see(300, "v1", deployment.FromImage, deployment.FromVersion)
			require.Empty(t, known.Due())

			see(300, "v2", deployment.FromImage, deployment.FromVersion)
			var got []string
			for _, d := range known.Due() {
				got = append(got, string(d.Status)+" "+d.Version)
			}
			require.Equal(t, []string{"started v2", "completed v2"}, got)
		})
	}
}

// What was told before a better source appears is still told.
func TestABetterSourceKeepsWhatWasTold(t *testing.T) {
	now := epoch
	known := New(Default(), func() time.Time { return now })
	checkout := deployment.Service{Name: "checkout"}
	for range 30 {
		known.See(Sighting{Service: checkout, Version: "sha-v1", Instance: "pod", Source: deployment.FromImage, Time: now})
		now = now.Add(time.Second)
	}
	require.NoError(t, known.Report(deployment.Deployment{Service: checkout, Version: "v2", ID: "run-7", Status: deployment.Started, Start: now}))
	due := known.Due()
	for range 400 {
		known.See(Sighting{Service: checkout, Version: "sha-v1", Instance: "pod", Source: deployment.FromImage, Time: now})
		known.See(Sighting{Service: checkout, Version: "v1", Instance: "sdk", Time: now})
		now = now.Add(time.Second)
		due = append(due, known.Due()...)
	}
	require.Len(t, due, 1)
	require.Equal(t, "run-7", due[0].ID)
	_, ok := known.Stamp(checkout, "v1")
	require.True(t, ok)
	_, ok = known.Stamp(checkout, "sha-v1")
	require.False(t, ok)
}

func TestSourcesTakeOver(t *testing.T) {
	for name, text := range map[string]string{
		"one stray record": `
			at 0s: image:1.0 on a b
			at 10m: image:1.0 on a b | 0.0.1-cli on laptop
			at 10m5s: image:1.0 on a b
			at 30m: image:1.1 on c d
			expect 30m10s: started 1.1 #0 from 30m was 1.0
			expect 30m55s: completed 1.1 #0 from 30m to 30m was 1.0
			end 1h`,
		"a stray record before anything else": `
			at 0s: 0.0.1-cli on laptop
			at 5s: image:1.0 on a b
			at 30m: image:1.1 on c d
			expect 30m10s: started 1.1 #0 from 30m was 1.0
			expect 30m55s: completed 1.1 #0 from 30m to 30m was 1.0
			end 1h`,
		"a job that migrates for minutes": `
			at 0s: image:1.0 on a b
			at 10m: image:1.0 on a b | 7 on job
			at 14m: image:1.0 on a b
			at 30m: image:1.1 on c d
			expect 30m10s: started 1.1 #0 from 30m was 1.0
			expect 30m55s: completed 1.1 #0 from 30m to 30m was 1.0
			end 1h`,
		"a laptop, for hours": `
			at 0s: image:1.0 on a b c
			at 10m: image:1.0 on a b c | 0.0.1-cli on laptop
			at 2h: image:1.1 on d e f | 0.0.1-cli on laptop
			at 5h: image:1.2 on d e f
			expect 2h0m10s: started 1.1 #0 from 2h was 1.0
			expect 2h0m55s: completed 1.1 #0 from 2h to 2h was 1.0
			expect 5h0m10s: started 1.2 #0 from 5h was 1.1
			expect 5h0m55s: completed 1.2 #0 from 5h to 5h was 1.1
			end 6h`,
		"a laptop beside one pod": `
			at 0s: image:1.0 on a
			at 10m: image:1.0 on a | 0.0.1-cli on laptop
			at 2h: image:1.0 on a
			at 3h: image:1.1 on b
			expect 3h0m10s: started 1.1 #0 from 3h was 1.0
			expect 3h0m55s: completed 1.1 #0 from 3h to 3h was 1.0
			end 4h`,
		"a constant beside the image": `
			at 0s: dev on a b | image:1.0 on p q
			at 30m: dev on c d | image:1.1 on r s
			expect 30m10s: started 1.1 #0 from 30m was 1.0
			expect 30m55s: completed 1.1 #0 from 30m to 30m was 1.0
			end 1h`,
		"a constant beside the digest": `
			at 0s: latest on a b | digest:sha256:0123456789abcdef0123 on p q
			at 30m: latest on c d | digest:sha256:1123456789abcdef0123 on r s
			expect 30m10s: started sha256:1123456789ab #0 from 30m was sha256:0123456789ab
			expect 30m55s: completed sha256:1123456789ab #0 from 30m to 30m was sha256:0123456789ab
			end 1h`,
		"a release that begins to say its version": `
			at 0s: image:1.0 on a
			at 20m: 1.1.0 on b
			expect 20m55s: started 1.1.0 #0 from 20m was 1.0
			expect 20m55s: completed 1.1.0 #0 from 20m to 20m was 1.0
			end 1h`,
		"all instances begin to say their version": `
			at 0s: image:sha-9 on a b
			at 20m: image:sha-9 on a b | 1.0 on sdk1 sdk2
			at 40m: image:sha-10 on c d | 1.1 on sdk3 sdk4
			expect 40m10s: started 1.1 #0 from 40m was 1.0
			expect 40m55s: completed 1.1 #0 from 40m to 40m was 1.0
			end 1h`,
		"nobody says the version any more": `
			at 0s: image:sha-9 on a b | 1.0 on sdk1 sdk2
			at 20m: image:sha-9 on a b
			at 1h: image:sha-10 on c d
			expect 1h0m10s: started sha-10 #0 from 1h was sha-9
			expect 1h0m55s: completed sha-10 #0 from 1h to 1h was sha-9
			end 2h`,
		"quiet nights without spans": `
			at 0s: image:sha-9 on a b | 1.0 on sdk1 sdk2
			at 8h: image:sha-9 on a b
			at 16h: image:sha-9 on a b | 1.0 on sdk1 sdk2
			at 20h: image:sha-10 on c d | 1.1 on sdk3 sdk4
			expect 20h0m10s: started 1.1 #0 from 20h was 1.0
			expect 20h0m55s: completed 1.1 #0 from 20h to 20h was 1.0
			end 22h`,
		"the same in both sources": `
			at 0s: image:v1.0.0 on a b | 1.0.0 on sdk1 sdk2
			at 20m: image:v1.1.0 on c d | 1.1.0 on sdk3 sdk4
			expect 20m10s: started 1.1.0 #0 from 20m was 1.0.0
			expect 20m55s: completed 1.1.0 #0 from 20m to 20m was 1.0.0
			end 1h`,
		"metadata that comes late": `
			at 0s: - on a
			at 20s: template:h1 on a
			at 30m: - on b
			at 30m20s: template:h2 on b
			expect 30m30s: started h2 #0 from 30m20s was h1
			expect 30m55s: completed h2 #0 from 30m20s to 30m20s was h1
			end 1h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}

func TestServicesWithoutAName(t *testing.T) {
	s := newScript(t, 1)
	s.service = "unknown_service:node"
	s.run(`
		at 0s: 1.0 on a
		at 10m: 1.0 on a | 3.2 on b
		at 1h: 3.2 on b
		end 2h`)
}

func TestShortRuns(t *testing.T) {
	cron := func(minutes, seconds int, versions ...string) string {
		text := ""
		for n, version := range versions {
			text += fmt.Sprintf("at %dm: %s on p%d\nat %dm%ds: nothing\n", n*minutes, version, n, n*minutes, seconds)
		}
		return text + fmt.Sprintf("end %dm\n", len(versions)*minutes)
	}
	for name, text := range map[string]string{
		"8 s every 10 minutes": cron(10, 8, "v1", "v1", "v1", "v1", "v2", "v2", "v2") + `
			expect 41m5s: started v2 #0 from 40m was v1
			expect 50m: completed v2 #0 from 40m to 40m was v1`,
		"one record every hour": cron(60, 3, "v1", "v1", "v1", "v2", "v2", "v2", "v2") + `
			expect 4h: started v2 #0 from 3h was v1
			expect 4h: completed v2 #0 from 3h to 3h was v1`,
		"what strays in beside a service": `
			at 0s: v1 on a
			at 10m: v1 on a | v7 on laptop
			at 10m5s: v1 on a
			at 20m: v1 on a | v7 on laptop
			at 20m5s: v1 on a
			end 1h`,
	} {
		t.Run(name, func(t *testing.T) { newScript(t, 1).run(text) })
	}
}

func TestManyInstances(t *testing.T) {
	b := newBench(Default())
	for range 4 {
		for n := range 1500 {
			b.See(Sighting{Service: checkout, Version: "v1", Instance: fmt.Sprint("pod", n), Time: b.at})
		}
		b.at = b.at.Add(5 * time.Second)
		b.Due()
	}
	b.Running(func(_ *deployment.Deployment, instances int) { require.Equal(t, 1500, instances) })
	require.Zero(t, b.Stats().RefusedInstances)
}
