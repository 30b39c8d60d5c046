// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/objects"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"

	"github.com/fsnotify/fsnotify"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// serviceCatalog is the extension: it reads the folders, judges what it has read,
// shares what is good and reports what is not.
type serviceCatalog struct {
	*subscribers
	config    *Config
	settings  extension.Settings
	judge     judge
	reporter  *reporter
	admission *admission.Registry
	heard     *heard.Registry
	defaults  []*catalog.Defaults // of the configuration
	newEvents func() (*fsnotify.Watcher, error)
	connect   func(config *Kubernetes, logger *zap.Logger) (*objects.Source, error)
	objects   *objects.Source   // of Kubernetes, if it is configured and there is one
	notInPod  error             // why there is none
	kept      *checkpoint.Store // has the objects of before, if there are any

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

var (
	_ extension.Extension = (*serviceCatalog)(nil)
	_ Source              = (*serviceCatalog)(nil)

	_ extensioncapabilities.Dependent = (*serviceCatalog)(nil)
)

func newServiceCatalog(settings extension.Settings, config *Config) (*serviceCatalog, error) {
	shared := newSubscribers(&catalog.Catalog{})
	reporter, err := newReporter(settings, config, shared.Catalog)
	if err != nil {
		return nil, err
	}
	registry := admission.New(config.Admission, time.Now)
	if err := reporter.observe(registry); err != nil {
		return nil, err
	}
	shared.Subscribe(registry.SetCatalog)
	services := heard.New(registry, config.Admission.MaxByDefault, time.Now)
	defaults, err := config.defaults()
	if err != nil {
		return nil, err
	}
	return &serviceCatalog{
		subscribers: shared, config: config, settings: settings, reporter: reporter, admission: registry, heard: services, defaults: defaults,
		newEvents: fsnotify.NewWatcher, connect: connect,
	}, nil
}

// Start reads the catalog before it returns: pipelines start after extensions and find it
// ready. Errors in the catalog do not keep the collector from starting.
func (s *serviceCatalog) Start(_ context.Context, host component.Host) error {
	s.reporter.host = host
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if err := s.follow(ctx, host); err != nil {
		cancel()
		return err
	}
	w := newWatcher(s.config, s.settings.Logger, s.newEvents, s.read)
	w.objects = s.objects
	s.read()
	s.stopped.Go(func() { w.run(ctx) })
	return nil
}

// Shutdown returns when the watcher has stopped: no subscriber is called afterwards.
func (s *serviceCatalog) Shutdown(ctx context.Context) (err error) {
	if s.stop != nil {
		s.stop()
		s.stopped.Wait()
	}
	if s.kept != nil {
		err = s.kept.Close(ctx)
	}
	s.reporter.telemetry.Shutdown()
	return err
}

// Dependencies makes the collector start the storage before, and shut it down after the extension.
func (s *serviceCatalog) Dependencies() []component.ID {
	if !s.config.Kubernetes.HasValue() || s.config.Kubernetes.Get().Storage == nil {
		return nil
	}
	return []component.ID{*s.config.Kubernetes.Get().Storage}
}

// read reads the folders and puts what they hold into use if it is good. It is called by
// Start and then by the watcher's goroutine only.
func (s *serviceCatalog) read() {
	next, problems := s.load()
	next = next.Otherwise(s.defaults)
	inUse := s.Catalog()
	outcome, problems := s.judge.judge(inUse, next, problems)
	if (outcome == swapped || outcome == partial) && next.Revision != inUse.Revision {
		s.swap(next)
		s.heard.SetCatalog(next) // last: meanwhile, a service that has an entry now counts as before
	}
	s.reporter.report(outcome, problems)
}

// Admission is the registry that follows this catalog; see [Admission].
func (s *serviceCatalog) Admission() *admission.Registry { return s.admission }

// Heard is the registry of the services that this catalog has no entry for; see [Heard].
func (s *serviceCatalog) Heard() *heard.Registry { return s.heard }

// Problems implements [Source].
func (s *serviceCatalog) Problems() catalog.Problems { return s.reporter.newest.Load().problems }

// Reading implements [Source].
func (s *serviceCatalog) Reading() Reading { return s.reporter.newest.Load().Reading }
