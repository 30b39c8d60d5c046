package slo

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
)

type sloProcessor struct {
	config *Config
	next   consumer.Metrics
}

func newProcessor(_ processor.Settings, config *Config, next consumer.Metrics) (*sloProcessor, error) {
	return &sloProcessor{config: config, next: next}, nil
}

func (p *sloProcessor) start(context.Context, component.Host) error { return nil }

func (p *sloProcessor) shutdown(context.Context) error { return nil }

func (p *sloProcessor) consume(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	return md, nil
}
