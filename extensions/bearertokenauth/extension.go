// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package bearertokenauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"google.golang.org/grpc/credentials"

	"github.com/otelcol-sre/otelcol-sre/extensions/bearertokenauth/internal/metadata"
)

// authenticator is what contrib's extension does with a fixed list of tokens.
type authenticator interface {
	extensionauth.Server
	extensionauth.HTTPClient
	extensionauth.GRPCClient
}

// tokens is the extension.
type tokens struct {
	config    *Config
	set       extension.Settings
	telemetry *metadata.TelemetryBuilder

	current atomic.Pointer[authenticator] // nil: no token is valid
	file    *file                         // nil: tokens are in the config
	end     context.CancelFunc
	running sync.WaitGroup
}

var (
	_ extension.Extension = (*tokens)(nil)
	_ authenticator       = (*tokens)(nil)
)

var errNoToken = errors.New("no token is valid: the file of tokens is empty")

// Start reads the tokens, and reads the file again and again.
func (t *tokens) Start(context.Context, component.Host) error {
	if t.config.Filename == "" {
		keys := t.config.Config
		return t.use(&keys)
	}
	t.file = &file{name: t.config.Filename}
	found, _, err := t.file.read()
	if err != nil {
		return fmt.Errorf("filename: %w; create the file, with a token in each line", err)
	}
	if err := t.useList(found); err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	t.end = end
	t.running.Go(func() {
		ticker := time.NewTicker(t.config.ReloadInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				t.reload()
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

// reload reads the file, and uses its tokens if they changed.
func (t *tokens) reload() {
	found, changed, err := t.file.read()
	if err == nil && changed {
		err = t.useList(found)
	}
	outcome := "changed"
	switch {
	case err != nil:
		outcome = "failed"
		t.set.Logger.Error("The file of tokens cannot be read; the tokens that were read before stay valid", zap.String("file", t.file.name), zap.Error(err))
	case !changed:
		return
	case len(found) == 0:
		outcome = "revoked"
		t.set.Logger.Warn("The file of tokens is empty: no token is valid any more", zap.String("file", t.file.name))
	default:
		t.set.Logger.Info("The tokens changed", zap.String("file", t.file.name), zap.Int("tokens", len(found)))
	}
	t.telemetry.ExtensionBearertokenauthReloads.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (t *tokens) useList(found []string) error {
	if len(found) == 0 {
		t.current.Store(nil)
		return nil
	}
	keys := &upstream.Config{Header: t.config.Header, Scheme: t.config.Scheme}
	for _, token := range found {
		keys.Tokens = append(keys.Tokens, opaque(token))
	}
	return t.use(keys)
}

// use makes contrib's extension for tokens that do not change.
func (t *tokens) use(keys *upstream.Config) error {
	factory := upstream.NewFactory()
	set := t.set
	set.ID = component.NewIDWithName(factory.Type(), set.ID.Name())
	made, err := factory.Create(context.Background(), set, keys)
	if err != nil {
		return err
	}
	known, ok := made.(authenticator)
	if !ok {
		return fmt.Errorf("contrib's %v does not authenticate any more", factory.Type())
	}
	t.current.Store(&known)
	return nil
}

// Authenticate implements [extensionauth.Server].
func (t *tokens) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	current := t.current.Load()
	if current == nil {
		return ctx, errNoToken
	}
	return (*current).Authenticate(ctx, headers)
}

// RoundTripper implements [extensionauth.HTTPClient]. Each request has the token that is the first one then.
func (t *tokens) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		current := t.current.Load()
		if current == nil {
			return nil, errNoToken
		}
		next, err := (*current).RoundTripper(base)
		if err != nil {
			return nil, err
		}
		return next.RoundTrip(request)
	}), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// PerRPCCredentials implements [extensionauth.GRPCClient].
func (t *tokens) PerRPCCredentials() (credentials.PerRPCCredentials, error) { return perRPC{t}, nil }

type perRPC struct{ tokens *tokens }

// GetRequestMetadata implements [credentials.PerRPCCredentials].
func (p perRPC) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	current := p.tokens.current.Load()
	if current == nil {
		return nil, errNoToken
	}
	next, err := (*current).PerRPCCredentials()
	if err != nil {
		return nil, err
	}
	return next.GetRequestMetadata(ctx, uri...)
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]: a token is not sent in clear text.
func (perRPC) RequireTransportSecurity() bool { return true }

// Shutdown ends the reading.
func (t *tokens) Shutdown(context.Context) error {
	if t.end != nil {
		t.end()
	}
	t.running.Wait()
	t.telemetry.Shutdown()
	return nil
}
