// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

var usual = names.Recorded()

// A source answers what runs, the current and the earlier statuses.
type source struct {
	running, now, before, facts, gates model.Vector
	err                                error
}

func (s source) Kept(ctx context.Context, query string, _ time.Duration) (model.Vector, error) {
	return s.Instant(ctx, query)
}

func (s source) Instant(_ context.Context, query string) (model.Vector, error) {
	switch {
	case strings.Contains(query, string(usual.Gated)):
		return s.gates, s.err
	case strings.Contains(query, string(usual.Info)):
		return s.facts, s.err
	case strings.Contains(query, string(usual.Instances)):
		return s.running, s.err
	case strings.Contains(query, lately):
		return s.before, s.err
	}
	return s.now, s.err
}

func status(service, environment, version, status string, value float64) *model.Sample {
	return &model.Sample{Metric: model.Metric{
		"service_name": model.LabelValue(service), "deployment_environment_name": model.LabelValue(environment),
		"service_version": model.LabelValue(version), "deployment_status": model.LabelValue(status),
	}, Value: model.SampleValue(value)}
}

func instancesOf(service, environment, version string, n float64) *model.Sample {
	s := status(service, environment, version, "", n)
	delete(s.Metric, "deployment_status")
	return s
}

func matrix(d Deployments) map[string]string {
	lines := map[string]string{}
	for _, s := range d.Services {
		for i, place := range s.Places {
			var versions []string
			for _, v := range place {
				versions = append(versions, fmt.Sprintf("%s %s %d", v.Version, v.Status, v.Instances))
			}
			lines[s.Service+"@"+d.Environments[i]] = strings.Join(versions, ", ")
		}
	}
	return lines
}

func TestMatrix(t *testing.T) {
	d, err := Load(t.Context(), &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout"}}}, usual, source{
		before: model.Vector{
			status("checkout", "p", "1", "completed", 100), status("checkout", "p", "2", "started", 200), status("checkout", "p", "2", "completed", 200),
			status("checkout", "p", "3", "started", 300), status("checkout", "s", "3", "completed", 250), status("gone", "p", "9", "failed", 50),
		},
		now:     model.Vector{status("checkout", "p", "2", "rolled_back", 200), status("checkout", "p", "3", "canary", 300)},
		running: model.Vector{instancesOf("checkout", "p", "2", 5), instancesOf("checkout", "p", "3", 1), instancesOf("checkout", "p", "1", 0)},
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"checkout@p": "3 canary 1, 2 rolled_back 5", "checkout@s": "3 completed 0", "gone@p": "9 failed 0", "gone@s": "",
	}, matrix(d))
	var history []string
	for _, h := range d.History {
		history = append(history, h.Service+" "+h.Version+" "+h.Environment)
	}
	assert.Equal(t, []string{"checkout 3 p", "checkout 3 s", "checkout 2 p", "checkout 1 p", "gone 9 p"}, history)
	assert.Equal(t, []string{"/services/checkout", ""}, []string{d.Services[0].Page, d.Services[1].Page})
}

func TestFactsOfADeployment(t *testing.T) {
	one := status("checkout", "p", "2", "completed", 200)
	one.Metric["vcs_ref_head_revision"] = "2222a22"
	told := status("checkout", "p", "2", "completed", 1)
	maps.Copy(told.Metric, map[model.LabelName]model.LabelValue{
		"vcs_ref_head_revision": "2222a22", "vcs_repository_url_full": "https://git.example.com/c", "deployment_compare_url": "https://git.example.com/c/compare/a...b",
		"cicd_pipeline_run_url_full": "javascript:x", "user_name": "ada",
	})
	d, err := Load(t.Context(), &catalog.Catalog{}, usual, source{now: model.Vector{one}, facts: model.Vector{told}})
	require.NoError(t, err)
	got := d.History[0]
	assert.Equal(t, []string{"https://git.example.com/c/commit/2222a22", "https://git.example.com/c/compare/a...b", "", "ada"}, []string{got.Commit, got.Compare, got.Run, got.Actor})
}

func TestBounds(t *testing.T) {
	var s source
	for i := range maxServices + 10 {
		s.now = append(s.now, status(fmt.Sprintf("service-%d", i), fmt.Sprintf("environment-%d", i%50), "1", "completed", float64(i)))
	}
	for i := range 100 {
		version := strconv.Itoa(i)
		s.now = append(s.now, status("busy", "environment-0", version, "completed", float64(i)))
		s.running = append(s.running, instancesOf("busy", "environment-0", version, 1))
	}
	d, err := Load(t.Context(), &catalog.Catalog{}, usual, s)
	require.NoError(t, err)
	assert.Equal(t, []int{maxServices, 11, maxHistory, maxEnvironments}, []int{len(d.Services), d.More, len(d.History), len(d.Environments)})
	assert.Len(t, d.Services[0].Places[0], maxVersions)
}

func TestNoAnswer(t *testing.T) {
	d, err := Load(t.Context(), &catalog.Catalog{}, usual, source{err: errors.New("down")})
	require.EqualError(t, err, "down")
	assert.Empty(t, d.Services)
}

// Of several verdicts on a version, the newest is shown, and it cannot break a page.
func TestVerdictsOfGates(t *testing.T) {
	gate := func(version, verdict, reason string, at float64) *model.Sample {
		s := instancesOf("checkout", "p", version, at)
		s.Metric["deployment_gate_verdict"], s.Metric["deployment_gate_reason"] = model.LabelValue(verdict), model.LabelValue(reason)
		return s
	}
	d, err := Load(t.Context(), &catalog.Catalog{}, usual, source{
		running: model.Vector{instancesOf("checkout", "p", "2", 3)}, now: model.Vector{status("checkout", "p", "2", "completed", 100), status("checkout", "p", "1", "completed", 50)},
		gates: model.Vector{gate("2", "pass", "few\x1b failed", 300), gate("2", "inconclusive", "few events", 200), gate("9", "fail", "", 400)},
	})
	require.NoError(t, err)
	require.NotEmpty(t, d.History)
	for _, one := range d.History {
		if one.Version == "2" {
			assert.Equal(t, "pass: few  failed", one.Gate+": "+one.GateReason)
		} else {
			assert.Empty(t, one.Gate+one.GateReason)
		}
	}
}
