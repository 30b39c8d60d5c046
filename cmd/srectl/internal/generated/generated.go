// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package generated describes the files that srectl generates, for generate and lint.
package generated

import (
	"bytes"
	"io"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/dashboards"
)

// AlertsFolder is where rule files and their tests are, below the output folder.
const AlertsFolder = "alerts"

// Is reports whether a file was generated, so that it may be overwritten.
func Is(text []byte) bool {
	return bytes.HasPrefix(text, []byte(alerts.Header)) || dashboards.Generated(text)
}

// CutUID removes the placeholder of a dashboard's uid from a prefix of links.
func CutUID(base *string) (found bool) {
	*base, found = strings.CutSuffix(strings.TrimRight(*base, "/"), "/{uid}")
	return found
}

// DashboardJSON is the format of dashboards that Grafana reads from files.
const DashboardJSON = "json"

// A DashboardFormat is a format of dashboards with its file extension.
type DashboardFormat struct {
	Extension string
	Write     func(dashboards.File, io.Writer, dashboards.Placement) error
}

// DashboardFormats are the formats of dashboards, by name.
var DashboardFormats = map[string]DashboardFormat{
	DashboardJSON: {".json", func(f dashboards.File, w io.Writer, _ dashboards.Placement) error {
		_, err := w.Write(f.JSON)
		return err
	}},
	"configmap":        {".yaml", dashboards.File.WriteConfigMap},
	"grafanadashboard": {".yaml", dashboards.File.WriteGrafanaDashboard},
}
