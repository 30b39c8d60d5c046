// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
	"github.com/otelcol-sre/otelcol-sre/dashboards"
)

// A dashboardOutput is the format of dashboards, and their folder in Grafana.
type dashboardOutput struct {
	format, labels string
	placement      dashboards.Placement
	// backends are the kinds of data sources for logs and traces that Grafana has, without those that it has not.
	backends, without []string
	// linked: alerts lead to the dashboards in Grafana.
	linked bool
}

// provisioning makes Grafana read the folder, which has files in JSON.
const provisioning = "provisioning.yaml"

func (o *dashboardOutput) flags(flags *pflag.FlagSet) {
	o.placement = dashboards.DefaultPlacement()
	flags.StringVar(&o.format, "dashboard-format", generated.DashboardJSON, "of dashboards: json, configmap (the sidecar of Grafana's Helm chart) or grafanadashboard (grafana-operator)")
	flags.StringVar(&o.placement.Folder, "dashboard-folder", o.placement.Folder, "folder in Grafana")
	flags.StringVar(&o.placement.Directory, "dashboard-directory", o.placement.Directory, "path of the files in Grafana's container, for "+provisioning)
	flags.StringSliceVar(&o.backends, "backends", dashboards.Backends, "data sources for logs and traces that Grafana has; panels of others are left out of dashboards; '': none")
	flags.StringVar(&o.labels, "grafana-labels", "dashboards=grafana", "labels of the Grafana objects that the dashboards select, as name=value,..., for grafanadashboard")
}

func (o *dashboardOutput) check() error {
	if _, ok := generated.DashboardFormats[o.format]; !ok {
		return fmt.Errorf("--dashboard-format %q is not known: write json, configmap or grafanadashboard", o.format)
	}
	var err error
	if o.without, err = dashboards.Without(o.backends); err != nil {
		return fmt.Errorf("--backends: %w", err)
	}
	o.placement.Instances = map[string]string{}
	for pair := range strings.SplitSeq(o.labels, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return fmt.Errorf("--grafana-labels %q are not labels: write name=value, separated by commas", o.labels)
		}
		o.placement.Instances[name] = value
	}
	return nil
}

func (g *generation) plans(services []*catalog.Service) ([]dashboards.Plan, []dashboards.Warning) {
	return dashboards.Plans(services, dashboards.Options{Translation: g.pages.Alerts.Translation, RunbookURL: g.pages.Alerts.RunbookURL, Without: g.grafana.without})
}

// dashboardUIDs gives the uid of a service's dashboard, and of the collector's.
func dashboardUIDs(plans []dashboards.Plan) func(*catalog.Service) string {
	uids := map[string]string{alerts.CollectorService().Slug(): dashboards.CollectorUID}
	for _, p := range plans {
		if p.Service != nil {
			uids[p.Service.Slug()] = p.UID
		}
	}
	return func(s *catalog.Service) string { return uids[s.Slug()] }
}

func (g *generation) dashboards(services []*catalog.Service, r *account) (work, error) {
	plans, warnings := g.plans(services)
	r.problems(warnings)
	format := generated.DashboardFormats[g.grafana.format]
	kept := map[string]bool{provisioning: true}
	var w work
	for _, p := range plans {
		name := strings.TrimSuffix(path.Base(p.Path), ".json") + format.Extension
		kept[name] = true
		w.more = append(w.more, func(r *account) error {
			return g.write(dashboards.Folder, name, func(w io.Writer) error {
				return format.Write(dashboards.File{Path: p.Path, JSON: p.Make()}, w, g.grafana.placement)
			}, r)
		})
	}
	if g.grafana.format == generated.DashboardJSON {
		w.more = append(w.more, func(r *account) error {
			return g.write(dashboards.Folder, provisioning, func(w io.Writer) error { return dashboards.WriteProvisioning(w, g.grafana.placement) }, r)
		})
		w.more = append(w.more, func(r *account) error {
			return g.write(dashboards.Folder, dashboards.LintFile, dashboards.WriteLint, r)
		})
	}
	w.finish = func(r *account) error { return g.retire(dashboards.Folder, format.Extension, kept, r) }
	return w, nil
}
