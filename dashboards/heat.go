// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/statushistory"
)

// newHeat is a row of cells for each series, one for each step of the panel's interval.
func newHeat(a about, l look, target variants.Dataquery) panel {
	return a.panel("status-history", statushistory.Options{
		ShowValue: common.VisibilityModeNever, RowHeight: 0.9, ColWidth: new(0.95),
		Legend: legend(false), Tooltip: tooltip(), PerPage: new(20.0),
	}, l.config(&statushistory.FieldConfig{LineWidth: new(uint32(0)), FillOpacity: new(uint32(80))}), []variants.Dataquery{target})
}
