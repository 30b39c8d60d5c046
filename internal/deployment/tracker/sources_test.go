// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
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
	known.See(Sighting{Service: checkout, Version: "v1", Instance: "sdk", Time: now})
	due := known.Due()
	require.Len(t, due, 1)
	require.Equal(t, "run-7", due[0].ID)
	_, ok := known.Stamp(checkout, "sha-v1")
	require.False(t, ok)
}
