// Package generated has what generate and lint both know of the files that srectl generates.
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

// Is tells a file that may be overwritten: somebody may have written one by hand.
func Is(text []byte) bool {
	return bytes.HasPrefix(text, []byte(alerts.Header)) || dashboards.Generated(text)
}

// CutUID takes the place of a dashboard's uid off a base of links, if it has one.
func CutUID(base *string) (found bool) {
	*base, found = strings.CutSuffix(strings.TrimRight(*base, "/"), "/{uid}")
	return found
}

// DashboardJSON is the format of dashboards that Grafana reads from files.
const DashboardJSON = "json"

// A DashboardFormat is how a dashboard is written, and how its file ends.
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
