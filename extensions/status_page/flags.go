// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	changetracker "github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// mostFlags bounds the questions about changes of flags at a time, one for each service that a change concerns: each is a few questions to Prometheus. The newest
// come first.
const mostFlags = 50

// A flagJudge gives the changes of feature flags that are recent the verdict of the gate.
type flagJudge struct {
	changes *changetracker.Tracker
	source  gate.Source
	names   promname.Names
}

// all judges them.
func (j *flagJudge) all(ctx context.Context, services *catalog.Catalog, now time.Time) error {
	recent := j.changes.Recent()
	asked := 0
	for i := len(recent) - 1; i >= 0 && asked < mostFlags; i-- {
		c := &recent[i]
		if c.Kind != change.FeatureFlag || !c.Start.Before(now) || now.Sub(c.Start) > gate.Reach {
			continue
		}
		q := gate.Question{Catalog: services, Flag: c.Name, Environment: c.Environment, Since: c.Start, Now: now, Names: j.names}
		found, n, err := j.verdict(ctx, c, q)
		asked += n
		switch {
		case errors.Is(err, gate.ErrQuestion):
			continue // it has no SLO that is counted
		case err != nil:
			return err
		case found.Verdict != "":
			found.At = now.UTC()
			j.changes.Judge(c.ID, found)
		}
	}
	return nil
}

// verdict is that on one change, after so many questions: by its service, or without one by those of the catalog that it concerns.
func (j *flagJudge) verdict(ctx context.Context, c *change.Change, q gate.Question) (found change.Gate, asked int, err error) {
	if c.Service.Name == "" {
		common, err := gate.AskAll(ctx, j.source, q, func(of *catalog.Service) bool { return c.Namespace == "" || of.Namespace == c.Namespace })
		return change.Gate{Verdict: string(common.Verdict), Reason: common.Reason, Evidence: common.Evidence}, max(1, common.Asked), err
	}
	if q.Service = q.Catalog.Emitter(c.Namespace, c.Service.Name); q.Service == nil {
		return found, 0, nil
	}
	result, err := gate.Ask(ctx, j.source, q)
	return change.Gate{Verdict: string(result.Verdict), Reason: result.Reason, Evidence: result.Evidence}, 1, err
}

// ranges asks Prometheus for counters.
type ranges struct{ client *prometheus.Client }

// Range is gate.Source's.
func (r ranges) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error) {
	return r.client.Range(ctx, query, prometheus.Period{Start: first, End: last, Step: step})
}
