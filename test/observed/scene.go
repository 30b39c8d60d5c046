// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// A Scene is all that runs: the shop and its collector, which passes on what it gets to one that is in
// trouble, and one that is short of memory. Of these two only what they say of themselves is scraped.
type Scene struct {
	Shop                         *Shop
	Collector, Troubled, Starved *Collector
	Prometheus                   *Prometheus

	bin     string
	catalog string // of the two in trouble
	senders sync.WaitGroup
	end     context.CancelFunc
}

// SceneConfig says where its parts are, and which rules apply to it.
type SceneConfig struct {
	// Bin, Catalog and Folder are folders: of the binaries, of the catalog, and an empty one for state and logs.
	Bin, Catalog, Folder string
	Rules                []string
	Lapse                Lapse
	// Backends are what the collector of the shop sends to. With them the scene has no Prometheus of its own.
	Backends Backends
}

// Backends are fragments, and the variables that they read.
type Backends struct{ Fragments, Env []string }

const (
	// gateway takes counters of others, too.
	gateway = `{receivers: {` + silent + `}, exporters: {gateways: {endpoints: "` + nobody + `", tls: {insecure: true}}},` +
		` service: {pipelines: {metrics/derived: {receivers: [otlp]}, logs/none: {receivers: [file_log/none], exporters: [gateways]}, ` + sampled + `}}}`
	silent  = `file_log/none: {include: [/nowhere/*.log]}` // a receiver of nothing
	sampled = `traces: {exporters: [forward/sampled]}, traces/sampled: {receivers: [forward/sampled], processors: [trace_sampler], exporters: [nop]}`
	// troubled has a backend that is never there, takes counters from anybody, loses its credentials, replaces its storage files all the time,
	// cannot hold the spans that it is asked to, and does not find its gateways.
	troubled = `{extensions: {%s, file_storage: {compaction: {on_rebound: true, rebound_needed_threshold_mib: 0, check_interval: 1s, directory: "${env:OTELCOL_SRE_STORAGE}.new"}}},` +
		` processors: {trace_sampler: {wait: 5m, max_bytes: 1048576}}, connectors: {sli: {settle_timeout: 2s}}, receivers: {` + silent + `}, exporters: {gateways/lost: {dns: {hostname: gateways.invalid, interval: 1s}}, otlp_grpc/downstream: {retry_on_failure: {initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 3s},` +
		` sending_queue: {storage: null, sizer: requests, queue_size: 1, num_consumers: 1, batch: {flush_timeout: 100ms}}}},` +
		` service: {extensions: [bearertokenauth/lost, mtls/lost], pipelines: {metrics/derived: {receivers: [otlp]}, logs/none: {receivers: [file_log/none], exporters: [gateways/lost]}, ` + sampled + `}}}`
	nobody = "localhost:1"
	// starved has a limit that is below what the collector needs for itself.
	starved = `{processors: {memory_limiter: {limit_mib: 2, spike_limit_mib: 1, check_interval: 100ms}}}`
)

// Begin starts all of it.
func Begin(ctx context.Context, config SceneConfig) (_ *Scene, err error) {
	s := &Scene{bin: config.Bin, end: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	collector := func(name, catalog, yaml, downstream string, backends Backends) (*Collector, error) {
		folder := filepath.Join(config.Folder, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
		return StartCollector(ctx, CollectorConfig{Bin: config.Bin, Catalog: catalog, Folder: folder, YAML: yaml, Downstream: downstream, Backends: backends})
	}
	s.catalog = filepath.Join(config.Folder, "catalog")
	if err = os.CopyFS(s.catalog, os.DirFS(config.Catalog)); err != nil {
		return nil, err
	}
	if err = os.WriteFile(filepath.Join(s.catalog, "odd.yaml"), []byte(oddCatalog), 0o600); err != nil {
		return nil, err
	}
	if s.Starved, err = collector("starved", s.catalog, starved, "", Backends{}); err != nil {
		return nil, err
	}
	files, err := newCredentials(filepath.Join(config.Folder, "credentials"))
	if err != nil {
		return nil, err
	}
	if s.Troubled, err = collector("troubled", s.catalog, fmt.Sprintf(troubled, files.extensions()), nobody, Backends{}); err != nil {
		return nil, err
	}
	if err = s.Troubled.damage(ctx); err != nil {
		return nil, err
	}
	if err = errors.Join(s.Troubled.lose(), files.lose()); err != nil {
		return nil, err
	}
	if s.Collector, err = collector("collector", config.Catalog, gateway, s.Troubled.OTLP, config.Backends); err != nil {
		return nil, err
	}
	if err = s.Collector.postMetrics(ctx, past(time.Now())); err != nil {
		return nil, err
	}
	if s.Shop, err = StartShop(ctx, config.Bin, config.Folder, s.Collector, "--rate", calm); err != nil {
		return nil, err
	}
	s.send(ctx)
	if len(config.Backends.Fragments) > 0 {
		return s, nil
	}
	s.Prometheus, err = Start(ctx, Options{Rules: config.Rules, Lapse: config.Lapse, Targets: map[string][]string{
		JobServices:  {s.Collector.Services},
		JobCollector: {s.Collector.Own, s.Troubled.Own, s.Starved.Own},
	}})
	return s, err
}

// Live lives through the story, and returns while the trouble goes on.
func (s *Scene) Live(ctx context.Context) error {
	broken := filepath.Join(s.catalog, "broken.yaml")
	if err := os.WriteFile(broken, []byte("kind: Service\nspec: {}\n"), 0o600); err != nil {
		return err
	}
	announced := make(chan error, 1)
	time.AfterFunc(announcement, func() {
		announced <- errors.Join(s.mark(ctx, "payment", firstDeploy), s.mark(ctx, "frontend", neverDeployed), s.Collector.postLogs(ctx, change()))
	})
	if err := errors.Join(s.Shop.live(ctx), <-announced); err != nil {
		return err
	}
	if s.Prometheus == nil {
		return nil
	}
	return s.Prometheus.settle(ctx)
}

// change is one of the infrastructure, which concerns all services.
func change() plog.Logs {
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName("change.infrastructure")
	record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	for key, value := range map[string]string{"change.name": "node pool", "change.previous": "a", "change.value": "b", "user.name": "sre"} {
		record.Attributes().PutStr(key, value)
	}
	return logs
}

// mark tells the collector of a deployment that begins, as a pipeline does, which knows more than the telemetry.
func (s *Scene) mark(ctx context.Context, service, version string) error {
	mark := exec.CommandContext(ctx, filepath.Join(s.bin, "srectl"), "mark", "--service", service, "--namespace", "shop",
		"--environment", "production", "--version", version, "--status", "started",
		"--revision", "02c9b5d4490234a6f3cbf8ac47cbbdb0b4ebcdee", "--commit-time", time.Now().Add(-time.Hour).Format(time.RFC3339))
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+s.Collector.OTLPHTTP)
	if out, err := mark.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Silence ends the shop and all that sends in its name. The collectors go on.
func (s *Scene) Silence() {
	s.end()
	s.senders.Wait()
	s.Shop.Stop()
}

// Close ends all.
func (s *Scene) Close() (err error) {
	s.end()
	s.senders.Wait()
	if s.Prometheus != nil {
		err = s.Prometheus.Close()
	}
	if s.Shop != nil {
		s.Shop.Stop()
	}
	for _, c := range []*Collector{s.Collector, s.Troubled, s.Starved} {
		if c != nil {
			c.Stop()
		}
	}
	return err
}
