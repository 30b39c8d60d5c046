// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	deploymenttracker "github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/service"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

const (
	// judgeEvery is how often deployments that are young are judged, and lookEvery those that began within fresh: a bad one is certain within a minute or two.
	judgeEvery = time.Minute
	lookEvery  = 15 * time.Second
	fresh      = 15 * time.Minute
	// mostCounted bounds the versions whose counters are read at a time: each is a few questions to Prometheus.
	mostCounted = 10
	// judgedFor is how long a version is compared, and what rules and queries may be late; judgeUntil is when nothing more is expected.
	judgedFor  = time.Hour + 6*time.Minute
	judgeUntil = 2 * time.Hour
)

// A judge gives the tracker of deployments the verdicts that the page shows, so that events, annotations and metrics have them, too.
type judge struct {
	tracker *tracker.Tracker
	source  fleet.Source
	names   names.Names
	catalog func() *catalog.Catalog
	now     func() time.Time
	flags   flagJudge
}

// verdicts begins to judge if there is a tracker.
func (s *statusPage) verdicts(host component.Host, services func() *catalog.Catalog) error {
	id := component.MustNewID("deployment_tracker")
	if s.config.Tracker != nil {
		id = *s.config.Tracker
	} else if _, runs := host.GetExtensions()[id]; !runs {
		return nil
	}
	found, err := deploymenttracker.Find(host, id)
	if err != nil {
		return fmt.Errorf("status_page: %w", err)
	}
	j := judge{found.Tracker(), s.client, names.New(s.config.TranslationStrategy), services, time.Now, flagJudge{found.Changes(), ranges{s.client}, promname.New(s.config.TranslationStrategy)}}
	running, stop := context.WithCancel(context.Background())
	s.stopJudging = stop
	s.following.Go(func() {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		for looks := 1; ; looks++ {
			select {
			case <-running.Done():
				return
			case <-ticker.C:
			}
			since, flags := fresh, error(nil)
			if looks%int(judgeEvery/lookEvery) == 0 {
				since, flags = judgeUntil, j.flags.all(running, services(), time.Now())
			}
			if err := errors.Join(j.all(running, since), flags); err != nil && running.Err() == nil {
				s.telemetry.Logger.Debug("Deployments and flags could not be judged", zap.Error(err))
			}
		}
	})
	return nil
}

// all judges the deployments that began so long ago or later. The error is about those that have no answer.
func (j *judge) all(ctx context.Context, within time.Duration) (failed error) {
	now := j.now()
	asked, counted := map[deployment.Service]map[string]*service.Verdict{}, 0
	for _, d := range j.tracker.Unjudged(now.Add(-within)) {
		of := d.Anywhere()
		from := j.catalog().Emitter(of.Namespace, of.Name)
		if from == nil {
			continue
		}
		verdicts, known := asked[of]
		if !known {
			var err error
			if verdicts, err = service.Verdicts(ctx, j.source, j.names, from, of.Environment); err != nil {
				return errors.Join(failed, err)
			}
			asked[of] = verdicts
		}
		v := verdicts[d.Version]
		if byRules := v != nil; j.flags.source != nil && counted < mostCounted && d.Start.Before(now) {
			counted++
			found, err := v.Counted(ctx, j.flags.source, gate.Question{
				Catalog: j.catalog(), Service: from, Version: d.Version, Environment: of.Environment, Since: d.Start, Now: now, Names: j.flags.names,
			})
			if err != nil { // it keeps its verdict, and others get theirs
				failed = errors.Join(failed, err)
				continue
			}
			v = found.Certain(byRules)
		}
		if v != nil {
			effect := v.Effect()
			effect.At, effect.Final = now.UTC(), now.Sub(d.Start) >= judgedFor
			j.tracker.Judge(of, d.Version, effect)
		}
	}
	return failed
}
