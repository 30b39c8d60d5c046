// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scorecard"
)

// docs/alerts.md says what becomes of the faults as incidents, and which are not as they should be. UPDATE=1 writes it.
func TestIncidents(t *testing.T) {
	worlds := scorecard.Worlds()
	rows := make([]*scorecard.Outcome, len(worlds))
	t.Run("worlds", func(t *testing.T) {
		for i, w := range worlds {
			t.Run(w.Name, func(t *testing.T) {
				t.Parallel()
				rows[i] = live(t, w)
			})
		}
	})
	measured := slices.DeleteFunc(slices.Clone(rows), func(o *scorecard.Outcome) bool { return o == nil })
	text := scorecard.ByWorld(measured)
	t.Log("\n" + text)
	if len(measured) < len(rows) { // -run selected some of them
		return
	}
	right, origins, changes, wanted := 0, 0, 0, 0
	for _, o := range measured {
		if o.Right() {
			right++
		}
		if o.Incidents == 0 {
			if o.Faults[0].Kind == "quiet" {
				assert.Empty(t, o.Found, "%s: a quiet time has no incident", o.Name)
			}
			continue
		}
		wanted++
		if o.OriginRight() {
			origins++
		}
		if o.ChangeRight() {
			changes++
		}
	}
	assert.GreaterOrEqual(t, 10*right, 9*len(measured), "as many incidents as there should be, and no more")
	assert.GreaterOrEqual(t, 10*origins, 9*wanted)
	assert.GreaterOrEqual(t, 10*changes, 9*wanted)
	documented(t, "incidents", text)
}

func live(t *testing.T, w *scorecard.World) *scorecard.Outcome {
	t.Helper()
	for _, f := range w.Faults {
		f.Others = f.Collector.Gauges(t, f.Scenario)
	}
	life, err := w.Live(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, life.Close()) }()
	outcome := &scorecard.Outcome{World: w, Start: life.Start}
	if fired, found := life.Fired(); found {
		early, err := life.At(t.Context(), fired+3*time.Minute)
		require.NoError(t, err)
		for i := range early {
			outcome.Early = append(outcome.Early, early[i].ID)
		}
	}
	if outcome.Found, err = life.At(t.Context(), life.Ends); err != nil {
		require.NoError(t, err)
	}
	for _, id := range outcome.Early {
		assert.True(t, slices.ContainsFunc(outcome.Found, func(i scorecard.Incident) bool { return i.Is(id) }), "%s: the page of %s is still there", w.Name, id)
	}
	// A book that was not there before finds the same in the record.
	again, err := w.Reread(t.Context(), life)
	require.NoError(t, err)
	assert.Equal(t, ids(outcome.Found), ids(again))
	return outcome
}

func ids(all []scorecard.Incident) string {
	var text strings.Builder
	for i := range all {
		text.WriteString(all[i].ID + " " + string(all[i].State) + " " + all[i].Start.Format(time.RFC3339) + " " + all[i].End.Format(time.RFC3339) + "\n")
	}
	return text.String()
}
