// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/regexp"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	apiv1 "github.com/prometheus/prometheus/web/api/v1"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Bounds of remote read, which are Prometheus' defaults.
const (
	remoteReadSamples     = 50_000_000
	remoteReadConcurrency = 10
	remoteReadFrame       = 1 << 20 // bytes
)

// remoteWriteMessages are both versions of the protocol.
var remoteWriteMessages = remoteapi.MessageTypes{remoteapi.WriteV1MessageType, remoteapi.WriteV2MessageType}

// serve serves Prometheus' HTTP API as the collector's server settings say.
func (s *store) serve(ctx context.Context, host component.Host) (err error) {
	keys := s.config.Keys
	keys.AllowedHosts = append(slices.Clone(keys.AllowedHosts), s.config.externalURL().Hostname())
	s.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "prometheus_store", Server: &s.config.ServerConfig, Keys: keys, Host: host, Telemetry: s.set,
		Options: []confighttp.ToServerOption{
			// Remote read and write are compressed in snappy's block format, and Prometheus reads that itself.
			confighttp.WithDecoder("snappy", func(body io.ReadCloser) (io.ReadCloser, error) { return body, nil }),
			confighttp.WithErrorHandler(undecoded),
		},
	}, s.handler)
	return err
}

// undecoded answers a request whose body cannot be read, as Prometheus does.
func undecoded(w http.ResponseWriter, _ *http.Request, message string, status int) {
	if strings.HasPrefix(message, "unsupported Content-Encoding") {
		status = http.StatusUnsupportedMediaType
	}
	http.Error(w, message, status)
}

// handler is what Prometheus serves that does not change anything, and remote write where it is wanted.
func (s *store) handler(address net.Addr) http.Handler {
	router := route.New()
	s.newAPI(address).Register(router)
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", http.StripPrefix("/api/v1", router))
	mux.HandleFunc("GET /api/v1/metadata", s.metadata) // Prometheus asks its targets, of which there are none here
	mux.HandleFunc("GET /federate", s.federate)
	mux.HandleFunc("GET /graph", s.graph)
	mux.HandleFunc("GET /query", s.graph)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{Registry: s.registry, EnableOpenMetrics: true}))
	ready := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) } // the client's loss
	mux.HandleFunc("GET /-/healthy", ready)
	mux.HandleFunc("GET /-/ready", ready) // it is not served before the storage is open
	return mux
}

func (s *store) newAPI(address net.Addr) *apiv1.API {
	global := config.DefaultGlobalConfig
	global.ExternalLabels = s.externalLabels()
	external := s.config.externalURL()
	started := s.now()
	none := noTargets{}
	return apiv1.NewAPI(
		s.engine, s.db, s.db, s.db, s.db,
		func(context.Context) apiv1.ScrapePoolsRetriever { return none },
		func(context.Context) apiv1.TargetRetriever { return none },
		func(context.Context) apiv1.AlertmanagerRetriever { return s.notifier },
		func() config.Config { return config.Config{GlobalConfig: global} },
		s.flags(),
		apiv1.GlobalURLOptions{ListenAddress: address.String(), Host: external.Host, Scheme: external.Scheme},
		func(next http.HandlerFunc) http.HandlerFunc { return next },
		statistics{s.db.DB}, s.config.Directory, false, s.logger,
		func(context.Context) apiv1.RulesRetriever { return s.rules },
		remoteReadSamples, remoteReadConcurrency, remoteReadFrame, false,
		regexp.MustCompile(`^$`), // cors is the server's
		func() (apiv1.RuntimeInfo, error) { return s.runtimeInfo(started) },
		&apiv1.PrometheusVersion{Version: prometheusVersion(), GoVersion: runtime.Version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, nil, false },
		s.registry, s.registry, nil, s.config.RemoteWriteReceiver, remoteWriteMessages, false, false, false, false,
		time.Duration(s.config.Query.LookbackDelta), false, false, nil, features.NewRegistry(),
		apiv1.OpenAPIOptions{ExternalURL: external.String(), Version: prometheusVersion()}, s.parser)
}

// flags are Prometheus' names for settings that its clients ask for.
func (s *store) flags() map[string]string {
	c := s.config
	return map[string]string{
		"query.lookback-delta":             c.Query.LookbackDelta.String(),
		"query.max-concurrency":            strconv.Itoa(c.Query.MaxConcurrent),
		"query.max-samples":                strconv.Itoa(c.Query.MaxSamples),
		"query.timeout":                    c.Query.Timeout.String(),
		"storage.tsdb.path":                c.Directory,
		"storage.tsdb.retention.time":      c.Retention.String(),
		"storage.tsdb.retention.size":      c.RetentionSize.String(),
		"web.enable-admin-api":             "false",
		"web.enable-lifecycle":             "false",
		"web.enable-otlp-receiver":         "false",
		"web.enable-remote-write-receiver": strconv.FormatBool(c.RemoteWriteReceiver),
	}
}

func (s *store) runtimeInfo(started time.Time) (apiv1.RuntimeInfo, error) {
	host, err := os.Hostname()
	retention := s.config.Retention.String()
	if s.config.RetentionSize > 0 {
		retention += " or " + s.config.RetentionSize.String()
	}
	return apiv1.RuntimeInfo{
		StartTime: started, ServerTime: s.now(), Hostname: host, ReloadConfigSuccess: true, LastConfigTime: started,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0), StorageRetention: retention,
	}, err
}

// metadata answers as Prometheus does.
func (s *store) metadata(w http.ResponseWriter, r *http.Request) {
	limit := -1
	if text := r.FormValue("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil {
			respond(w, http.StatusBadRequest, map[string]any{"status": "error", "errorType": "bad_data", "error": "limit must be a number"})
			return
		}
	}
	respond(w, http.StatusOK, map[string]any{"status": "success", "data": s.ingester.metadata.list(r.FormValue("metric"), limit)})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client's loss
}

// noTargets answers questions about scraping: nothing is scraped here.
type noTargets struct{}

func (noTargets) ScrapePools() []string                       { return []string{} }
func (noTargets) TargetsActive() map[string][]*scrape.Target  { return map[string][]*scrape.Target{} }
func (noTargets) TargetsDropped() map[string][]*scrape.Target { return map[string][]*scrape.Target{} }
func (noTargets) TargetsDroppedCounts() map[string]int        { return map[string]int{} }
func (noTargets) ScrapePoolConfig(name string) (*config.ScrapeConfig, error) {
	return nil, fmt.Errorf("there is no scrape pool %q: the collector's receivers scrape", name)
}

// statistics are the storage's, for the API's status pages. Nothing can be deleted through it.
type statistics struct{ *tsdb.DB }

func (s statistics) Stats(byLabel string, limit int) (*tsdb.Stats, error) {
	return s.Head().Stats(byLabel, limit), nil
}

func (statistics) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

func (s statistics) BlockMetas() ([]tsdb.BlockMeta, error) { return s.DB.BlockMetas(), nil }
