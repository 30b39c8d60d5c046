// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// beginStory starts the shop, its collector, which sends to the backends, and the two collectors in trouble.
func (s *scene) beginStory(ctx context.Context) (err error) {
	folder := filepath.Join(s.folder, "story")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	s.story, err = observed.Begin(ctx, observed.SceneConfig{
		Bin: "bin", Catalog: "examples/catalog", Folder: folder,
		Backends: observed.Backends{Fragments: fragments, Env: append(s.backends(), "OTELCOL_SRE_SAMPLING_PERCENTAGE=100", "HOSTNAME="+storyteller)},
	})
	if err != nil {
		return err
	}
	s.own = []string{s.story.Collector.Own, s.story.Troubled.Own, s.story.Starved.Own}
	said("started the shop of the story", "")
	return nil
}

const storyteller = "storyteller"

// lingering are the requests a second while everything is asked: the trouble goes on, and spends no budget that it has not spent.
const lingering = 2

func (s *scene) liveStory(ctx context.Context) error {
	began := time.Now()
	if err := s.story.Live(ctx); err != nil {
		return err
	}
	said("lived through deployments, errors and slowness", time.Since(began).Round(time.Second))
	return s.story.Shop.Load(ctx, lingering)
}

// askAll asks every query of dashboards, rules and runbooks of both stores.
func (s *scene) askAll(ctx context.Context) error {
	files, err := filepath.Glob(ruleFiles)
	if err != nil {
		return err
	}
	rules, errR := observed.FromRules(files)
	panels, elsewhere, errP := observed.FromDashboards("dashboards/examples")
	pages, errB := observed.FromRunbooks("runbooks/examples", rules)
	if err := errors.Join(errR, errP, errB); err != nil {
		return err
	}
	questions := observed.Distinct(slices.Concat(panels, rules, pages))
	said("queries of dashboards, rules and runbooks", fmt.Sprintf("%d + %d + %d, %d of them distinct; panels that ask others: %v", len(panels), len(rules), len(pages), len(questions), elsewhere))
	answers := make(chan error)
	for _, store := range s.metrics.stores() {
		go func() {
			began := time.Now()
			forgetful := store.url == s.metrics.victoriaMetrics
			if forgetful { // it moves points to multiples of the step otherwise, and the run is shorter than the steps of long panels
				store.url += "?nocache=1"
			}
			server, err := observed.NewServer(store.url, forgetful)
			if err == nil {
				check := observed.Check{From: server, At: time.Now()}
				err = check.Answered(ctx, questions, unanswered(), answersWithin)
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", store.name, err)
			} else {
				said(store.name+" answers them all", time.Since(began).Round(time.Second))
			}
			answers <- err
		}()
	}
	return errors.Join(<-answers, <-answers)
}

// answersWithin is how long the slowest answer may take: a version is judged 5 minutes after it was first seen, and rules that read
// what others recorded are evaluated every 2 minutes.
const answersWithin = 15 * time.Minute

// unanswered is what a store cannot answer in the run.
func unanswered() []observed.Exemption {
	return append(observed.OfTheShop(),
		observed.Exemption{Where: "*", Part: "offset 1w", Why: "the run has no last week"},
		observed.Exemption{Where: "deployments.json: *", Part: "})) < 360) and on", Why: "nothing is deployed after an SLO has begun to burn"},
		observed.Exemption{Where: "deployments.json: *", Part: "* time())[1w:1m]", Why: "the version whose commit is known is there for seconds, and a minute begins in them or not", Perhaps: true},
	)
}

// seeCollectorAlerts sees that alerts about collectors fire for those in trouble, and for no other.
func (s *scene) seeCollectorAlerts(ctx context.Context) error {
	for _, store := range s.metrics.stores() {
		fired, err := series(ctx, store.url, `last_over_time(ALERTS{alertname=~"Collector.*",alertstate="firing"}[1h])`)
		if err != nil {
			return err
		}
		var right []string
		for _, alert := range fired {
			if i := slices.Index(s.own, alert["instance"]); i < 1 {
				return fmt.Errorf("%s: %s fires for %q, a collector without trouble", store.name, alert["alertname"], alert["instance"])
			}
			right = append(right, alert["alertname"])
		}
		slices.Sort(right)
		said(store.name+": alerts of the collectors in trouble, and of no other", slices.Compact(right))
	}
	return nil
}

// versioned are the metrics whose subject is a version. Any other would begin new series with each upgrade.
var versioned = regexp.MustCompile(`^(ALERTS|ALERTS_FOR_STATE|deployment_.*|slo_events_total|traces_span_metrics_.*|target_info|slo:(version|other_versions|young_version|beside_version).*)$`)

// unversioned are labels with a version in their names that no upgrade changes: HTTP's, and the one that Sloth's UI asks for.
var unversioned = []string{"network_protocol_version", "sloth_version"}

// seeVersions sees that no series but those of versions have labels that change with one.
func (s *scene) seeVersions(ctx context.Context) error {
	for _, store := range s.metrics.stores() {
		var labels struct{ Data []string }
		if err := ask(ctx, store.url+"/api/v1/labels", &labels); err != nil {
			return err
		}
		for _, label := range labels.Data {
			if !strings.Contains(label, "version") || slices.Contains(unversioned, label) {
				continue
			}
			found, err := series(ctx, store.url, fmt.Sprintf(`group by (__name__) (last_over_time({%s!=""}[1h]))`, label))
			if err != nil {
				return err
			}
			for _, metric := range found {
				if !versioned.MatchString(metric["__name__"]) {
					return fmt.Errorf("%s: %s has the label %s: an upgrade begins new series", store.name, metric["__name__"], label)
				}
			}
			said(store.name+": only series of versions have "+label, len(found))
		}
	}
	return nil
}

// series are the labels of an answer's series.
func series(ctx context.Context, store, query string) (all []map[string]string, err error) {
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := ask(ctx, store+"/api/v1/query?"+fresh+"&query="+url.QueryEscape(query), &answer); err != nil {
		return nil, err
	}
	for _, r := range answer.Data.Result {
		all = append(all, r.Metric)
	}
	return all, nil
}
