// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIncident(t *testing.T) {
	b := startBusyShop(t, quick())
	b.serve(30)
	<-b.startIncident(t.Context(), time.Millisecond)
	b.serve(100)
	b.close()
	versions, _ := b.served(incidentService)
	assert.Positive(t, versions["1.0.0"])
	require.Positive(t, versions[incidentVersion])
	for _, c := range b.Tally().Spans {
		if c.Service == incidentService && c.Kind == "server" {
			assert.Equal(t, c.Version == incidentVersion, c.Errors > 0, c.Version)
		}
	}
}

func TestIncidentIsCalledOff(t *testing.T) {
	b := startBusyShop(t, quick())
	ctx, cancel := context.WithCancel(t.Context())
	ended := b.startIncident(ctx, time.Hour)
	cancel()
	<-ended
	require.Equal(t, "1.0.0", b.services[incidentService].Settings().Version)
	b.close()
}
