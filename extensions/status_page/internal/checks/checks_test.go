// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

type source struct {
	answer model.Vector
	err    error
	asked  []string
}

func (s *source) Instant(_ context.Context, query string) (model.Vector, error) {
	s.asked = append(s.asked, query)
	return s.answer, s.err
}

func sample(check, location, outcome, step string, at float64) *model.Sample {
	return &model.Sample{Value: model.SampleValue(at), Metric: model.Metric{
		"deployment_environment_name": "production", "check_name": model.LabelValue(check), "check_location": model.LabelValue(location),
		"check_outcome": model.LabelValue(outcome), "check_step": model.LabelValue(step),
	}}
}

func TestTheNewestResultCounts(t *testing.T) {
	s := &source{answer: model.Vector{
		sample("pay", "eu", "failed", "sta\x1btus", 200), sample("pay", "eu", "passed", "", 100), sample("pay", "eu", "failed", "connect", 50),
		sample("pay", "us", "failed", "status", 100), sample("pay", "us", "passed", "", 200),
		sample("home", "eu", "passed", "", 200), sample("removed", "eu", "failed", "status", 200),
	}}
	of := &catalog.Service{Name: "checkout", Namespace: "shop", Checks: []catalog.Check{{Name: "pay"}, {Name: "home"}}}
	found, err := Of(t.Context(), s, names.Recorded(), nil, &catalog.Service{Name: "quiet"}, of)
	require.NoError(t, err)
	assert.Equal(t, []Failing{{Service: "checkout", Environment: "production", Check: "pay", Location: "eu", Step: "sta tus", At: time.Unix(200, 0).UTC()}}, found)
	require.Len(t, s.asked, 1, "services without checks are not asked about")
	assert.True(t, strings.Contains(s.asked[0], `service_name="checkout"`) && strings.Contains(s.asked[0], "check_time_seconds"), s.asked[0])

	s.err = errors.New("down")
	found, err = Of(t.Context(), s, names.Recorded(), of)
	require.ErrorIs(t, err, s.err)
	assert.Empty(t, found)
	assert.NotNil(t, found)
}
