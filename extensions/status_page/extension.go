// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/arrivals"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/web"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
	"github.com/otelcol-sre/otelcol-sre/runbooks"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// maxHeader bounds the headers of a request, in bytes.
const maxHeader = 32 << 10

// statusPage is the extension: a server, a client of Prometheus, and recent telemetry.
type statusPage struct {
	config    *Config
	telemetry component.TelemetrySettings
	recent    *recent.Window
	arrivals  *arrivals.Record
	metrics   *metadata.TelemetryBuilder

	id        component.ID
	book      *book.Book
	store     *checkpoint.Store
	following sync.WaitGroup
	stop      context.CancelFunc
	// stopJudging is nil without a tracker of deployments.
	stopJudging context.CancelFunc

	explainer atomic.Pointer[func() (request.Explainer, error)]
	minutes   shelf[ledger.Keeper]
	// explainers know what ate error budgets.
	explainers shelf[attribution.Keeper]
	noting     sync.Mutex // one saves notes at a time

	server *webserver.Server
	client *prometheus.Client
	http   *http.Client // to Prometheus
	// silences is the client of an Alertmanager; nil without one.
	silences *http.Client
}

var _ extension.Extension = (*statusPage)(nil)

func newStatusPage(config *Config, id component.ID, telemetry component.TelemetrySettings) (*statusPage, error) {
	window := recent.New(recent.Options{MaxBytes: config.Search.MaxBytes, MaxAge: config.Search.MaxAge, Now: time.Now})
	record := arrivals.New(arrivals.Options{MaxBytes: min(config.Search.MaxBytes, arrivals.MaxBytes), Now: time.Now})
	metrics, err := observe(window, telemetry)
	if err != nil {
		return nil, err
	}
	return &statusPage{config: config, id: id, telemetry: telemetry, recent: window, arrivals: record, metrics: metrics}, nil
}

// Start serves the pages. A Prometheus that does not answer yet is not an error: the pages report it.
func (s *statusPage) Start(ctx context.Context, host component.Host) (err error) {
	source, err := s.catalog(host)
	if err != nil {
		return err
	}
	if read, ok := source.(servicecatalog.Source); ok {
		s.arrivals.Admit(servicecatalog.Admission(read))
	}
	if s.http, err = s.config.Prometheus.ToClient(ctx, host.GetExtensions(), s.telemetry); err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	s.client, err = prometheus.New(prometheus.Options{
		Endpoint: s.config.Prometheus.Endpoint, HTTP: s.http, Timeout: s.config.Prometheus.Timeout, Now: time.Now,
	})
	if err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	if err := s.follow(ctx, host, source.Catalog); err != nil {
		return err
	}
	if err := s.verdicts(host, source.Catalog); err != nil {
		return err
	}
	if s.config.Alertmanager.Endpoint != "" {
		if s.silences, err = s.config.Alertmanager.ToClient(ctx, host.GetExtensions(), s.telemetry); err != nil {
			return fmt.Errorf("alertmanager: %w", err)
		}
	}
	options := web.Options{
		Book: s.book, Alertmanager: s.config.Alertmanager.Endpoint, AlertmanagerHTTP: s.silences,
		Source: source, Prometheus: s.client, Endpoint: s.config.Prometheus.Endpoint, Names: names.New(s.config.TranslationStrategy),
		Translation: s.config.TranslationStrategy, Runbooks: s.library(source.Catalog), Recent: s.recent, TraceURL: s.config.Search.TraceURL, Explainer: s.explain, Arrivals: s.arrivals, Keepers: s.minutes.all,
		Explainers: s.explainers.all, KeepNotes: s.keepNotes, Now: time.Now,
	}
	s.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "status_page", Server: &s.config.ServerConfig, Keys: s.config.Keys, Host: host, Telemetry: s.telemetry, MaxHeaderBytes: maxHeader,
	}, func(at net.Addr) http.Handler {
		options.Writable = s.config.writable(at)
		return web.New(options)
	})
	return err
}

var _ request.Explained = (*statusPage)(nil)

// ExplainWith takes what knows the sources of correlation IDs.
func (s *statusPage) ExplainWith(explainer func() (request.Explainer, error)) {
	s.explainer.Store(&explainer)
}

func (s *statusPage) explain() (request.Explainer, error) {
	if explainer := s.explainer.Load(); explainer != nil {
		return (*explainer)()
	}
	return nil, nil
}

// library has the runbooks of the folder, and of the catalog where the folder has none.
func (s *statusPage) library(services func() *catalog.Catalog) *runbook.Library {
	o := runbooks.DefaultOptions()
	o.Prometheus, o.Alertmanager, o.StatusPage = s.config.Prometheus.Endpoint, s.config.Alertmanager.Endpoint, "/"
	o.Alerts.Translation, o.Alerts.DashboardURL = s.config.TranslationStrategy, "/services"
	return runbook.NewLibrary(runbook.Folder(s.config.Runbooks), services, o)
}

// catalog finds the catalog in use. Without one there are still the SLOs that Prometheus knows.
func (s *statusPage) catalog(host component.Host) (web.Source, error) {
	id := component.MustNewID("service_catalog")
	if s.config.Catalog != nil {
		id = *s.config.Catalog
	} else if _, runs := host.GetExtensions()[id]; !runs {
		return noCatalog{}, nil
	}
	source, err := servicecatalog.Find(host, id)
	if err != nil {
		return nil, err
	}
	return withHeard{source, servicecatalog.Heard(source)}, nil
}

// withHeard is a catalog with the services beside its own that have SLOs by its Defaults.
type withHeard struct {
	servicecatalog.Source
	heard *heard.Registry
}

func (w withHeard) Catalog() *catalog.Catalog { return w.heard.Catalog() }

// noCatalog is an empty catalog without problems.
type noCatalog struct{}

func (noCatalog) Catalog() *catalog.Catalog       { return &catalog.Catalog{} }
func (noCatalog) Problems() catalog.Problems      { return nil }
func (noCatalog) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }

// Shutdown cancels the queries that pages wait for, then stops the server.
func (s *statusPage) Shutdown(ctx context.Context) (err error) {
	err = s.unfollow(ctx)
	if s.client != nil {
		s.client.Close()
	}
	if s.server != nil {
		err = errors.Join(err, s.server.Shutdown(ctx))
	}
	for _, client := range []*http.Client{s.http, s.silences} {
		if client != nil {
			client.CloseIdleConnections()
		}
	}
	s.metrics.Shutdown()
	return err
}
