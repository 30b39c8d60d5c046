// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/otelcol-sre/otelcol-sre/extensions/mtls/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/keypair"
)

// mtls is the extension.
type mtls struct {
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder

	pair    *keypair.Pair // nil: the files are read once
	end     context.CancelFunc
	running sync.WaitGroup
}

var (
	_ extension.Extension            = (*mtls)(nil)
	_ extensionmiddleware.GRPCServer = (*mtls)(nil)
)

// Start reads the files again at every interval. Files that cannot be read at first are an error.
func (m *mtls) Start(context.Context, component.Host) (err error) {
	if !keypair.Reloads(&m.config.ServerConfig) {
		return nil
	}
	if m.pair, err = keypair.Read(m.config.CertFile, m.config.KeyFile); err != nil {
		return fmt.Errorf("cert_file, key_file: %w", err)
	}
	ctx, end := context.WithCancel(context.Background())
	m.end = end
	m.running.Go(func() { m.pair.Watch(ctx, m.config.ReloadInterval, m.report) })
	return nil
}

// report logs and counts that the files changed, or that they cannot be used.
func (m *mtls) report(err error) {
	outcome := "changed"
	if err != nil {
		outcome = "failed"
		m.logger.Error("The certificate and its key cannot be used; the pair before stays in use", zap.Error(err))
	} else {
		m.logger.Info("A new certificate is in use", zap.String("file", m.config.CertFile))
	}
	m.telemetry.ExtensionMtlsReloads.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

// GetGRPCServerOptions returns the server's credentials. Files that cannot be read are an error of the receiver's start.
func (m *mtls) GetGRPCServerOptions(ctx context.Context) ([]grpc.ServerOption, error) {
	config, err := m.config.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	if m.pair != nil {
		config.GetCertificate = m.pair.Certificate
	}
	return []grpc.ServerOption{grpc.Creds(counted{TransportCredentials: credentials.NewTLS(config), mtls: m})}, nil
}

// Shutdown ends the reading and the extension's own metrics.
func (m *mtls) Shutdown(context.Context) error {
	if m.end != nil {
		m.end()
	}
	m.running.Wait()
	m.telemetry.Shutdown()
	return nil
}
