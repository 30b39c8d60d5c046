package servicecatalog

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// serviceCatalog is the extension.
type serviceCatalog struct {
	config *Config
	*subscribers
}

var (
	_ extension.Extension = (*serviceCatalog)(nil)
	_ Source              = (*serviceCatalog)(nil)
)

func newServiceCatalog(_ extension.Settings, config *Config) (*serviceCatalog, error) {
	return &serviceCatalog{config: config, subscribers: newSubscribers(&catalog.Catalog{})}, nil
}

func (s *serviceCatalog) Start(context.Context, component.Host) error { return nil }

func (s *serviceCatalog) Shutdown(context.Context) error { return nil }
