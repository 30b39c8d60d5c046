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

// mostFlags bounds the changes of flags that are judged at a time: each is a few questions to Prometheus. The newest come first.
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
	judged := 0
	for i := len(recent) - 1; i >= 0 && judged < mostFlags; i-- {
		c := &recent[i]
		of := services.Emitter(c.Namespace, c.Service.Name)
		if c.Kind != change.FeatureFlag || c.Service.Name == "" || of == nil || !c.Start.Before(now) || now.Sub(c.Start) > gate.Reach {
			continue
		}
		judged++
		result, err := gate.Ask(ctx, j.source, gate.Question{
			Catalog: services, Service: of, Flag: c.Name, Environment: c.Environment, Since: c.Start, Now: now, Names: j.names,
		})
		switch {
		case errors.Is(err, gate.ErrQuestion):
			continue // it has no SLO that is counted
		case err != nil:
			return err
		}
		j.changes.Judge(c.ID, change.Gate{Verdict: string(result.Verdict), Reason: result.Reason, Evidence: result.Evidence, At: now.UTC()})
	}
	return nil
}

// ranges asks Prometheus for counters.
type ranges struct{ client *prometheus.Client }

// Range is gate.Source's.
func (r ranges) Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error) {
	return r.client.Range(ctx, query, prometheus.Period{Start: first, End: last, Step: step})
}
