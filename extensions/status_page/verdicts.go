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
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

const (
	// judgeEvery is how often deployments that are young are judged.
	judgeEvery = time.Minute
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
		ticker := time.NewTicker(judgeEvery)
		defer ticker.Stop()
		for {
			select {
			case <-running.Done():
				return
			case <-ticker.C:
			}
			if err := errors.Join(j.all(running), j.flags.all(running, services(), time.Now())); err != nil && running.Err() == nil {
				s.telemetry.Logger.Debug("Deployments and flags could not be judged", zap.Error(err))
			}
		}
	})
	return nil
}

// all judges the deployments that are young.
func (j *judge) all(ctx context.Context) error {
	now := j.now()
	asked := map[deployment.Service]map[string]*service.Verdict{}
	for _, d := range j.tracker.Unjudged(now.Add(-judgeUntil)) {
		of := d.Anywhere()
		verdicts, known := asked[of]
		if !known {
			from := j.catalog().Emitter(of.Namespace, of.Name)
			if from == nil {
				continue
			}
			var err error
			if verdicts, err = service.Verdicts(ctx, j.source, j.names, from, of.Environment); err != nil {
				return err
			}
			asked[of] = verdicts
		}
		if v := verdicts[d.Version]; v != nil {
			effect := v.Effect()
			effect.At, effect.Final = now.UTC(), now.Sub(d.Start) >= judgedFor
			j.tracker.Judge(of, d.Version, effect)
		}
	}
	return nil
}
