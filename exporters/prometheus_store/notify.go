// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/notifier"
	"go.opentelemetry.io/collector/component"
)

const (
	// alertsPath is where Alertmanager takes alerts, API v2.
	alertsPath = "/api/v2/alerts"
	// alertQueue is how many alerts wait for an Alertmanager that does not answer.
	alertQueue = 10_000
	// sendTimeout is how long an Alertmanager may take, where its own timeout is not set.
	sendTimeout = 10 * time.Second
	// lastSend is how long sending may go on after shutdown began.
	lastSend = 5 * time.Second
)

// startNotifier sends alerts to the Alertmanagers, each by the client that its configuration makes.
func (s *store) startNotifier(host component.Host) error {
	sending, end := context.WithCancel(context.Background()) //nolint:gosec // G118: shutdown calls it
	s.endSending = end
	clients := map[string]*http.Client{}
	targets := map[string][]*targetgroup.Group{}
	var alerting config.AlertingConfig
	for i, am := range s.config.Alertmanagers {
		client, err := am.ToClient(sending, host.GetExtensions(), s.set)
		if err != nil {
			return fmt.Errorf("alertmanagers[%d]: %w", i, err)
		}
		u, err := url.Parse(strings.TrimRight(am.Endpoint, "/"))
		if err != nil {
			return fmt.Errorf("alertmanagers[%d].endpoint: %w", i, err)
		}
		clients[u.String()+alertsPath] = client
		one := config.DefaultAlertmanagerConfig
		one.Scheme, one.PathPrefix = u.Scheme, u.Path
		if one.Timeout = model.Duration(am.Timeout); one.Timeout <= 0 {
			one.Timeout = model.Duration(sendTimeout)
		}
		alerting.AlertmanagerConfigs = append(alerting.AlertmanagerConfigs, &one)
		targets[fmt.Sprintf("config-%d", i)] = []*targetgroup.Group{{Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(u.Host)}}}}
	}
	s.notifier = notifier.NewManager(&notifier.Options{
		QueueCapacity: alertQueue, DrainOnShutdown: true, ExternalLabels: s.externalLabels(), Registerer: s.registry,
		Do: func(ctx context.Context, _ *http.Client, req *http.Request) (*http.Response, error) {
			client := clients[req.URL.String()]
			if client == nil {
				return nil, fmt.Errorf("no Alertmanager is configured at %s", req.URL.Redacted())
			}
			ctx, cancel := context.WithCancel(ctx)
			defer context.AfterFunc(sending, cancel)()
			resp, err := client.Do(req.WithContext(ctx)) //nolint:bodyclose // the notifier closes it
			if err != nil {
				cancel()
				return nil, err
			}
			resp.Body = closing{resp.Body, cancel}
			return resp, nil
		},
	}, model.UTF8Validation, s.logger)
	global := config.DefaultGlobalConfig
	global.ExternalLabels = s.externalLabels()
	if err := s.notifier.ApplyConfig(&config.Config{GlobalConfig: global, AlertingConfig: alerting}); err != nil {
		return fmt.Errorf("alertmanagers: %w", err)
	}
	sets := make(chan map[string][]*targetgroup.Group, 1)
	sets <- targets
	s.running.Go(func() { s.notifier.Run(sets) })
	return nil
}

// closing ends a request's context with its answer.
type closing struct {
	io.ReadCloser
	end context.CancelFunc
}

func (c closing) Close() error {
	defer c.end()
	return c.ReadCloser.Close()
}
