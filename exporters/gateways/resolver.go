// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"fmt"
	"net"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// lookup returns the addresses of a name.
type lookup func(ctx context.Context, name string) ([]net.IPAddr, error)

// follow resolves the name until the exporter ends.
func (b *balancer) follow(ctx context.Context, config *DNSConfig) {
	ticker := time.NewTicker(config.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.resolve(ctx, config)
		}
	}
}

// resolve takes over the addresses of the name. If there are none, the last ones stay.
func (b *balancer) resolve(ctx context.Context, config *DNSConfig) {
	endpoints, err := b.addresses(ctx, config)
	if err == nil {
		err = b.update(ctx, endpoints)
	}
	if err == nil || ctx.Err() != nil {
		b.lost = false
		return
	}
	b.telemetry.ExporterGatewaysLookupsFailed.Add(ctx, 1, metric.WithAttributeSet(b.attributes))
	if !b.lost { // once, not every few seconds
		b.lost = true
		b.set.Logger.Warn("The gateways cannot be resolved; the last known ones go on to be used", zap.String("hostname", config.Hostname), zap.Error(err))
	}
}

func (b *balancer) addresses(ctx context.Context, config *DNSConfig) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	found, err := b.lookup(ctx, config.Hostname)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(found))
	for i, address := range found {
		list[i] = net.JoinHostPort(address.String(), config.Port)
	}
	endpoints, err := parseEndpoints(list)
	if err == nil && len(endpoints) == 0 {
		err = fmt.Errorf("%s has no address", config.Hostname)
	}
	return endpoints, err
}
