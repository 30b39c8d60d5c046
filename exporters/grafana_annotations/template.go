// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// placeholder is the placeholder of a value in a template.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// dashboard is the URL of the deployment's dashboard; empty without a template.
func (l *Links) dashboard(d *deployment.Deployment) string {
	if l.Dashboard == "" {
		return ""
	}
	return strings.NewReplacer(
		"{service}", inURL(d.Name),
		"{namespace}", inURL(d.Namespace),
		"{environment}", inURL(d.Environment),
		"{version}", inURL(d.Version),
		"{id}", inURL(d.ID),
	).Replace(l.Dashboard)
}

// inURL escapes a value so that it is one in a path and in a query.
func inURL(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

func validateTemplate(template string) error {
	const key = "links.dashboard: "
	u, err := url.Parse(placeholder.ReplaceAllString(template, "x"))
	switch {
	case strings.Contains(template, "${"):
		return errors.New(key + "has ${...}, which the collector takes for an environment variable; write {service}")
	case len(template) > maxURL/2:
		return fmt.Errorf(key+"is %d bytes long; keep it to %d", len(template), maxURL/2)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New(key + "is not an http or https URL; write one such as https://grafana.example.com/d/slo?var-service={service}")
	}
	for _, name := range placeholder.FindAllString(template, -1) {
		switch name {
		case "{service}", "{namespace}", "{environment}", "{version}", "{id}":
		default:
			return fmt.Errorf(key+"contains the unknown placeholder %.40q; use {service}, {namespace}, {environment}, {version} or {id}", name)
		}
	}
	return nil
}
