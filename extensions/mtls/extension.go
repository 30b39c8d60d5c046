// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/otelcol-sre/otelcol-sre/extensions/mtls/internal/metadata"
)

// mtls is the extension.
type mtls struct {
	component.StartFunc
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
}

var (
	_ extension.Extension            = (*mtls)(nil)
	_ extensionmiddleware.GRPCServer = (*mtls)(nil)
)

// GetGRPCServerOptions returns the server's credentials. Files that cannot be read are an error of the receiver's start.
func (m *mtls) GetGRPCServerOptions(ctx context.Context) ([]grpc.ServerOption, error) {
	config, err := m.config.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	return []grpc.ServerOption{grpc.Creds(counted{TransportCredentials: credentials.NewTLS(config), mtls: m})}, nil
}

// Shutdown ends the extension's own metrics.
func (m *mtls) Shutdown(context.Context) error {
	m.telemetry.Shutdown()
	return nil
}
