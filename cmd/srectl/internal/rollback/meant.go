// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// A subject is the version of a service to go back from, and why.
type subject struct {
	service string // name, or namespace/name
	version string
	why     string
}

// maxWebhook is the size of a body.
const maxWebhook = 4 << 20

// ofWebhook reads what an Alertmanager sends, or an event of an incident as OTLP in JSON. It gives the subject, or the ID of the incident to ask about.
func ofWebhook(body io.Reader) (s *subject, incidentID string, err error) {
	text, err := io.ReadAll(io.LimitReader(body, maxWebhook+1))
	if err != nil || len(text) > maxWebhook {
		return nil, "", fmt.Errorf("the webhook's body cannot be read, or is larger than %d MiB", maxWebhook>>20)
	}
	if logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(text); err == nil && logs.LogRecordCount() > 0 {
		id, err := ofEvents(logs)
		return nil, id, err
	}
	var message struct {
		Alerts []struct {
			Status string            `json:"status"`
			Labels map[string]string `json:"labels"`
		} `json:"alerts"`
	}
	if err := json.Unmarshal(text, &message); err != nil || len(message.Alerts) == 0 {
		return nil, "", errors.New("the standard input is neither a webhook of Alertmanager nor an event of an incident: send the body of one")
	}
	label := func(labels map[string]string, attribute string) string { return labels[promname.Recorded(attribute)] }
	for _, alert := range message.Alerts {
		version, service := label(alert.Labels, semconv.ServiceVersion), label(alert.Labels, semconv.ServiceName)
		if alert.Status != "firing" || version == "" || service == "" {
			continue
		}
		if namespace := label(alert.Labels, semconv.ServiceNamespace); namespace != "" {
			service = namespace + "/" + service
		}
		found := &subject{service, version, "the alert " + terminal.Label(alert.Labels["alertname"]) + " fires"}
		if s != nil && (s.service != found.service || s.version != found.version) {
			return nil, "", wayback.Refuse("the alerts are about several versions: name the service and its version")
		}
		s = found
	}
	if s == nil {
		return nil, "", wayback.Refuse("no alert that fires names a version: send those of DeploymentRegression, or an incident")
	}
	return s, "", nil
}

// ofEvents is the incident of the first event that says one has begun or goes on.
func ofEvents(logs plog.Logs) (string, error) {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				if !event.Is(record) {
					continue
				}
				e, err := event.Read(rl.Resource().Attributes(), record)
				if err != nil {
					return "", err
				}
				if e.State == incident.Resolved {
					return "", wayback.Refuse("the incident is over")
				}
				return e.ID, nil
			}
		}
	}
	return "", errors.New("the standard input has no event of an incident")
}

// ofIncident asks the page of an incident, by its ID or address, which deployment likely caused it.
func ofIncident(ctx context.Context, page *collector.Page, id string) (*subject, error) {
	if at, err := url.Parse(id); err == nil && at.Host != "" {
		_, id, _ = strings.Cut(strings.TrimSuffix(at.Path, "/"), "/incidents/")
	}
	if id == "" || strings.Contains(id, "/") {
		return nil, errors.New("--incident is neither an ID nor the address of an incident's page")
	}
	var found struct {
		State    incident.State `json:"state"`
		Services []struct {
			Namespace string `json:"namespace"`
			Service   string `json:"service"`
		} `json:"services"`
		Change *struct {
			Kind        string  `json:"kind"`
			Service     string  `json:"service"`
			Version     string  `json:"version"`
			Text        string  `json:"text"`
			Probability float64 `json:"probability"`
		} `json:"change"`
	}
	if _, err := page.Get(ctx, "incidents/"+url.PathEscape(id), &found); err != nil {
		return nil, err
	}
	c := found.Change
	switch {
	case found.State == incident.Resolved:
		return nil, wayback.Refuse("the incident is over")
	case c == nil:
		return nil, wayback.Refuse("no change is likely to have caused the incident")
	case c.Version == "" || c.Service == "":
		return nil, wayback.Refuse("what likely caused the incident is no deployment: %s", terminal.Label(c.Text))
	}
	s := &subject{c.Service, c.Version, fmt.Sprintf("it caused incident %s with a probability of %.0f %%", terminal.Label(id), 100*c.Probability)}
	for _, one := range found.Services {
		if one.Service == c.Service && one.Namespace != "" {
			s.service = one.Namespace + "/" + c.Service
		}
	}
	return s, nil
}
