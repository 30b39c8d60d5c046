// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

func TestRicherChangeWins(t *testing.T) {
	first := Change{ID: "a", Value: "on"}
	later := Change{ID: "a", Value: "on", Actor: "Ada"}
	assert.True(t, later.richer(&first))
	assert.False(t, first.richer(&later))
	running := Change{ID: "b", Status: "started", Previous: "1", Value: "2", Actor: "Flux"}
	over := Change{ID: "b", Status: "completed", Previous: "1", Value: "2"}
	assert.True(t, over.richer(&running), "how it ended is known")
}

func TestChangesAreMarkersOfTheirKind(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	markers := withChanges([]chart.Marker{{At: at, Name: "1.1"}}, []Change{{Kind: "feature_flag", Name: "new-card-check", At: at.Add(-time.Minute)}})
	assert.Equal(t, []chart.Marker{{At: at.Add(-time.Minute), Name: "new-card-check", Kind: "feature_flag"}, {At: at, Name: "1.1"}}, markers)
}

func TestAddressOfAChangeIsOfHTTP(t *testing.T) {
	l := &loader{names: names.Recorded(), service: &Service{}}
	read := func(url string) Change {
		return l.changeIn(&model.Sample{Metric: model.Metric{"change_url": model.LabelValue(url), "change_name": "x"}})
	}
	assert.Empty(t, read("javascript:alert(1)").URL)
	assert.Equal(t, "https://flags.example.com/1", read("https://flags.example.com/1").URL)
}
