// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
)

// Options say what is scraped and which rules are evaluated.
type Options struct {
	// Targets are addresses by job: JobServices and JobCollector.
	Targets map[string][]string
	// Rules are files of rule groups.
	Rules []string
	// Lapse makes long of short.
	Lapse  Lapse
	Logger *slog.Logger
}

// The jobs that can be scraped. What a collector exposes of others has their job and instance, which
// honor_labels keeps; its own metrics have the job that its alerts name. Of these, target_info would have
// labels with dots in Prometheus 3, but dashboards ask for service_version: hence underscores.
const (
	JobServices  = "otelcol-sre-services"
	JobCollector = "otelcol-sre"

	scrapeInterval = time.Second
	scrapeConfig   = `
global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}
scrape_configs:
  - {job_name: ` + JobServices + `, honor_labels: true}
  - {job_name: ` + JobCollector + `, metric_name_escaping_scheme: underscores}
`
	// maxAge is how old a sample may be that is written: Copy goes back that far.
	maxAge = 100 * 24 * time.Hour
)

// A Prometheus scrapes, evaluates rules and answers queries until it is closed.
type Prometheus struct {
	options Options
	clock   clock
	config  *config.Config
	folder  string
	db      *tsdb.DB
	engine  *promql.Engine
	scraper *scrape.Manager
	rules   ruleGroups
	running sync.WaitGroup
	end     context.CancelFunc
}

// Start starts it with empty storage.
func Start(ctx context.Context, o Options) (_ *Prometheus, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Prometheus{options: o, clock: clock{o.Lapse, time.Now()}, end: func() {}}
	p.config, err = config.Load(fmt.Sprintf(scrapeConfig, model.Duration(scrapeInterval)), o.Logger)
	if err != nil {
		return nil, err
	}
	if err = p.open(); err != nil {
		return nil, err
	}
	p.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	if err = p.load(); err == nil {
		err = p.scrape()
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	ctx, p.end = context.WithCancel(ctx)
	p.running.Go(func() { p.evaluate(ctx) })
	return p, nil
}

// open makes a storage that keeps all in its head, takes exemplars, and old samples beside new ones.
func (p *Prometheus) open() (err error) {
	if p.folder, err = os.MkdirTemp("", "observed"); err != nil {
		return err
	}
	o := tsdb.DefaultOptions()
	o.MinBlockDuration, o.MaxBlockDuration = maxAge.Milliseconds(), maxAge.Milliseconds()
	o.RetentionDuration = 0
	o.OutOfOrderTimeWindow = maxAge.Milliseconds()
	o.WALSegmentSize = -1 // nothing is kept
	o.EnableExemplarStorage, o.MaxExemplars = true, 100_000
	if p.db, err = tsdb.Open(p.folder, p.options.Logger, nil, o, tsdb.NewDBStats()); err != nil {
		return errors.Join(err, os.RemoveAll(p.folder))
	}
	p.db.DisableCompactions()
	return nil
}

func (p *Prometheus) scrape() (err error) {
	o := &scrape.Options{DiscoveryReloadOnStartup: true}
	p.scraper, err = scrape.NewManager(o, p.options.Logger, nil, lapsed{p.db, p.clock}, nil, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	if err = p.scraper.ApplyConfig(p.config); err != nil {
		return err
	}
	groups := map[string][]*targetgroup.Group{}
	for job, addresses := range p.options.Targets {
		group := &targetgroup.Group{Source: job}
		for _, address := range addresses {
			group.Targets = append(group.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(address)})
		}
		groups[job] = []*targetgroup.Group{group}
	}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- groups
	p.running.Go(func() { _ = p.scraper.Run(targets) }) // ends with Stop, without an error
	return nil
}

// Began and Now are when observing began and what time it is, by the clock of the lapse.
func (p *Prometheus) Began() time.Time { return p.clock.of(p.clock.started) }

// Now is the end of what is observed so far.
func (p *Prometheus) Now() time.Time { return p.clock.now() }

// Close stops everything and forgets all samples.
func (p *Prometheus) Close() error {
	if p.scraper != nil {
		p.scraper.Stop()
	}
	p.end()
	p.running.Wait()
	return errors.Join(p.engine.Close(), p.db.Close(), os.RemoveAll(p.folder))
}

// settle waits until no scrape has failed for a minute, the shortest range that is asked about, and there were three.
func (p *Prometheus) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	targets := 0
	for _, addresses := range p.options.Targets {
		targets += len(addresses)
	}
	ticker := time.NewTicker(scrapeInterval / 10)
	defer ticker.Stop()
	for {
		scraped, _, err := p.answer(ctx, Check{At: p.Now()}, "min_over_time(up[1m]) * count_over_time(up[1m]) >= 3", Range{})
		if err != nil || len(scraped) == targets {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; can be scraped: %d of %d targets", ctx.Err(), len(scraped), targets)
		case <-ticker.C:
		}
	}
}
