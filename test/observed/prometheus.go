package observed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
)

// Options say what is scraped and which rules are evaluated.
type Options struct {
	// Targets are addresses by job: the keys of Jobs.
	Targets map[string][]string
	// Rules are files of rule groups.
	Rules []string
	// ScrapeInterval is 1 s and EvaluationInterval 5 s when they are 0.
	ScrapeInterval, EvaluationInterval time.Duration
	Logger                             *slog.Logger
}

// The jobs that can be scraped. What a collector exposes of others has their job and instance, which
// honor_labels keeps; its own metrics have the job that its alerts name.
const (
	JobServices  = "otelcol-sre-services"
	JobCollector = "otelcol-sre"

	scrapeConfig = `
global: {scrape_interval: %[1]s, scrape_timeout: %[1]s, evaluation_interval: %[2]s}
scrape_configs:
  - {job_name: ` + JobServices + `, honor_labels: true}
  - {job_name: ` + JobCollector + `}
`
	// maxAge is how old a sample may be that is written: CopyBack goes back that far.
	maxAge = 100 * 24 * time.Hour
)

// A Prometheus scrapes, evaluates rules and answers queries until it is closed.
type Prometheus struct {
	options Options
	config  *config.Config
	started time.Time
	folder  string
	db      *tsdb.DB
	engine  *promql.Engine
	scraper *scrape.Manager
	rules   *rules.Manager
	running sync.WaitGroup
	end     context.CancelFunc
}

// Start starts it with empty storage.
func Start(ctx context.Context, o Options) (_ *Prometheus, err error) {
	if o.ScrapeInterval == 0 {
		o.ScrapeInterval = time.Second
	}
	if o.EvaluationInterval == 0 {
		o.EvaluationInterval = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Prometheus{options: o, started: time.Now()}
	p.config, err = config.Load(fmt.Sprintf(scrapeConfig, model.Duration(o.ScrapeInterval), model.Duration(o.EvaluationInterval)), o.Logger)
	if err != nil {
		return nil, err
	}
	if err = p.open(); err != nil {
		return nil, err
	}
	p.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	ctx, p.end = context.WithCancel(ctx)
	if err = p.scrape(); err == nil {
		err = p.evaluate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
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
	p.scraper, err = scrape.NewManager(&scrape.Options{DiscoveryReloadOnStartup: true}, p.options.Logger, nil, p.db, nil, prometheus.NewRegistry())
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

func (p *Prometheus) evaluate(ctx context.Context) error {
	p.rules = rules.NewManager(&rules.ManagerOptions{
		Context: ctx, Logger: p.options.Logger, ExternalURL: &url.URL{}, Appendable: p.db, Queryable: p.db,
		QueryFunc:   rules.EngineQueryFunc(p.engine, p.db),
		NotifyFunc:  func(context.Context, string, ...*rules.Alert) {},
		GroupLoader: newHasty(p.options.EvaluationInterval),
	})
	if err := p.rules.Update(p.options.EvaluationInterval, p.options.Rules, labels.EmptyLabels(), "", nil); err != nil {
		return err
	}
	p.running.Go(p.rules.Run)
	return nil
}

// Close stops everything and forgets all samples.
func (p *Prometheus) Close() error {
	if p.scraper != nil {
		p.scraper.Stop()
	}
	if p.rules != nil {
		p.rules.Stop()
	}
	p.end()
	p.running.Wait()
	return errors.Join(p.engine.Close(), p.db.Close(), os.RemoveAll(p.folder))
}

// Started is when the first scrape was due.
func (p *Prometheus) Started() time.Time { return p.started }
