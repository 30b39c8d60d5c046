// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package webserver runs the HTTP servers of components that people and programs read from, such as the status page. It adds to
// the Collector's server what protects one that a browser on the same machine reaches: a list of host names, a check of who
// sends requests that change something, a limit of connections, and an end in time.
package webserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"golang.org/x/net/netutil"

	"github.com/otelcol-sre/otelcol-sre/internal/keypair"
)

// grace is how long a stopping server waits for its clients.
const grace = 3 * time.Second

// Keys are what components add to the keys of [confighttp.ServerConfig].
type Keys struct {
	// AllowedHosts are the names under which clients may reach the server, besides its own.
	AllowedHosts []string `mapstructure:"allowed_hosts"`
	// LocalWithoutAuth lets requests from this machine pass without authentication.
	LocalWithoutAuth bool `mapstructure:"local_without_auth"`
	// MaxConnections are open at a time; others wait.
	MaxConnections int `mapstructure:"max_connections"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// NewDefaultKeys returns the keys if nothing is set.
func NewDefaultKeys() Keys { return Keys{MaxConnections: 1000} }

// NewDefaultServerConfig returns a server on an address of this machine that disconnects slow clients.
func NewDefaultServerConfig(endpoint string) confighttp.ServerConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = endpoint
	server.ReadHeaderTimeout = 10 * time.Second
	server.ReadTimeout = time.Minute
	return server
}

// Validate reports every invalid key with its fix.
func (k *Keys) Validate() error {
	var errs []error
	if k.MaxConnections <= 0 {
		errs = append(errs, fmt.Errorf("max_connections: is %d; set it above 0", k.MaxConnections))
	}
	for i, name := range k.AllowedHosts {
		if name != "*" && (name == "" || strings.ContainsAny(name, "/:@ ") || strings.Contains(strings.TrimPrefix(name, "*."), "*")) {
			errs = append(errs, fmt.Errorf("allowed_hosts[%d]: %.100q is not a host name; write one without scheme and port, such as sre.example.com or *.example.com, or * for every name", i, name))
		}
	}
	return errors.Join(errs...)
}

// Settings are what a server needs.
type Settings struct {
	// Component is the one that the server is a part of, for errors.
	Component      string
	Server         *confighttp.ServerConfig
	Keys           Keys
	Host           component.Host
	Telemetry      component.TelemetrySettings
	MaxHeaderBytes int
	Options        []confighttp.ToServerOption
}

// A Server answers until it is shut down.
type Server struct {
	Address net.Addr
	server  *http.Server
	certs   *keypair.Reloading
	running sync.WaitGroup
}

// Listen opens the address, and serves what handler returns for it.
func Listen(ctx context.Context, set Settings, handler func(net.Addr) http.Handler) (*Server, error) {
	listener, err := set.Server.NetAddr.Listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("endpoint: cannot listen on %s: %w; free it, or set another", set.Server.NetAddr.Endpoint, err)
	}
	s := &Server{Address: listener.Addr()}
	// Below TLS: the server has to see TLS connections, to bound their handshakes.
	listener = netutil.LimitListener(listener, set.Keys.MaxConnections)
	failed := func(err error) (*Server, error) {
		s.certs.Stop()
		return nil, errors.Join(err, listener.Close())
	}
	if set.Server.TLS.HasValue() {
		var config *tls.Config
		if config, s.certs, err = keypair.Load(ctx, set.Server.TLS.Get(), set.Telemetry.Logger); err != nil {
			return failed(fmt.Errorf("tls: %w", err))
		}
		config.NextProtos = []string{"h2", "http/1.1"}
		listener = tls.NewListener(listener, config)
	}
	answers := handler(s.Address)
	if s.server, err = set.Server.ToServer(ctx, set.Host.GetExtensions(), set.Telemetry, answers, set.Options...); err != nil {
		return failed(err)
	}
	if set.Keys.LocalWithoutAuth && set.Server.Auth.HasValue() {
		open := *set.Server
		open.Auth = configoptional.None[confighttp.AuthConfig]()
		local, err := open.ToServer(ctx, set.Host.GetExtensions(), set.Telemetry, answers, set.Options...)
		if err != nil {
			return failed(err)
		}
		s.server.Handler = byOrigin(local.Handler, s.server.Handler)
	}
	s.server.MaxHeaderBytes = set.MaxHeaderBytes
	s.server.Handler = guarded(s.server.Handler, set.Keys.hosts(set.Server.NetAddr.Endpoint), set.Server)
	s.running.Go(func() {
		if err := s.server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(set.Host, componentstatus.NewFatalErrorEvent(fmt.Errorf("%s: %w", set.Component, err)))
		}
	})
	return s, nil
}

// Shutdown waits for answers that are being written, but not for clients that do not finish.
func (s *Server) Shutdown(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	err := s.server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	s.certs.Stop()
	s.running.Wait()
	return err
}
