// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// jaegerSearch is a search in Jaeger, for which the SDK has no type.
type jaegerSearch struct {
	RefID      string                `json:"refId"`
	QueryType  string                `json:"queryType"`
	Service    string                `json:"service"`
	Tags       string                `json:"tags"`
	Limit      int                   `json:"limit"`
	Datasource *common.DataSourceRef `json:"datasource"`
}

var _ variants.Dataquery = jaegerSearch{}

// ImplementsDataqueryVariant marks the type as a query.
func (jaegerSearch) ImplementsDataqueryVariant() {}

// DataqueryType is the data source's.
func (jaegerSearch) DataqueryType() string { return "jaeger" }

// Validate has nothing to check.
func (jaegerSearch) Validate() error { return nil }

// Equals compares queries.
func (s jaegerSearch) Equals(other variants.Dataquery) bool {
	o, ok := other.(jaegerSearch)
	if !ok {
		return false
	}
	same := s.Datasource == nil && o.Datasource == nil || s.Datasource != nil && o.Datasource != nil && s.Datasource.Equals(*o.Datasource)
	s.Datasource, o.Datasource = nil, nil
	return same && s == o
}
