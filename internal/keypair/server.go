// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package keypair

import (
	"context"
	"crypto/tls"
	"sync"

	"go.opentelemetry.io/collector/config/configtls"
	"go.uber.org/zap"
)

// A Reloading reads a server's files again, until it is stopped.
type Reloading struct {
	end     context.CancelFunc
	running sync.WaitGroup
}

// Stop ends the reading. It may be called on nil, and again.
func (r *Reloading) Stop() {
	if r == nil {
		return
	}
	r.end()
	r.running.Wait()
}

// Load returns a server's configuration of TLS. If its keys ask for it, the certificate is read again while the server runs, and the
// last good one stays in use; the caller has to stop the reading.
func Load(ctx context.Context, keys *configtls.ServerConfig, logger *zap.Logger) (*tls.Config, *Reloading, error) {
	config, err := keys.LoadTLSConfig(ctx)
	if err != nil || !Reloads(keys) {
		return config, nil, err
	}
	pair, err := Read(keys.CertFile, keys.KeyFile)
	if err != nil {
		return nil, nil, err
	}
	config.GetCertificate = pair.Certificate
	ctx, end := context.WithCancel(context.Background())
	r := &Reloading{end: end}
	interval := keys.ReloadInterval // the keys are the caller's
	r.running.Go(func() {
		pair.Watch(ctx, interval, func(err error) {
			if err != nil {
				logger.Error("The certificate and its key cannot be used; the pair before stays in use", zap.Error(err))
			}
		})
	})
	return config, r, nil
}
